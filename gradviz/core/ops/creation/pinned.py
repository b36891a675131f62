"""Pinned memory: host memory that a GPU reads and writes by itself, while the host goes on.

`x.pin_memory()`, `x.is_pinned()`, `pin_memory=True` of every function that makes a tensor, and `x.record_stream(s)`.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any, NoReturn

from ...device import CPU, NoDeviceError
from ...errors import noted, type_name
from ...op import FUNCTIONS, METHODS, method
from ...tensor import Tensor


def _gpu(module: str) -> Any:
    """A module of the cuda devices, which the core does not import before it is needed."""
    return importlib.import_module(f"gradviz.gpu.{module}")


def _none(text: str) -> NoReturn:
    raise noted(NoDeviceError(f"{text}\n{_gpu('backend').why_not()}"))


@method
def pin_memory(self: Tensor, device: Any = None) -> Tensor:
    """A copy in pinned memory; itself where it is pinned already. RuntimeError without a GPU."""
    if _gpu("backend").why_not():
        _none("Cannot access accelerator device when none is available.")
    if self.device is not CPU:
        raise RuntimeError(f"cannot pin {type_name(self, self._array)!r} only dense CPU tensors can be pinned")
    memory = _gpu("memory")
    return self if memory.is_pinned(self._array) else Tensor._of(memory.pinned(self._array))


@method
def is_pinned(self: Tensor, device: Any = None) -> bool:
    """Whether its memory is pinned."""
    if self.device is not CPU or self._array.base is None:
        return False
    return bool(_gpu("memory").is_pinned(self._array))


@method
def record_stream(self: Tensor, s: Any) -> None:
    """Keep its memory from being used for something else until the stream has done what is in it now."""
    if self.device.type != "cuda":
        raise noted(
            NotImplementedError(
                f"Could not run 'aten::record_stream' with arguments from the '{self.device.type.upper()}' backend.\n"
                "Only the memory of cuda tensors is used by streams."
            )
        )
    _gpu("streams").hold(self._array, s)


# -- pin_memory=True ---------------------------------------------------------------------------------------------------
MAKERS = (
    "arange", "empty", "empty_like", "empty_permuted", "empty_strided", "eye", "full", "full_like", "linspace",
    "logspace", "normal", "ones", "ones_like", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like",
    "randperm", "range", "tensor", "zeros", "zeros_like", "new_empty", "new_empty_strided", "new_full", "new_ones",
    "new_tensor", "new_zeros",
)  # fmt: skip


def _pinnable(make: Any) -> Any:
    """A function that makes a tensor, in pinned memory where `pin_memory` says so."""

    @functools.wraps(make)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not kwargs.get("pin_memory"):
            return make(*args, **kwargs)
        if _gpu("backend").why_not():
            _none(
                "pin_memory=True requires a CUDA or other accelerator backend; no pinned memory allocator is available "
                "on this system."
            )
        del kwargs["pin_memory"]
        made = make(*args, **kwargs)
        if made.device is not CPU:
            raise RuntimeError("Only dense CPU tensors can be pinned")
        return pin_memory(made.detach()).requires_grad_(made._needs)

    return call


for _name in MAKERS:
    for _table in (FUNCTIONS, METHODS):
        if _name in _table and (_table is FUNCTIONS or _name.startswith("new_")):
            _table[_name] = _pinnable(_table[_name])
