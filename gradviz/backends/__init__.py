"""What the machine offers to compute with, and switches for it (torch.backends).

Arrays are NumPy's on a CPU and CuPy's on a GPU. A switch that permits less exact or less repeatable results is kept,
and only cuBLAS and cuDNN, on a GPU, make use of the permission. `fp32_precision` is the precision of float32 products
wherever a backend does not say otherwise: "ieee", "tf32", "bf16" or "none".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..core import precision
from . import cpu, cuda, cudnn, mkl, mkldnn, mps, openmp, opt_einsum
from .switched import Switched, become
from .switched import fp32_precision as _place

__all__ = ["cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp", "opt_einsum"]

fp32_precision: str


def set_flags(_fp32_precision: str | None = "none") -> tuple[str]:
    """Set `fp32_precision`, and return what it was."""
    before = precision.get("generic", "all")
    if _fp32_precision is not None:
        precision.put("generic", "all", _fp32_precision)
    return (before,)


@contextmanager
def flags(fp32_precision: str = "none") -> Iterator[None]:
    """`fp32_precision` set to this until the end of the `with` block."""
    before = set_flags(fp32_precision)
    try:
        yield
    finally:
        set_flags(*before)


class _Backends(Switched):
    fp32_precision = _place("generic", "all")


become(__name__, _Backends)
