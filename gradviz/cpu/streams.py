"""The CPU in the words of the modules for GPUs (torch.cpu)."""

from __future__ import annotations

from typing import Any


def is_available() -> bool:
    """There always is one."""
    return True


def device_count() -> int:
    """One."""
    return 1


def current_device() -> str:
    """Its name."""
    return "cpu"


def synchronize(device: Any = None) -> None:
    """Operations on the CPU are finished when they return."""
