"""Switches of the whole program: the default device and old default type, threads, determinism, matmul precision.

Every operation here gives the same bits each time it is run: the switches that ask for that are kept and change
nothing. How exactly float32 is multiplied is in `precision.py`.
"""

from __future__ import annotations

from typing import Any, NoReturn

from . import threads
from .device import as_device, set_fallback
from .dtype import set_default_dtype
from .legacy import TensorType, named_type
from .precision import get_float32_matmul_precision, set_float32_matmul_precision
from .tensor import Tensor


# -- defaults ----------------------------------------------------------------------------------------------------------
def set_default_device(device: Any) -> None:
    """Sets the device that new tensors are made on; None for the CPU again."""
    set_fallback(as_device(device) if device is not None else None)


def get_default_device() -> Any:
    """The device that new tensors are made on."""
    return as_device(None)


def set_default_tensor_type(t: Any) -> None:
    """Sets dtype and device of new float tensors by an old type: torch.DoubleTensor, or its name."""
    if not isinstance(t, (str, TensorType)):
        raise TypeError("invalid type object: only floating-point types are supported as the default type")
    kind = named_type(t)
    set_default_dtype(kind.dtype)
    set_default_device(None if kind.place == "cpu" else kind.place)


# -- threads -----------------------------------------------------------------------------------------------------------
def get_num_threads() -> int:
    """How many threads products, convolutions, batch norm and large optimiser steps use; other operations use one."""
    return threads.get()


def set_num_threads(n: int) -> None:
    """Sets how many threads products, convolutions, batch norm and large optimiser steps use."""
    if not isinstance(n, int) or isinstance(n, bool):
        raise RuntimeError(f"set_num_threads expects an int, but got {type(n).__name__}")
    if n < 1:
        raise RuntimeError("set_num_threads expects a positive integer")
    if not threads.put(n):
        raise NotImplementedError(
            "set_num_threads(): NumPy's matrix library does not let its threads be set here. "
            "Set the environment variable OMP_NUM_THREADS before Python starts."
        )


def get_num_interop_threads() -> int:
    """How many threads run operations side by side: one, the caller's."""
    return 1


def set_num_interop_threads(n: int) -> None:
    """Sets how many threads run operations side by side: here it can only be one."""
    if n < 1:
        raise RuntimeError("set_num_interop_threads expects a positive integer")
    if n != 1:
        raise NotImplementedError(f"set_num_interop_threads(): operations run one after another, {n} threads cannot.")


# -- determinism and precision ---------------------------------------------------------------------------------------
class _Kept:
    deterministic = False
    warn_only = False
    warn_always = False


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Asks for operations that give the same bits each time: all of them do here."""
    _Kept.deterministic, _Kept.warn_only = bool(mode), bool(mode) and warn_only


def are_deterministic_algorithms_enabled() -> bool:
    """Whether `use_deterministic_algorithms` asked for them."""
    return _Kept.deterministic


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether an operation without a deterministic form would only warn."""
    return _Kept.warn_only


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """`use_deterministic_algorithms` by a word or number: "default" 0, "warn" 1, "error" 2."""
    names = {"default": 0, "warn": 1, "error": 2}
    if not isinstance(debug_mode, (int, str)):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    if isinstance(debug_mode, str) and debug_mode not in names:
        raise RuntimeError(
            f"invalid value of debug_mode, expected one of `default`, `warn`, `error`, but got {debug_mode}"
        )
    number = names[debug_mode] if isinstance(debug_mode, str) else debug_mode
    if number not in (0, 1, 2):
        raise RuntimeError(f"invalid value of debug_mode, expected 0, 1, or 2, but got {number}")
    use_deterministic_algorithms(number > 0, warn_only=number == 1)


def get_deterministic_debug_mode() -> int:
    """0 default, 1 warn, 2 error."""
    return 0 if not _Kept.deterministic else 1 if _Kept.warn_only else 2


def set_warn_always(b: bool) -> None:
    """Whether warnings that are given once would be given each time."""
    _Kept.warn_always = bool(b)


def is_warn_always_enabled() -> bool:
    """Whether `set_warn_always` asked for it."""
    return _Kept.warn_always


def set_flush_denormal(mode: bool) -> bool:
    """Asks the processor to take numbers next to zero for zero; False, as NumPy gives no way to ask."""
    return False


class OutOfMemoryError(RuntimeError):
    """Raised where a GPU's memory does not suffice."""


class AcceleratorError(RuntimeError):
    """Raised where a GPU reports an error."""


# -- names and what there is not ---------------------------------------------------------------------------------------
def typename(obj: Any) -> str:
    """The name of an object's type: of a tensor the old one, torch.FloatTensor."""
    if isinstance(obj, Tensor):
        return str(obj.type())
    module = getattr(obj, "__module__", "") or ""
    name = getattr(obj, "__qualname__", "")
    if not name:
        module, name = type(obj).__module__ or "", type(obj).__qualname__
    module = module.replace("gradviz", "torch", 1) if module.partition(".")[0] == "gradviz" else module
    return name if module in ("", "builtins") else f"{module}.{name}"


def compile(model: Any = None, **options: Any) -> NoReturn:
    """Not supported: gradviz runs each operation as it is called."""
    raise NotImplementedError(
        "torch.compile() is not supported: gradviz runs each operation as it is called. Leave it out."
    )


__all__ = [
    "AcceleratorError", "OutOfMemoryError", "are_deterministic_algorithms_enabled", "compile", "get_default_device",
    "get_deterministic_debug_mode", "get_float32_matmul_precision", "get_num_interop_threads", "get_num_threads",
    "is_deterministic_algorithms_warn_only_enabled", "is_warn_always_enabled", "set_default_device",
    "set_default_tensor_type", "set_deterministic_debug_mode", "set_float32_matmul_precision", "set_flush_denormal",
    "set_num_interop_threads", "set_num_threads", "set_warn_always", "typename", "use_deterministic_algorithms",
]  # fmt: skip
SETTINGS: dict[str, Any] = {name: globals()[name] for name in __all__}
