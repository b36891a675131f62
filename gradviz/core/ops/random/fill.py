"""Random numbers written into a tensor: `uniform_`, `normal_`, `random_`, `bernoulli_`, `exponential_` and their like.

They are what layers initialise with, inside `no_grad`: a leaf that requires grad refuses them otherwise.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import errors
from ...draws import NATURAL
from ...dtype import dtype, finfo
from ...errors import noted
from ...inplace import check_write, make_inplace, overwrote
from ...mode import grad_mode
from ...op import Function, method, op
from ...tensor import Tensor
from ..creation.factory import read_int
from .distributions import Drawn, check_std, probabilities, probability
from .sample import (
    beside,
    check_bounds,
    on_device,
    read_float,
    require_fractions,
    require_kind,
    source,
)


def _fill(self: Tensor, name: str, generator: Any, draw: Callable[[Any, int], Any], number: int = 0) -> Tensor:
    """Write `draw(generator, n)` into the tensor's memory, in the order in which the memory lies."""
    check_write(self, name)
    array = self._array
    drawn = on_device(draw(source(name, generator, self.device), array.size), self.device)
    if not array.flags.c_contiguous:
        array = array.transpose(memory_order(array))
    array[...] = drawn.reshape(array.shape)
    made: Tensor = overwrote(self, name, number=number)
    return made


def memory_order(array: Any) -> list[int]:
    """The axes from the longest step in memory to the shortest."""
    order: list[int] = np.argsort([-abs(step) for step in array.strides], kind="stable").tolist()
    return order


def _from(f: Function) -> Function:
    """Let the parameter `from_` be called `from`, which Python's grammar keeps for itself."""

    @functools.wraps(f)
    def call(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        if "from_" in kwargs:
            raise TypeError(f"{f.__name__}() got an unexpected keyword argument 'from_'")
        if "from" in kwargs:
            kwargs["from_"] = kwargs.pop("from")
        return f(self, *args, **kwargs)

    return call  # type: ignore[return-value]


# -- continuous --------------------------------------------------------------------------------------------------------
@method
@_from
def uniform_(self: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with numbers drawn uniformly from [from, to)."""
    low, high = read_float("uniform_", "from", 1, from_), read_float("uniform_", "to", 2, to)
    kind, part = self.dtype, self.dtype.to_real()
    require_fractions("check_uniform_bounds", part)
    most = _largest(part)
    for name, value in (("from", low), ("to", high)):
        if not -most <= value <= most:
            raise noted(RuntimeError(f"{name} is out of bounds for {errors.c_name(part)}\nGot {value} for {kind!r}."))
    if low > high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}")
    if high - low > most:
        raise noted(
            RuntimeError(
                f"uniform_ expects to-from <= std::numeric_limits<{errors.scalar_type(kind)}>::max(), "
                f"but found to={to:g} and from={from_:g} which result in to-from to exceed the limit"
            )
        )
    return _fill(self, "uniform_", generator, lambda draws, n: draws.uniform(n, kind.numpy, low, high))


def _largest(kind: dtype) -> float:
    found: Any = finfo(kind)
    return float(found.max)


@method
def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with normal numbers of the given mean and standard deviation."""
    middle, spread = read_float("normal_", "mean", 1, mean), read_float("normal_", "std", 2, std)
    check_std(spread)
    require_fractions("normal_kernel_cpu", self.dtype.to_real())
    kind, block = self.dtype.numpy, bool(self._array.flags.c_contiguous)
    return _fill(self, "normal_", generator, lambda draws, n: draws.normal(n, kind, middle, spread, block))


@method
def log_normal_(self: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Any = None) -> Tensor:
    """Fill with numbers whose logarithms are normal, of the given mean and standard deviation."""
    middle, spread = read_float("log_normal_", "mean", 1, mean), read_float("log_normal_", "std", 2, std)
    if not spread > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={spread:g}")
    require_fractions("log_normal_cpu", self.dtype)
    kind = self.dtype.numpy
    return _fill(self, "log_normal_", generator, lambda draws, n: draws.log_normal(n, kind, middle, spread))


@method
def cauchy_(self: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with numbers of the Cauchy distribution: `sigma` is half the width at half of its height."""
    middle, width = read_float("cauchy_", "median", 1, median), read_float("cauchy_", "sigma", 2, sigma)
    if not width > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={width:g}")
    kind = self.dtype
    if not kind.is_floating_point:
        raise noted(RuntimeError(_continuous("Cauchy", errors.c_name(kind))))
    return _fill(self, "cauchy_", generator, lambda draws, n: draws.cauchy(n, kind.numpy, middle, width))


@method
def exponential_(self: Tensor, lambd: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with waiting times at `lambd` events per unit of time."""
    rate = read_float("exponential_", "lambd", 1, lambd)
    if not rate > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={rate:g}")
    kind = self.dtype
    if not kind.is_floating_point:
        raise noted(RuntimeError(_continuous("Exponential", errors.scalar_type(kind))))
    return _fill(self, "exponential_", generator, lambda draws, n: draws.exponential(n, kind.numpy, rate))


def _continuous(name: str, kind: str) -> str:
    return (
        f"{name} distribution is a continuous probability distribution. "
        f"dtype must be a floating point but you specified {kind}"
    )


# -- counting ----------------------------------------------------------------------------------------------------------
@method
def geometric_(self: Tensor, p: float, *, generator: Any = None) -> Tensor:
    """Fill with how many trials with chance p it takes until one succeeds."""
    chance, kind = read_float("geometric_", "p", 1, p), self.dtype
    if not 0 < chance < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={chance:g}")
    require_kind("geometric_cpu", kind, (1, 2))
    return _fill(self, "geometric_", generator, lambda draws, n: draws.geometric(n, kind.numpy, chance))


_ABSENT = object()


@method
@_from
def random_(self: Tensor, from_: Any = _ABSENT, to: Any = _ABSENT, *, generator: Any = None) -> Tensor:
    """Fill with integers: `random_()` of all that the type counts exactly, `random_(to)`, `random_(from, to)`."""
    kind = self.dtype.numpy
    if from_ is _ABSENT and to is _ABSENT:
        require_kind("random_kernel_cpu", self.dtype, (0, 1, 2))
        return _fill(self, "random_", generator, lambda draws, n: draws.natural(n, kind), 2)
    bounds = [value for value in (from_, to) if value is not _ABSENT]
    low = read_int("random_", "from", 1, bounds[0]) if len(bounds) == 2 else 0
    if bounds[-1] is None:
        high = NATURAL[self.dtype.name] if self.dtype.category != 1 else int(np.iinfo(kind).max) + 1
    else:
        high = read_int("random_", "to", len(bounds), bounds[-1])
    check_bounds(low, high, self.dtype)
    draw = lambda draws, n: draws.integers(n, low, high).astype(kind)  # noqa: E731
    return _fill(self, "random_", generator, draw, 2 - len(bounds))


@method
def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Fill with ones with probability p, a number or a tensor of probabilities, and zeros otherwise."""
    kind = self.dtype.numpy
    if isinstance(p, Tensor):
        require_fractions("bernoulli_tensor_cpu_p_", p.dtype)
        try:
            each = self.device.xp.broadcast_to(probabilities(p._array), self._array.shape)
        except ValueError:
            raise noted(RuntimeError(errors.cannot_expand(p, self._array.shape))) from None
        if p._needs and grad_mode.get():
            made: Tensor = _steered(self, p, each, generator)
            return made
        draw = lambda draws, n: _each(draws, each, self)  # noqa: E731
        return _fill(self, "bernoulli_", generator, draw, 1)
    chance = probability("bernoulli_", p)
    require_kind("bernoulli_scalar_cpu_", self.dtype, (0, 1, 2))
    return _fill(self, "bernoulli_", generator, lambda draws, n: draws.bernoulli(n, chance).astype(kind), 2)


def _each(draws: Any, p: Any, target: Tensor) -> Any:
    """One draw per probability, as the target's type."""
    return draws.bernoulli_each(beside(draws, p, target.device)).astype(target._array.dtype)


def _by_tensor(self: Tensor, p: Tensor, each: Any, generator: Any) -> Tensor:
    drawn = on_device(_each(source("bernoulli_", generator, self.device), each, self), self.device)
    made: Tensor = _bernoulli_by(self, p, drawn=Drawn(drawn.reshape(self._array.shape)))
    return made


_bernoulli_by = op(
    "bernoulli_by", lambda x, p, *, drawn: drawn.array, node="BernoulliBackward1", public=False,
    x=lambda F, g: F.zero(g), p=lambda F, g: F.zero(g),
)  # fmt: skip
_steered = make_inplace("bernoulli_", _by_tensor)
