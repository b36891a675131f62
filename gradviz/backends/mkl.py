"""Intel's library for linear algebra (torch.backends.mkl)."""

from __future__ import annotations


def is_available() -> bool:
    """Whether NumPy computes its matrix products with it."""
    import numpy as np

    found = np.show_config(mode="dicts") or {}
    return "mkl" in str(found.get("Build Dependencies", {}).get("blas", {}).get("name", "")).lower()
