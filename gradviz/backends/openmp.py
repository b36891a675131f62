"""Threads inside operations (torch.backends.openmp)."""

from __future__ import annotations


def is_available() -> bool:
    """Whether operations of this library use OpenMP: no; NumPy's matrix products have threads of their own."""
    return False
