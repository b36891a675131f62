"""Categories softened, so that samples have gradients."""

from __future__ import annotations

from typing import Any

import gradviz as torch
from gradviz.core.tensor import Tensor

from . import constraints
from .categorical import Categorical
from .distribution import Distribution
from .transformed_distribution import TransformedDistribution
from .transforms import ExpTransform
from .utils import broadcast_all, clamp_probs


class ExpRelaxedCategorical(Distribution):
    """The logarithms of a RelaxedOneHotCategorical vector: Gumbel noise on the logits, then log softmax.

    https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.relaxed_categorical.ExpRelaxedCategorical
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.real_vector
    has_rsample = True
    _batched = {"_categorical": 0}
    _copied = ("temperature",)

    def __init__(
        self, temperature: Any, probs: Tensor | None = None, logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        self.temperature, self._categorical = temperature, Categorical(probs, logits)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args=validate_args)

    def _new(self, *args: Any, **kwargs: Any) -> Tensor:
        return self._categorical._new(*args, **kwargs)

    @property
    def param_shape(self) -> Any:
        return self._categorical.param_shape

    @property
    def logits(self) -> Tensor:
        return self._categorical.logits

    @property
    def probs(self) -> Tensor:
        return self._categorical.probs

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        unit = clamp_probs(torch.rand(shape, dtype=self.logits.dtype, device=self.logits.device))
        scores = (self.logits + -(-(unit.log())).log()) / self.temperature
        drawn: Tensor = scores - scores.logsumexp(dim=-1, keepdim=True)
        return drawn

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        logits, value = broadcast_all(self.logits, value)
        k, temperature = self._categorical._num_events, self.temperature
        scale = torch.full_like(torch.as_tensor(temperature), float(k)).lgamma() - torch.as_tensor(
            temperature
        ).log().mul(-(k - 1))
        score = logits - value.mul(temperature)
        log_prob: Tensor = (score - score.logsumexp(dim=-1, keepdim=True)).sum(-1) + scale
        return log_prob


class RelaxedOneHotCategorical(TransformedDistribution):
    """A one-hot vector softened, the less the lower the `temperature`; samples have gradients.

    The concrete, or Gumbel-softmax, distribution.
    https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.relaxed_categorical.RelaxedOneHotCategorical
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.simplex
    has_rsample = True
    _batched: dict[str, int] = {}
    base_dist: ExpRelaxedCategorical

    def __init__(
        self, temperature: Any, probs: Tensor | None = None, logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args=validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)

    @property
    def temperature(self) -> Any:
        return self.base_dist.temperature

    @property
    def logits(self) -> Tensor:
        return self.base_dist.logits

    @property
    def probs(self) -> Tensor:
        return self.base_dist.probs
