"""Where a tensor's memory is. A Device carries the array library of its memory and the op vocabulary over it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Self

import numpy as np

from gradviz.core.errors import noted

from . import memory


class Vocabulary:
    """The op table over one kind of array: every op is an attribute, called with arrays and settings."""

    def __init__(self, xp: Any) -> None:
        self.xp = xp

    def __repr__(self) -> str:
        return f"Vocabulary({getattr(self.xp, '__name__', self.xp)})"


class Lazy:
    """A package whose modules are imported when first used: `Lazy("scipy").special.erf`."""

    def __init__(self, package: str) -> None:
        self._package = package

    def __getattr__(self, name: str) -> Any:
        module = importlib.import_module(f"{self._package}.{name}")
        setattr(self, name, module)
        return module


class Device:
    """A place for tensors: its type and index, its array library `xp`, its ops `F`, its array class."""

    __slots__ = ("F", "address", "array_type", "forwards", "index", "name", "sp", "to_numpy", "type", "wrap", "xp")

    def __init__(
        self,
        type: str,
        index: int | None,
        xp: Any,
        *,
        array_type: type = np.ndarray,
        wrap: Callable[[Any], Any] | None = None,
        to_numpy: Callable[[Any], Any] | None = None,
        sp: Any = None,
        address: Callable[[Any], int] | None = None,
    ) -> None:
        self.type, self.index, self.xp = type, index, xp
        self.name = type if index is None else f"{type}:{index}"
        self.array_type = array_type
        # What an operation returned may be a bare scalar: `wrap` makes an array of it.
        self.wrap = wrap if wrap is not None else xp.asarray
        self.to_numpy = to_numpy if to_numpy is not None else (lambda array: array)
        self.address = address if address is not None else (lambda array: array.__array_interface__["data"][0])
        # SciPy, or its twin over the device's arrays; imported when a function of it first runs.
        self.sp = sp if sp is not None else Lazy("scipy")
        self.F: Any = Vocabulary(xp)
        self.forwards: dict[str, Any] = self.F.__dict__
        for listener in _new_device:
            listener(self)

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> Any:
        return as_device, (self.name,)

    def __enter__(self) -> Self:
        _default.set((*_default.get(), self))
        return self

    def __exit__(self, *exc: object) -> None:
        _default.set(_default.get()[:-1])


# Called with each device as it is made: the op table binds itself to the device's array library here.
_new_device: list[Callable[[Device], None]] = []
memory.settle()
CPU = Device("cpu", None, np)
_known: dict[str, Device] = {"cpu": CPU, "cpu:0": CPU}
# Device types that live in a module of their own, imported when first asked for.
_MODULES = {"cuda": "gradviz.gpu"}
_default: ContextVar[tuple[Device, ...]] = ContextVar("default_device", default=())


class _Fallback:
    """Where tensors are made that no `with device:` block is around."""

    device = CPU


def set_fallback(device: Device | None) -> None:
    """Make new tensors on this device where nothing else is said; None means the CPU."""
    _Fallback.device = CPU if device is None else device


def register(device: Device) -> Device:
    """Make a device known by its name."""
    _known[device.name] = device
    return device


def known_devices() -> list[Device]:
    """Every device made so far."""
    return list(dict.fromkeys(_known.values()))


def on_new_device(listener: Callable[[Device], None]) -> None:
    """Call `listener` with every device there is and will be."""
    _new_device.append(listener)
    for device in known_devices():
        listener(device)


def as_device(value: Any, index: int | None = None) -> Device:
    """A Device from a Device, a string such as "cpu" or "cuda:1", a cuda index, or None for the default."""
    if value is None:
        stack = _default.get()
        return stack[-1] if stack else _Fallback.device
    if isinstance(value, Device):
        return value
    name = f"cuda:{value}" if isinstance(value, int) else str(value)
    if index is not None:
        name = f"{name}:{index}"
    if name in _known:
        return _known[name]
    kind = name.partition(":")[0]
    if kind in _MODULES:
        made: Device = importlib.import_module(_MODULES[kind]).open_device(name)
        return register(made)
    kinds = ", ".join(sorted({d.type for d in _known.values()} | set(_MODULES)))
    raise noted(
        RuntimeError(
            f"Expected one of {kinds} device type at start of device string: {kind}\n"
            f"gradviz has the device types {kinds}; got {value!r}."
        )
    )


class _DeviceCall(type):
    """`torch.device("cpu")` returns the Device, and `isinstance(x.device, torch.device)` holds."""

    def __call__(cls, device: Any = "cpu", index: int | None = None, *, type: str | None = None) -> Any:
        return as_device(type if type is not None else device, index)

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Device)


class device(metaclass=_DeviceCall):
    """A place for tensors by name: `device("cpu")`, `device("cuda", 0)`."""
