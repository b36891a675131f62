"""Whether mixed precision on a GPU is out of the question."""

from __future__ import annotations


def amp_definitely_not_available() -> bool:
    """Whether there is no GPU to run it on."""
    from gradviz import cuda

    return not cuda.is_available()
