"""Random numbers written into a tensor: `uniform_`, `normal_`, `random_`, `bernoulli_`, `exponential_`.

They are what layers initialise with, inside `no_grad`: a leaf that requires grad refuses them otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.core import errors
from gradviz.core.clock import wrote
from gradviz.core.dtype import dtype, finfo
from gradviz.core.errors import noted
from gradviz.core.inplace import check_write
from gradviz.core.mode import grad_mode
from gradviz.core.op import method
from gradviz.core.ops.distributions import check_std, probabilities, probability
from gradviz.core.ops.factory import read_int
from gradviz.core.ops.sample import C_NAMES, beside, check_bounds, on_device, require_floating, source
from gradviz.core.tensor import Tensor


def _fill(self: Tensor, name: str, generator: Any, draw: Callable[[Any, int], Any]) -> Tensor:
    """Write `draw(generator, n)` into the tensor's memory, in the order in which the memory lies."""
    check_write(self, name)
    array = self._array
    drawn = on_device(draw(source(name, generator, self.device), array.size), self.device)
    if not array.flags.c_contiguous:
        array = array.transpose(np.argsort([-abs(step) for step in array.strides], kind="stable").tolist())
    array[...] = drawn.reshape(array.shape)
    wrote(self)
    if grad_mode.get() and self._edge is not None:
        # What was computed is gone, and the new numbers depend on nothing.
        self._edge, self._needs = None, False
    return self


@method
def uniform_(self: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with numbers drawn uniformly from [from, to)."""
    kind = self.dtype
    require_floating("check_uniform_bounds", kind)
    most = _largest(kind)
    for name, value in (("from", from_), ("to", to)):
        if not -most <= value <= most:
            raise noted(RuntimeError(f"{name} is out of bounds for {C_NAMES[kind.name]}\nGot {value} for {kind!r}."))
    if from_ > to:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={from_:g} > to={to:g}")
    if to - from_ > most:
        raise noted(
            RuntimeError(
                f"uniform_ expects to-from <= std::numeric_limits<{errors.scalar_type(kind)}>::max(), "
                f"but found to={to:g} and from={from_:g} which result in to-from to exceed the limit"
            )
        )
    return _fill(self, "uniform_", generator, lambda draws, n: draws.uniform(n, kind.numpy, from_, to))


def _largest(kind: dtype) -> float:
    found: Any = finfo(kind)
    return float(found.max)


@method
def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with normal numbers of the given mean and standard deviation."""
    check_std(std)
    require_floating("normal_kernel_cpu", self.dtype)
    kind, block = self.dtype.numpy, bool(self._array.flags.c_contiguous)
    return _fill(self, "normal_", generator, lambda draws, n: draws.normal(n, kind, mean, std, block))


@method
def random_(self: Tensor, *bounds: Any, generator: Any = None) -> Tensor:
    """Fill with integers: `random_()` of all that the type counts exactly, `random_(to)`, `random_(from, to)`."""
    if len(bounds) > 2:
        raise TypeError(f"random_() takes from 0 to 2 positional arguments but {len(bounds)} were given")
    kind = self.dtype.numpy
    if not bounds:
        return _fill(self, "random_", generator, lambda draws, n: draws.natural(n, kind))
    low = read_int("random_", "from", 1, bounds[0]) if len(bounds) == 2 else 0
    if bounds[-1] is None:
        high = 2**63 if self.dtype.name == "int64" else int(np.iinfo(kind).max) + 1
    else:
        high = read_int("random_", "to", len(bounds), bounds[-1])
    check_bounds(low, high, self.dtype)
    return _fill(self, "random_", generator, lambda draws, n: draws.integers(n, low, high).astype(kind))


@method
def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Fill with ones with probability p, a number or a tensor of probabilities, and zeros otherwise."""
    kind = self.dtype.numpy
    if isinstance(p, Tensor):
        require_floating("bernoulli_tensor_cpu_p_", p.dtype)
        try:
            each = self.device.xp.broadcast_to(probabilities(p._array), self._array.shape)
        except ValueError:
            raise RuntimeError(_expanded(tuple(self._array.shape), tuple(p._array.shape))) from None
        return _fill(
            self,
            "bernoulli_",
            generator,
            lambda draws, n: draws.bernoulli_each(beside(draws, each, self.device)).astype(kind),
        )
    chance = probability("bernoulli_", p)
    return _fill(self, "bernoulli_", generator, lambda draws, n: draws.bernoulli(n, chance).astype(kind))


def _expanded(target: tuple[int, ...], given: tuple[int, ...]) -> str:
    """Which dimension keeps the given sizes from being expanded to the target's."""
    sizes = f"Target sizes: {list(target)}.  Tensor sizes: {list(given)}"
    for back in range(1, len(given) + 1):
        at = len(target) - back
        if at < 0:
            break
        if given[-back] not in (1, target[at]):
            return (
                f"The expanded size of the tensor ({target[at]}) must match the existing size ({given[-back]}) at "
                f"non-singleton dimension {at}.  {sizes}"
            )
    return f"The number of sizes provided ({len(target)}) must be greater or equal to {len(given)}.  {sizes}"


@method
def exponential_(self: Tensor, lambd: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with waiting times at `lambd` events per unit of time."""
    if not lambd > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd:g}")
    kind = self.dtype
    if not kind.is_floating_point:
        raise noted(
            RuntimeError(
                "Exponential distribution is a continuous probability distribution. "
                f"dtype must be a floating point but you specified {errors.scalar_type(kind)}"
            )
        )
    return _fill(self, "exponential_", generator, lambda draws, n: draws.exponential(n, kind.numpy, float(lambd)))
