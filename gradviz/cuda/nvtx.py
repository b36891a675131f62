"""Names for stretches of a program, which NVIDIA's profilers show on their time line (torch.cuda.nvtx).

https://docs.pytorch.org/docs/2.13/generated/torch.cuda.nvtx.range.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..gpu.backend import cupy, unusable, why_not

__all__ = ["mark", "range", "range_end", "range_pop", "range_push", "range_start"]
_depth = 0


def _nvtx() -> Any:
    if why_not():
        raise unusable("NVTX functions not installed. Are you sure you have a CUDA build?")
    return cupy().cuda.nvtx


def range_push(msg: str) -> int:
    """Begin a stretch inside those that have begun; returns how deep it lies, from 0 on."""
    global _depth
    _nvtx().RangePush(msg)
    _depth += 1
    return _depth - 1


def range_pop() -> int:
    """End the stretch that began last; returns how deep it lay."""
    global _depth
    _nvtx().RangePop()
    _depth -= 1
    return _depth


def range_start(msg: str) -> int:
    """Begin a stretch that may overlap others; returns what `range_end` takes."""
    return int(_nvtx().RangeStart(msg))


def range_end(range_id: int) -> None:
    """End a stretch that `range_start` began."""
    _nvtx().RangeEnd(range_id)


def mark(msg: str) -> None:
    """Note a moment."""
    _nvtx().Mark(msg)


@contextmanager
def range(msg: str, *args: Any, **kwargs: Any) -> Iterator[None]:
    """A `with` block or a decorated function as a stretch; `msg.format(*args, **kwargs)` is its name."""
    range_push(msg.format(*args, **kwargs))
    try:
        yield
    finally:
        range_pop()
