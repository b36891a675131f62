"""NumPy's OpenBLAS, asked directly for what NumPy does not tell of it."""

from __future__ import annotations

import functools
from typing import Any

# The processors for which it has products of small matrices written for AVX-512.
WIDE = (b"SkylakeX", b"Cooperlake", b"SapphireRapids")


@functools.cache
def function(name: str) -> Any:
    """OpenBLAS' own function of this name, `openblas_` left out; None where NumPy multiplies by another library."""
    import ctypes
    from pathlib import Path

    import numpy as np

    folder = Path(np.__file__).parent
    for library in (*folder.parent.glob("numpy.libs/*openblas*"), *folder.glob(".dylibs/*openblas*")):
        loaded = ctypes.CDLL(str(library))
        for prefix, suffix in (("scipy_", "64_"), ("scipy_", ""), ("", "64_"), ("", "")):
            found = getattr(loaded, f"{prefix}openblas_{name}{suffix}", None)
            if found is not None:
                return found
    return None


@functools.cache
def is_wide() -> bool:
    """Whether small matrices are multiplied 16 numbers at a time, by functions that pack nothing beforehand."""
    import ctypes

    tell = function("get_corename")
    if tell is None:
        return False
    tell.restype = ctypes.c_char_p
    return tell() in WIDE
