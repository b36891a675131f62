"""CUDA devices, which CuPy reaches (torch.backends.cuda)."""

from __future__ import annotations


class _MatrixProducts:
    """Permissions for matrix products; they are computed in full precision all the same."""

    allow_tf32 = False
    allow_fp16_reduced_precision_reduction = True
    allow_bf16_reduced_precision_reduction = True


matmul = _MatrixProducts()


def is_built() -> bool:
    """Whether CUDA devices can be reached at all: CuPy is installed."""
    import importlib.util

    return importlib.util.find_spec("cupy") is not None
