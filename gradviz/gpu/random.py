"""The generator of a cuda device: Philox4x32-10, run where the numbers are needed.

What `philox.Philox` draws on the CPU these kernels draw on the GPU, bit for bit. Distributions without a kernel are
drawn by the twin and copied over: Cauchy, geometric, log-normal, gamma and their like.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from ..core.device import Device, as_device
from ..core.draws import NATURAL, _part
from ..core.errors import noted
from ..core.random import DEFAULT_SEED, Generator, as_seed, generator_for, register_generator
from .backend import cupy
from .compiled import PLAIN, blocks_for, launch, types_of
from .philox import STATE, Philox, no_end

_LONG_RANGE = 1 << 28


class CudaGenerator(Philox, Generator):
    """A stream of random numbers on a cuda device, with a seed and an offset for all its state.

    https://docs.pytorch.org/docs/2.13/generated/torch.Generator.html
    """

    def __new__(cls, device: Any = "cuda") -> Self:  # noqa: ARG004 (what __init__ takes)
        return object.__new__(cls)

    def __init__(self, device: Any = "cuda") -> None:
        Philox.__init__(self, DEFAULT_SEED)
        self.device: Device = as_device(device)
        self.more: Any = (
            None  # while a graph is captured: two numbers on the device that tell its replays the offset and the seed
        )

    # -- on the device -----------------------------------------------------------------------------------------------
    def _draw(self, name: str, n: int, dtype: Any, each: int, *parameters: Any, file: str = "philox") -> Any:
        """n numbers that a kernel draws, `each` words apiece."""
        self.device.enter()
        out = cupy().empty(n, dtype=dtype)
        start = self.take(n * each)
        more = np.uint64(0) if self.more is None else self.more
        args = (np.uint64(self._seed), np.uint64(start % 2**64), more, out, np.uint64(n), *parameters)
        launch(self.device, file, name, None if file in PLAIN else out.dtype, blocks_for(-(-n * each // 4)), args)
        return out

    def unit(self, n: int, dtype: Any = np.float64) -> Any:
        if dtype == np.float64:
            return self._draw("uniform64", n, np.float64, 2, np.float64(0), np.float64(1))
        return self._draw("uniform32", n, np.float32, 1, np.float64(0), np.float64(1))

    def uniform(self, n: int, dtype: Any, low: float = 0.0, high: float = 1.0) -> Any:
        dtype = np.dtype(dtype)
        if dtype.kind == "c":
            return self.uniform(2 * n, _part(dtype), low, high).view(dtype)
        bounds = np.float64(low), np.float64(high)
        if dtype == np.float64:
            return self._draw("uniform64", n, dtype, 2, *bounds)
        return no_end(cupy(), self._draw("uniform32", n, np.float32, 1, *bounds).astype(dtype, copy=False), low, high)

    def normal(self, n: int, dtype: Any, mean: float = 0.0, std: float = 1.0, block: bool = True) -> Any:
        dtype = np.dtype(dtype)
        if dtype.kind == "c":
            return self.normal(2 * n, _part(dtype), mean, std / 2**0.5).view(dtype)
        shape = np.float64(mean), np.float64(std)
        n_words = n + n % 2  # numbers come in pairs
        if dtype == np.float64:
            return self._draw("normal64", n_words, dtype, 2, *shape)[:n]
        return self._draw("normal32", n_words, np.float32, 2, *shape)[:n].astype(dtype, copy=False)

    def exponential(self, n: int, dtype: Any, rate: float = 1.0) -> Any:
        dtype, drawn = np.dtype(dtype), self._draw("exponential", n, np.float64, 2, np.float64(rate))
        return (drawn.astype(np.float32) if dtype.itemsize == 2 else drawn).astype(dtype, copy=False)

    def integers(self, n: int, low: int, high: int) -> Any:
        span = high - low
        # All 64 bits as they are, where every integer is wanted: so does the CPU's generator.
        bounds = (np.uint64(span), np.uint64(low % 2**64)) if span < 2**64 else (np.uint64(0), np.uint64(0))
        name, each = ("integers", 1) if span < _LONG_RANGE else ("wide_integers", 2)
        return self._draw(name, n, np.uint64, each, *bounds).view(np.int64)

    def bernoulli(self, n: int, p: float) -> Any:
        return self._draw("bernoulli", n, np.bool_, 2, np.float64(p))

    def dropout_noise(self, n: int, dtype: Any, p: float, value: float) -> Any:
        """`value` where `bernoulli(n, p)` is True, else 0."""
        return self._draw("dropout_noise", n, dtype, 2, np.float64(p), np.float64(value), file="dropout")

    def bernoulli_each(self, p: Any) -> Any:
        unit = self.unit(p.size, p.dtype)
        return unit < p.ravel().astype(unit.dtype)

    def natural(self, n: int, dtype: Any) -> Any:
        dtype = np.dtype(dtype)
        name, each = ("wide_integers", 2) if dtype.name in ("float64", "int64") else ("integers", 1)
        return self._draw(name, n, np.uint64, each, np.uint64(NATURAL[dtype.name]), np.uint64(0)).astype(dtype)

    def permutation(self, n: int) -> Any:
        keys = self._draw("wide_integers", n, np.uint64, 2, np.uint64(0), np.uint64(0))
        return cupy().argsort(keys)

    # -- by the twin, then copied ------------------------------------------------------------------------------------
    def cauchy(self, n: int, dtype: Any, median: float = 0.0, sigma: float = 1.0) -> Any:
        return self._by_twin(lambda twin: twin.cauchy(n, dtype, median, sigma))

    def geometric(self, n: int, dtype: Any, p: float) -> Any:
        return self._by_twin(lambda twin: twin.geometric(n, dtype, p))

    def log_normal(self, n: int, dtype: Any, mean: float = 1.0, std: float = 2.0) -> Any:
        return self._by_twin(lambda twin: twin.log_normal(n, dtype, mean, std))

    def multinomial(self, weights: Any, samples: int, replacement: bool) -> Any:
        host = self.device.to_numpy(weights)
        return self._by_twin(lambda twin: twin.multinomial(host, samples, replacement))

    def _by_twin(self, draw: Callable[[Philox], Any]) -> Any:
        with self._lock:
            twin = self.twin()
            drawn = draw(twin)
            self._offset = twin._offset
        return self.device.wrap(drawn)

    # -- seed and state ----------------------------------------------------------------------------------------------
    def __repr__(self) -> str:
        return f"Generator(device={str(self.device)!r}, seed={self._seed}, offset={self._offset})"

    def manual_seed(self, seed: int) -> CudaGenerator:
        """Start the stream that belongs to this seed; returns the generator."""
        with self._lock:
            self._seed, self._offset = as_seed(seed), 0
        return self

    def load_bytes(self, state: bytes) -> None:
        """Continue from a state that `state_bytes` gave."""
        if len(state) != STATE.size:
            raise noted(
                RuntimeError(f"RNG state is wrong size\nA cuda state has {STATE.size} bytes, not {len(state)}.")
            )
        super().load_bytes(state)

    def get_offset(self) -> int:
        """Where it stands in its stream, in words of 32 bits."""
        return self._offset

    def set_offset(self, offset: int) -> None:
        """Let it stand elsewhere in its stream: a number divisible by 4."""
        if offset % 4:
            raise RuntimeError("offset must be a multiple of 4")
        self._offset = offset

    def clone_state(self) -> CudaGenerator:
        """A new generator that will draw what this one would."""
        return _restore(self.device.name, self.state_bytes())

    def twin(self) -> Philox:
        """A generator on the CPU that draws the same numbers from here on."""
        return Philox(self._seed, self._offset)

    def __reduce__(self) -> Any:
        return _restore, (self.device.name, self.state_bytes())


def _restore(device: str, state: bytes) -> CudaGenerator:
    made = CudaGenerator(device)
    made.load_bytes(state)
    return made


def register(device: Device) -> CudaGenerator:
    """Give a new device its generator, seeded as the CPU's is."""
    made = object.__new__(CudaGenerator)
    Philox.__init__(made, DEFAULT_SEED)
    made.device, made.more = device, None
    register_generator(device.name, made)
    device.forwards["dropout_noise"] = _dropout_noise(device)
    return made


def _dropout_noise(device: Device) -> Callable[..., Any]:
    def dropout_noise(shape: tuple[int, ...], dtype: Any, p: float, value: float) -> Any:
        """What dropout multiplies by, in one launch; None where the kernel is not for this type."""
        if dtype.name not in types_of("dropout"):
            return None
        return generator_for(device).dropout_noise(math.prod(shape), dtype, p, value).reshape(shape)

    return dropout_noise
