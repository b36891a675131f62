"""Intel's GPUs, which are not used here (torch.xpu)."""

from __future__ import annotations


def is_available() -> bool:
    """Whether one can be used: never."""
    return False


def device_count() -> int:
    """How many can be used: none."""
    return 0
