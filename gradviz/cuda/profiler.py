"""Which part of a program NVIDIA's profilers record (torch.cuda.profiler)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..gpu.backend import cupy, unusable, why_not

__all__ = ["profile", "start", "stop"]


def _profiler() -> Any:
    if why_not():
        raise unusable()
    return cupy().cuda.profiler


def start() -> None:
    """Let the profiler record from here on."""
    _profiler().start()


def stop() -> None:
    """And no longer."""
    _profiler().stop()


@contextmanager
def profile() -> Iterator[None]:
    """A `with` block that is recorded."""
    try:
        start()
        yield
    finally:
        stop()
