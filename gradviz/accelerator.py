"""The GPU, whatever its kind (torch.accelerator): here a CUDA device through CuPy, or none."""

from __future__ import annotations

from typing import Any

from . import cuda
from .core.device import Device, Named


def is_available() -> bool:
    """Whether there is one."""
    return cuda.is_available()


def device_count() -> int:
    """How many there are."""
    return cuda.device_count()


def current_accelerator(check_available: bool = False) -> Device | None:
    """The device to put tensors on, or None."""
    return Named("cuda") if is_available() else None


def current_device_index() -> int:
    """The number of the device in use."""
    _require()
    return cuda.current_device()


def set_device_index(device: Any) -> None:
    """Let tensors go to this device from here on."""
    _require()
    cuda.set_device(device)


def current_stream(device: Any = None) -> Any:
    """The stream that work for a device goes to now."""
    _require()
    return cuda.current_stream(device)


def synchronize(device: Any = None) -> None:
    """Wait until the device has finished what it was given."""
    _require()
    cuda.synchronize(device)


def _require() -> None:
    if not is_available():
        raise RuntimeError("Cannot access accelerator device when none is available.")
