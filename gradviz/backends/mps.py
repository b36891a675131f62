"""Apple's GPUs, which are not used here (torch.backends.mps)."""

from __future__ import annotations


def is_built() -> bool:
    """Whether they could be used: never."""
    return False


def is_available() -> bool:
    """Whether one can be used: never."""
    return False
