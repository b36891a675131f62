"""Where a tensor's memory is. A Device carries the array library of its memory and the op vocabulary over it."""

from __future__ import annotations

import importlib
import re
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


class Several:
    """Whether any device must be made current before it computes: whether there are several of a kind."""

    guarded = False


class Device:
    """A place for tensors: its type and index, its array library `xp`, its ops `F`, its array class."""

    __slots__ = (
        "F", "address", "array_type", "carry", "forwards", "guard", "index", "name", "sp", "to_numpy", "type", "wrap",
        "xp",
    )  # fmt: skip

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
        guard: Callable[[], None] | None = None,
        carry: Callable[[Any, Device, Device, bool], Any] | None = None,
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
        # Where the array library computes on a "current" one of several devices: what makes it this one.
        self.guard = guard
        if guard is not None:
            Several.guarded = True
        # `(array, source, target, non_blocking) -> array`: how it moves numbers, if not by way of a NumPy array.
        self.carry = carry
        self.F: Any = Vocabulary(xp)
        self.forwards: dict[str, Any] = self.F.__dict__
        for listener in _new_device:
            listener(self)

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __str__(self) -> str:
        return self.name

    def guarded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, run with this device current where there are several."""
        guard = self.guard
        if guard is None:
            return function

        def call(*args: Any, **kwargs: Any) -> Any:
            guard()
            return function(*args, **kwargs)

        return call

    def enter(self) -> None:
        """Let the array library compute on this device from now on."""
        if self.guard is not None:
            self.guard()

    def receive(self, array: Any, source: Device, non_blocking: bool = False) -> Any:
        """The numbers of another device's array as an array of this one."""
        carry = self.carry or source.carry
        if carry is not None:
            return carry(array, source, self, non_blocking)
        return self.wrap(source.to_numpy(array))

    def __reduce__(self) -> Any:
        return as_device, (self.name,)

    def __enter__(self) -> Self:
        _default.set((*_default.get(), self))
        return self

    def __exit__(self, *exc: object) -> None:
        _default.set(_default.get()[:-1])


class Named(Device):
    """The name of a cuda device, as `torch.device("cuda")` makes it whether or not there is a GPU.

    Used for a tensor it stands for a real device: for "cuda" without a number, the one that is current then.
    """

    __slots__ = ()

    def __init__(self, name: str) -> None:
        self.name = name
        self.type, _, index = name.partition(":")
        self.index = int(index) if index else None

    def __getattr__(self, name: str) -> Any:  # what only a real device has
        return getattr(as_device(self), name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __reduce__(self) -> Any:
        return Named, (self.name,)


class NoDeviceError(AssertionError, RuntimeError):
    """There is no GPU to use. PyTorch raises AssertionError for this in some places and RuntimeError in others."""


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
        value = stack[-1] if stack else _Fallback.device
    if isinstance(value, Device) and value.__class__ is not Named:
        return value
    name = device_name(value, index)
    if name in _known:
        return _known[name]
    kind = name.partition(":")[0]
    if kind in _MODULES:
        made: Device = importlib.import_module(_MODULES[kind]).open_device(name)
        return register(made)
    raise unknown(value, kind)


def device_name(value: Any, index: int | None = None) -> str:
    """The name that a string, a Device or a cuda index means. RuntimeError for what is no name of a device."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not importlib.import_module(_MODULES["cuda"]).device_count():
            reason = importlib.import_module(_MODULES["cuda"]).why_not()
            raise noted(NoDeviceError(f"Cannot access accelerator device when none is available.\n{reason}"))
        return f"cuda:{value}"
    name = str(value) if index is None else f"{value}:{index}"
    if name in _known:
        return name
    kind, colon, number = name.partition(":")
    if kind not in _MODULES and kind not in {d.type for d in _known.values()}:
        raise unknown(value, kind)
    if colon and not re.fullmatch("0|[1-9][0-9]*", number, re.ASCII):
        raise noted(RuntimeError(f"Invalid device string: {name!r}\nA device is 'cpu', 'cuda' or 'cuda:0'."))
    return name


def unknown(value: Any, kind: str) -> RuntimeError:
    """PyTorch's error for a device type that there is not."""
    kinds = ", ".join(sorted({d.type for d in _known.values()} | set(_MODULES)))
    return noted(
        RuntimeError(
            f"Expected one of {kinds} device type at start of device string: {kind}\n"
            f"gradviz has the device types {kinds}; got {value!r}."
        )
    )


class _DeviceCall(type):
    """`torch.device("cpu")` returns the Device, and `isinstance(x.device, torch.device)` holds."""

    def __call__(cls, device: Any = "cpu", index: int | None = None, *, type: str | None = None) -> Any:
        value = type if type is not None else device
        if not isinstance(value, (Device, int)) and str(value).partition(":")[0] in _MODULES:
            name = device_name(value, index)
            return _known.get(name) or Named(name)
        return value if isinstance(value, Device) else as_device(value, index)

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Device)


class device(metaclass=_DeviceCall):
    """A place for tensors by name: `device("cpu")`, `device("cuda", 0)`."""
