"""TransformedDistribution: what becomes of a distribution when its values go through transforms."""

from __future__ import annotations

from typing import Any

from gradviz.core.mode import no_grad
from gradviz.core.tensor import Tensor

from . import constraints
from .distribution import Distribution
from .independent import Independent
from .transforms import ComposeTransform, Transform
from .utils import _sum_rightmost


class TransformedDistribution(Distribution):
    """The distribution of `y = f(x)`, x from a base distribution and f one transform or several in turn.

    `log p(y) = log p(x) - log |det dy/dx|`, with x found by the inverse.
    Args: base_distribution; transforms: a Transform or a list of them.
    https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.transformed_distribution.TransformedDistribution
    """

    arg_constraints: dict[str, Any] = {}
    _batched: dict[str, int] = {}

    def __init__(self, base_distribution: Any, transforms: Any, validate_args: bool | None = None) -> None:
        if isinstance(transforms, Transform):
            self.transforms = [transforms]
        elif not isinstance(transforms, list):
            raise ValueError(f"transforms must be a Transform or list, but was {transforms}")
        elif not all(isinstance(t, Transform) for t in transforms):
            raise ValueError("transforms must be a Transform or a list of Transforms")
        else:
            self.transforms = transforms
        whole = ComposeTransform(self.transforms)
        shape = base_distribution.batch_shape + base_distribution.event_shape
        base_events = len(base_distribution.event_shape)
        if len(shape) < whole.domain.event_dim:
            raise ValueError(
                f"base_distribution needs to have shape with size at least {whole.domain.event_dim}, but got {shape}."
            )
        made = whole.forward_shape(shape)
        needed = whole.inverse_shape(made)
        if tuple(needed) != tuple(shape):
            base_distribution = base_distribution.expand(needed[: len(needed) - base_events])
        more = whole.domain.event_dim - base_events
        self.base_dist = Independent(base_distribution, more) if more > 0 else base_distribution
        events = whole.codomain.event_dim + max(base_events - whole.domain.event_dim, 0)
        cut = len(made) - events
        super().__init__(made[:cut], made[cut:], validate_args=validate_args)

    def _expand_more(self, new: Any, shape: Any) -> None:
        new.transforms = self.transforms
        inner = shape + self.event_shape
        for transform in reversed(self.transforms):
            inner = transform.inverse_shape(inner)
        new.base_dist = self.base_dist.expand(inner[: len(inner) - len(self.base_dist.event_shape)])

    @constraints.dependent_property(is_discrete=False)
    def support(self) -> Any:
        if not self.transforms:
            return self.base_dist.support
        last = self.transforms[-1].codomain
        more = len(self.event_shape) - last.event_dim
        return constraints.independent(last, more) if more > 0 else last

    @property
    def has_rsample(self) -> Any:
        return self.base_dist.has_rsample

    def _through(self, x: Any) -> Any:
        for transform in self.transforms:
            x = transform(x)
        return x

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            drawn: Tensor = self._through(self.base_dist.sample(sample_shape))
            return drawn

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        drawn: Tensor = self._through(self.base_dist.rsample(sample_shape))
        return drawn

    def log_prob(self, value: Tensor) -> Tensor:
        y, dims = self._checked(value), len(self.event_shape)
        result: Any = 0.0
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            dims += transform.domain.event_dim - transform.codomain.event_dim
            stretch = transform.log_abs_det_jacobian(x, y)
            result = result - _sum_rightmost(stretch, dims - transform.domain.event_dim)
            y = x
        return result + _sum_rightmost(self.base_dist.log_prob(y), dims - len(self.base_dist.event_shape))

    def _monotonize_cdf(self, value: Any) -> Any:
        """Turns a probability round where the transforms fall."""
        sign: Any = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        if isinstance(sign, int) and sign == 1:
            return value
        return sign * (value - 0.5) + 0.5

    def cdf(self, value: Tensor) -> Tensor:
        for transform in self.transforms[::-1]:
            value = transform.inv(value)
        if self._validate_args:
            self.base_dist._validate_sample(value)
        found: Tensor = self._monotonize_cdf(self.base_dist.cdf(value))
        return found

    def icdf(self, value: Tensor) -> Tensor:
        found: Tensor = self._through(self.base_dist.icdf(self._monotonize_cdf(value)))
        return found
