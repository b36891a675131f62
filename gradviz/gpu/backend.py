"""A cuda device over CuPy: the op table runs on its arrays as it does on NumPy's."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from ..core.device import Device

INSTALL = 'pip install "gradviz[cuda12]" for CUDA 12, "gradviz[cuda13]" for CUDA 13'


def why_not() -> str:
    """Why no GPU can be used here, with what to do about it; an empty string if one can."""
    if importlib.util.find_spec("cupy") is None:
        return f"CuPy is not installed. With an NVIDIA GPU and its driver: {INSTALL}."
    cupy = importlib.import_module("cupy")
    try:
        count = int(cupy.cuda.runtime.getDeviceCount())
    except Exception as error:  # CuPy's own error types are known only once it is imported
        return f"CuPy {cupy.__version__} finds no usable NVIDIA driver ({error}). Install the driver, then: {INSTALL}."
    return "" if count else "CuPy finds no NVIDIA GPU on this machine."


def device_count() -> int:
    """The number of GPUs that can be used."""
    return 0 if why_not() else int(importlib.import_module("cupy").cuda.runtime.getDeviceCount())


def open_device(name: str) -> Device:
    """The Device called "cuda" or "cuda:N". RuntimeError where there is none, saying why and what to install."""
    reason = why_not()
    if reason:
        raise RuntimeError(f"{name}: no usable CUDA device.\n{reason}\nEverything runs on the CPU without it.")
    _, _, text = name.partition(":")
    index, count = int(text or 0), device_count()
    if index >= count:
        raise RuntimeError(
            f"{name}: invalid device ordinal; this machine has {count} CUDA device(s), cuda:0 to cuda:{count - 1}"
        )
    cupy: Any = importlib.import_module("cupy")
    with cupy.cuda.Device(index):
        return Device("cuda", index, cupy, array_type=cupy.ndarray, wrap=cupy.asarray, to_numpy=cupy.asnumpy)
