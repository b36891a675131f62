"""NVIDIA's library for neural networks, which computes the convolutions of cuda devices (torch.backends.cudnn).

Where it is not installed, or `enabled` is False, our own kernels and cuBLAS do (gradviz/gpu/gemm.py), always in full
precision. `benchmark` tries all algorithms of a new shape, `deterministic` takes only those that are repeatable,
`allow_tf32` lets float32 be multiplied in TF32.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..gpu import switches

enabled = True
benchmark = False
benchmark_limit: int | None = None
deterministic = False
allow_tf32 = True


def is_available() -> bool:
    """Whether it is installed, and there is a GPU to use it on."""
    from ..gpu.backend import why_not
    from ..gpu.cudnn_library import find

    return not why_not() and find()[0] is not None


def version() -> int | None:
    """Its version, such as 90100, or None."""
    from ..gpu.cudnn_library import find

    library = find()[0] if is_available() else None
    return None if library is None else library.version


@contextmanager
def flags(
    enabled: bool = False, benchmark: bool = False, benchmark_limit: int | None = 10, deterministic: bool = False,
    allow_tf32: bool = True,
) -> Iterator[None]:  # fmt: skip
    """The switches set to these values until the end of the `with` block."""
    values = dict(locals())
    kept = {name: globals()[name] for name in values}
    globals().update(values)
    try:
        yield
    finally:
        globals().update(kept)


switches.use(sys.modules[__name__])
