"""The von Mises distribution: angles."""

from __future__ import annotations

import math
from typing import Any

import gradviz as torch
from gradviz.core.mode import no_grad
from gradviz.core.tensor import Tensor

from . import constraints
from .distribution import Distribution
from .utils import broadcast_all, lazy_property


def _log_bessel(x: Tensor, order: int) -> Tensor:
    """log I_order(x), order 0 or 1, of positive x."""
    scaled: Tensor = torch.special.i1e(x) if order else torch.special.i0e(x)
    return scaled.log() + x


class VonMises(Distribution):
    """Angles in [-π, π) about `loc`: `p(x) ∝ exp(concentration cos(x - loc))`.

    Samples come from a wrapped Cauchy distribution, accepted as often as they should (Best and Fisher, 1979).
    https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.von_mises.VonMises
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    _batched = {"loc": 0, "concentration": 0}

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, torch.Size(), validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        height = self.concentration * (value - self.loc).cos()
        return height - math.log(2 * math.pi) - _log_bessel(self.concentration, order=0)

    @lazy_property
    def _loc(self) -> Tensor:
        return self.loc.to(torch.double)

    @lazy_property
    def _concentration(self) -> Tensor:
        return self.concentration.to(torch.double)

    @lazy_property
    def _proposal_r(self) -> Tensor:
        kappa = self._concentration
        tau = 1 + (1 + 4 * kappa**2).sqrt()
        rho = (tau - (2 * tau).sqrt()) / (2 * kappa)
        exact = (1 + rho**2) / (2 * rho)
        small: Tensor = torch.where(kappa < 1e-5, 1 / kappa + kappa, exact)
        return small

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with no_grad():
            r, kappa = self._proposal_r, self._concentration
            x = torch.empty(shape, dtype=self._loc.dtype, device=self.loc.device)
            done = torch.zeros(shape, dtype=torch.bool, device=self.loc.device)
            while not done.all():
                u1, u2, u3 = torch.rand((3, *shape), dtype=self._loc.dtype, device=self.loc.device).unbind()
                z = (math.pi * u1).cos()
                f = (1 + r * z) / (r + z)
                c = kappa * (r - f)
                accept = ((c * (2 - c) - u2) > 0) | ((c / u2).log() + 1 - c >= 0)
                if accept.any():
                    x = torch.where(accept, (u3 - 0.5).sign() * f.acos(), x)
                    done = done | accept
            turned: Tensor = (x + math.pi + self._loc) % (2 * math.pi) - math.pi
            return turned.to(self.loc.dtype)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @lazy_property
    def variance(self) -> Tensor:
        """The circular variance: 1 less the length of the mean direction."""
        return 1 - (_log_bessel(self.concentration, order=1) - _log_bessel(self.concentration, order=0)).exp()
