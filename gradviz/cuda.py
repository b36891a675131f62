"""`torch.cuda`: is there a GPU, and how many."""

from __future__ import annotations

import importlib.util

from .core.legacy import CUDA_TENSOR_TYPES as _TENSOR_TYPES

globals().update(_TENSOR_TYPES)


def is_available() -> bool:
    """Whether a CUDA device can be used."""
    return device_count() > 0


def device_count() -> int:
    """The number of CUDA devices that can be used; 0 without CuPy or a driver."""
    if importlib.util.find_spec("cupy") is None:
        return 0
    from .gpu.backend import device_count as count

    return count()


def manual_seed_all(seed: int) -> None:
    """Seed every CUDA device's generator; there is nothing to seed where there is none."""
    if is_available():
        raise NotImplementedError("cuda.manual_seed_all(): random numbers on a GPU are not supported yet")


manual_seed = manual_seed_all
