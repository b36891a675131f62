"""The GPU, whatever its kind (torch.accelerator): here a CUDA device through CuPy, or none."""

from __future__ import annotations

from typing import Any

from . import cuda
from .core.device import Device, as_device


def is_available() -> bool:
    """Whether there is one."""
    return cuda.is_available()


def device_count() -> int:
    """How many there are."""
    return cuda.device_count()


def current_accelerator(check_available: bool = False) -> Device | None:
    """The device to put tensors on, or None."""
    return as_device("cuda") if is_available() else None


def current_device_index() -> int:
    """The number of the device in use."""
    _require()
    return as_device("cuda").index or 0


def synchronize(device: Any = None) -> None:
    """Wait until the device has finished what it was given."""
    _require()
    as_device("cuda" if device is None else device).xp.cuda.Device().synchronize()


def _require() -> None:
    if not is_available():
        raise RuntimeError("Cannot access accelerator device when none is available.")
