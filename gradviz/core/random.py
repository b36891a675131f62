"""The random generator: PyTorch's CPU stream (MT19937), its seeds and its state.

The same seed and the same calls give PyTorch's numbers. What a call draws from the stream is in draws.py.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import Any

import numpy as np

from gradviz.core.device import Device, as_device
from gradviz.core.draws import Array, Draws
from gradviz.core.errors import noted

DEFAULT_SEED = 67280421310721
# PyTorch's state: seed, words left + 1, seeded, next word, the 624 words, then the waiting normal value
# (x, y, rho, valid), twice: for float64, and for float32, which nothing on a CPU uses.
_HEAD, _TAIL = struct.Struct("<QiiQ"), struct.Struct("<dddi4xfi")
_WORDS = 624
STATE_SIZE = _HEAD.size + 8 * _WORDS + _TAIL.size


class Generator(Draws):
    """A stream of random numbers with a seed and a state.

    https://docs.pytorch.org/docs/2.13/generated/torch.Generator.html
    """

    def __new__(cls, device: Any = "cpu") -> Any:
        place = as_device(device)
        if place.type == "cpu":
            return super().__new__(cls)
        if place.name not in _others:
            raise RuntimeError(
                f"Device type {place.type.upper()} is not supported for torch.Generator() api.\n"
                f"{place} has no generator of its own; draw with torch.Generator() and move the numbers there."
            )
        return type(_others[place.name])(place)

    def __init__(self, device: Any = "cpu") -> None:
        super().__init__()
        self.device: Device = as_device(device)
        self.manual_seed(DEFAULT_SEED)

    def __repr__(self) -> str:
        return f"Generator(device={str(self.device)!r}, seed={self._seed})"

    @cached_property
    def _bits(self) -> Any:
        """NumPy's MT19937 at the start of the seed's stream, made when first wanted: `numpy.random` imports slowly."""
        made: Any = np.random.MT19937(0)
        made._legacy_seeding(self._seed & 0xFFFFFFFF)
        return made

    def words(self, n: int) -> Array:
        with self._lock:
            out: Array = self._bits.random_raw(n)
            return out

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream that belongs to this seed; returns the generator."""
        if not hasattr(seed, "__index__"):
            kind = type(seed).__name__
            raise noted(
                RuntimeError(f"manual_seed expected a long, but got {kind}\nA seed is an integer, not {seed!r}.")
            )
        with self._lock:
            self._seed = as_seed(seed)
            if "_bits" in self.__dict__:
                self._bits._legacy_seeding(self._seed & 0xFFFFFFFF)
            self._second = None
        return self

    def seed(self) -> int:
        """Start a stream from a seed that the operating system made; returns the seed."""
        import secrets

        made = secrets.randbits(53)
        self.manual_seed(made)
        return made

    def initial_seed(self) -> int:
        """The seed the stream started from."""
        return self._seed

    def state_bytes(self) -> bytes:
        """The state as bytes, laid out as PyTorch's."""
        with self._lock:
            state = self._bits.state["state"]
            key: Array = state["key"]
            taken, second = int(state["pos"]), self._second
        # A stream just seeded (its first word is still the seed) has words to come, not 624 words used up.
        if taken == _WORDS and int(key[0]) == self._seed & 0xFFFFFFFF:
            left, taken = 1, 0
        else:
            left = _WORDS + 1 - taken
        head = _HEAD.pack(self._seed, left, 1, taken)
        tail = _TAIL.pack(0.0, second or 0.0, 0.0, second is not None, 0.0, 0)
        return head + key.astype("<u8").tobytes() + tail

    def load_bytes(self, state: bytes) -> None:
        """Continue from a state that `state_bytes` gave, or PyTorch's `get_state`."""
        if len(state) != STATE_SIZE:
            raise noted(
                RuntimeError(
                    f"Expected a CPUGeneratorImplState of size {STATE_SIZE} but found the input RNG state size to be "
                    f"{len(state)}\nPass what get_rng_state() or Generator.get_state() returned."
                )
            )
        seed, left, _, taken = _HEAD.unpack_from(state)
        key = np.frombuffer(state, "<u8", _WORDS, _HEAD.size).astype(np.uint32)
        _, second, _, valid, _, _ = _TAIL.unpack_from(state, STATE_SIZE - _TAIL.size)
        with self._lock:
            self._seed = seed
            pos = _WORDS if left == 1 else taken
            self._bits.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": pos}}
            self._second = second if valid else None

    def get_state(self) -> Any:
        """The state as a uint8 tensor."""
        from gradviz.core.tensor import Tensor

        return Tensor._of(np.frombuffer(self.state_bytes(), np.uint8).copy())

    def set_state(self, new_state: Any) -> Generator:
        """Continue from a state that `get_state` gave."""
        array = getattr(new_state, "_array", None)
        if array is None:
            raise TypeError(f"expected a torch.ByteTensor, but got {type(new_state).__name__}")
        if array.dtype != np.uint8:
            raise noted(
                TypeError(f"RNG state must be a torch.ByteTensor\nExpected torch.uint8, got {new_state.dtype}.")
            )
        self.load_bytes(new_state.device.to_numpy(array).tobytes())
        return self

    def get_offset(self) -> int:
        """Where a GPU's generator stands in its stream; a CPU's has no such number."""
        raise RuntimeError("CPU Generator does not use offset")

    def set_offset(self, offset: int) -> None:
        """Let a GPU's generator stand elsewhere in its stream; a CPU's cannot."""
        raise RuntimeError("CPU Generator does not use offset")

    def clone_state(self) -> Generator:
        """A new generator that will draw what this one would."""
        return _restore(self.state_bytes())

    def __reduce__(self) -> Any:
        return _restore, (self.state_bytes(),)


def _restore(state: bytes) -> Generator:
    made = Generator()
    made.load_bytes(state)
    return made


def as_seed(seed: Any) -> int:
    """A seed as the unsigned 64-bit number it stands for; negative seeds count from the end."""
    value = int(seed)
    if not -(2**63) <= value < 2**64:
        raise noted(
            ValueError(f"Overflow when unpacking long long\nA seed lies between -2**63 and 2**64 - 1, got {value}.")
        )
    return value % 2**64


default_generator = Generator()
# What a data-loading worker draws from instead, so that its draws do not depend on how threads take turns.
_own: ContextVar[Generator | None] = ContextVar("own_generator", default=None)
_host_draws: ContextVar[bool] = ContextVar("host_draws", default=False)
# The generators of other devices by device name: objects with the methods of Draws, returning arrays of their device.
_others: dict[str, Any] = {}


def register_generator(device: str, generator: Any) -> None:
    """Let tensors of a device draw from their own generator, and let `manual_seed` seed it."""
    _others[device] = generator
    generator.manual_seed(default_generator.initial_seed())


def use_generator(generator: Generator) -> None:
    """In this thread (or context), draw from a generator of its own in place of the default one."""
    _own.set(generator)


def thread_safe_generator() -> Generator | None:
    """The generator that belongs to this thread, if it is a data-loading worker's; None draws from the default one."""
    return _own.get()


def _current() -> Generator:
    own = _own.get()
    return default_generator if own is None else own


def generator_for(device: Device) -> Any:
    """The generator that draws for a device when none is given: its own, else the CPU's."""
    own = _others.get(device.name)
    return _current() if own is None or _host_draws.get() else own


@contextmanager
def host_draws() -> Iterator[None]:
    """Draw on the CPU for every device inside the `with` block: parameters begin with the same numbers everywhere."""
    token = _host_draws.set(True)
    try:
        yield
    finally:
        _host_draws.reset(token)


def manual_seed(seed: int) -> Generator:
    """Seeds every device's generator, so that the numbers drawn from here on can be drawn again.

    Returns the CPU generator. https://docs.pytorch.org/docs/2.13/generated/torch.manual_seed.html
    """
    number = as_seed(seed)
    if _own.get() is None:
        for other in _others.values():
            other.manual_seed(number)
    return _current().manual_seed(number)


def seed() -> int:
    """Seeds every generator with a number that the operating system made; returns it."""
    made = _current().seed()
    manual_seed(made)
    return made


def initial_seed() -> int:
    """The seed of the CPU generator."""
    return _current().initial_seed()


def get_rng_state() -> Any:
    """The state of the CPU generator, a uint8 tensor."""
    return _current().get_state()


def set_rng_state(new_state: Any) -> None:
    """Continue the CPU generator from a state that `get_rng_state` gave."""
    _current().set_state(new_state)


@contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, device_type: str = "cuda") -> Iterator[None]:
    """Whatever is drawn inside the `with` block, the generators continue after it as if nothing had been drawn.

    `devices`: the numbers of the devices of `device_type` to keep; all of them where not given.
    """
    names = list(_others) if devices is None else [f"{device_type}:{i}" for i in devices]
    kept = [_current(), *(_others[name] for name in names if name in _others)] if enabled else []
    states = [generator.get_state() for generator in kept]
    try:
        yield
    finally:
        for generator, state in zip(kept, states, strict=True):
            generator.set_state(state)
