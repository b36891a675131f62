"""The categorical distribution: one of several categories."""

from __future__ import annotations

import math
from typing import Any

import gradviz as torch
from gradviz.core.size import Size
from gradviz.core.tensor import Tensor

from . import constraints
from .distribution import Distribution
from .utils import ProbsOrLogits


class Categorical(ProbsOrLogits, Distribution):
    """Category 0 ... K-1, each as likely as `probs` says along its last dimension, or as `softmax(logits)` says.

    `probs` are divided by their sum; `logits` are kept as log probabilities. Values are integers.
    https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.categorical.Categorical
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True
    _is_binary = False
    _batched = {"probs": 1, "logits": 1}
    _copied = ("_given", "_num_events")

    def __init__(
        self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool | None = None
    ) -> None:
        given = self._choose(probs, logits)
        if given.dim() < 1:
            raise ValueError(f"`{self._given}` parameter must be at least one-dimensional.")
        if self._given == "probs":
            self.probs = given / given.sum(-1, keepdim=True)
        else:
            self.logits = given - given.logsumexp(dim=-1, keepdim=True)
        self._num_events = self._param.size()[-1]
        super().__init__(self._param.size()[:-1], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self._num_events - 1)

    def _undefined(self) -> Tensor:
        made: Tensor = torch.full(self._batch_shape, math.nan, dtype=self.probs.dtype, device=self.probs.device)
        return made

    @property
    def mean(self) -> Tensor:
        return self._undefined()

    @property
    def mode(self) -> Tensor:
        return self.probs.argmax(dim=-1)

    @property
    def variance(self) -> Tensor:
        return self._undefined()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = Size(sample_shape)
        rows = self.probs.reshape((-1, self._num_events))
        drawn: Tensor = torch.multinomial(rows.detach(), shape.numel(), True).T
        return drawn.reshape(self._extended_shape(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        index, log_probs = torch.broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        found: Tensor = log_probs.gather(-1, index[..., :1]).squeeze(-1)
        return found

    def entropy(self) -> Tensor:
        least = torch.finfo(self.logits.dtype).min
        return -(self.logits.clamp(min=least) * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return self._all_values(torch.arange(self._num_events, dtype=torch.long, device=self._param.device), expand)
