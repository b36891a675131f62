"""Mixtures of distributions of one family."""

from __future__ import annotations

from typing import Any

from gradviz.core.mode import no_grad
from gradviz.core.size import Size
from gradviz.core.tensor import Tensor

from . import constraints
from .categorical import Categorical
from .distribution import Distribution


class MixtureSameFamily(Distribution):
    """One of several distributions, chosen by a Categorical, then a value from it.

    Args: mixture_distribution: a Categorical over the components; component_distribution: a distribution whose last
    batch dimension is the components.
    https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.mixture_same_family.MixtureSameFamily
    """

    arg_constraints: dict[str, Any] = {}
    _batched: dict[str, int] = {}
    _copied = ("_num_component", "_event_ndims")

    def __init__(
        self, mixture_distribution: Any, component_distribution: Any, validate_args: bool | None = None
    ) -> None:
        self._mixture_distribution, self._component_distribution = mixture_distribution, component_distribution
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(" The Mixture distribution needs to be an  instance of torch.distributions.Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("The Component distribution needs to be an instance of torch.distributions.Distribution")
        mixed, batch = mixture_distribution.batch_shape, component_distribution.batch_shape[:-1]
        for ours, theirs in zip(reversed(mixed), reversed(batch), strict=False):
            if ours != 1 and theirs != 1 and ours != theirs:
                raise ValueError(
                    f"`mixture_distribution.batch_shape` ({mixed}) is not compatible with "
                    f"`component_distribution.batch_shape`({batch})"
                )
        km, kc = mixture_distribution.logits.shape[-1], component_distribution.batch_shape[-1]
        if km is not None and kc is not None and km != kc:
            raise ValueError(
                f"`mixture_distribution component` ({km}) does not equal "
                f"`component_distribution.batch_shape[-1]` ({kc})"
            )
        self._num_component, event = km, component_distribution.event_shape
        self._event_ndims = len(event)
        super().__init__(batch, event, validate_args=validate_args)

    def _expand_more(self, new: Any, shape: Any) -> None:
        new._component_distribution = self._component_distribution.expand(Size((*shape, self._num_component)))
        new._mixture_distribution = self._mixture_distribution.expand(shape)

    @constraints.dependent_property
    def support(self) -> Any:
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self) -> Any:
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Any:
        return self._component_distribution

    @property
    def _weights(self) -> Tensor:
        return self._pad_mixture_dimensions(self.mixture_distribution.probs)

    def _average(self, values: Tensor) -> Tensor:
        return (self._weights * values).sum(dim=-1 - self._event_ndims)

    @property
    def mean(self) -> Tensor:
        return self._average(self.component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        inside = self._average(self.component_distribution.variance)
        between = self._average((self.component_distribution.mean - self._pad(self.mean)).pow(2.0))
        return inside + between

    def cdf(self, x: Tensor) -> Tensor:
        below = self.component_distribution.cdf(self._pad(x))
        return (below * self.mixture_distribution.probs).sum(dim=-1)

    def log_prob(self, x: Tensor) -> Tensor:
        self._checked(x)
        of_component = self.component_distribution.log_prob(self._pad(x))
        found: Tensor = (of_component + self.mixture_distribution.logits.log_softmax(-1)).logsumexp(dim=-1)
        return found

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            batch, event = len(Size(sample_shape)) + len(self.batch_shape), self.event_shape
            chosen = self.mixture_distribution.sample(sample_shape)
            values = self.component_distribution.sample(sample_shape)
            index = chosen.reshape((*chosen.shape, *(1,) * (len(event) + 1)))
            index = index.expand((*chosen.shape, 1, *event))
            drawn: Tensor = values.gather(batch, index).squeeze(batch)
            return drawn

    def _pad(self, x: Tensor) -> Tensor:
        return x.unsqueeze(-1 - self._event_ndims)

    def _pad_mixture_dimensions(self, x: Tensor) -> Tensor:
        more = len(self.batch_shape) - len(self.mixture_distribution.batch_shape)
        shape = x.shape
        return x.reshape((*shape[:-1], *(1,) * more, *shape[-1:], *(1,) * self._event_ndims))

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self.mixture_distribution},\n  {self.component_distribution})"
