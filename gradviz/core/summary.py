"""Arrays as plain numbers for records: statistics, the values themselves where there are few, else a thumbnail."""

from __future__ import annotations

import base64
import functools
import inspect
import math
from typing import Any

import numpy as np

from .device import Device
from .dtype import dtype, from_numpy

KEPT = 64
THUMB = 32
LARGE = 1 << 18  # bytes above which recorders look at an array at once rather than copy it
NESTED = 16  # elements of a list in a setting that are written out


def number(value: Any) -> Any:
    """A JSON number; what JSON has none for is text: "nan", "inf", "-inf", "1+2j"."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (complex, np.complexfloating)):
        return f"{value.real:.6g}{value.imag:+.6g}j"
    value = float(value)
    return value if math.isfinite(value) else str(value)


def summary(array: Any, device: Any, thumbnails: bool = False) -> dict[str, Any]:
    """The VALUE of a record: shape, dtype, statistics and up to 64 numbers of an array of this device.

    Of complex numbers `min` and `max` are those of their sizes; the mean is complex.
    """
    host = np.asarray(device.to_numpy(array))
    made: dict[str, Any] = {"shape": list(host.shape), "dtype": from_numpy(host.dtype).name}
    wide = host if host.dtype.kind in "biufc" else host.astype(np.float32)
    if wide.size <= KEPT:
        made["data"] = [v if v.__class__ is float and v - v == 0 else number(v) for v in wide.reshape(-1).tolist()]
    else:
        made["data"] = None
    if wide.dtype.kind == "c":
        made.update(_complex_statistics(wide))
    else:
        made.update(_statistics(wide))
    if thumbnails and host.size > KEPT:
        made["thumb"] = thumbnail(np.abs(wide) if wide.dtype.kind == "c" else wide)
    return made


def _statistics(x: Any) -> dict[str, Any]:
    if x.size == 0:
        return {"min": None, "max": None, "mean": None, "std": None, "norm": 0.0, "nan": 0, "inf": 0, "zero": 0}
    flat = x.reshape(-1)
    # Of many numbers it is quicker to compare first: NumPy counts truth values several at a time, numbers one by one.
    zero = flat.size - int(np.count_nonzero(flat if flat.size < 2048 else flat != 0))
    real = flat.astype(np.float64) if flat.size <= 4096 or flat.dtype != np.float32 else flat
    square = float(np.dot(real, real))
    nan = inf = 0
    finite = math.isfinite(square)
    if not finite:  # something is not finite, or too large to be squared: look closely
        fine = np.isfinite(real)
        nan, inf = int(np.isnan(real).sum()), int(np.isinf(real).sum())
        real = real[fine].astype(np.float64)
        square = float(np.dot(real, real))
    counts = {"nan": nan, "inf": inf, "zero": zero}
    if real.size == 0:
        return {"min": None, "max": None, "mean": None, "std": None, "norm": None, **counts}
    mean = float(np.add.reduce(real)) / real.size
    if finite:
        return {
            "min": float(np.minimum.reduce(real)), "max": float(np.maximum.reduce(real)), "mean": mean,
            "std": math.sqrt(max(square / real.size - mean * mean, 0.0)), "norm": math.sqrt(square), **counts,
        }  # fmt: skip
    spread = number(math.sqrt(max(square / real.size - mean * mean, 0.0)))
    low, high = number(np.minimum.reduce(real)), number(np.maximum.reduce(real))
    return {"min": low, "max": high, "mean": number(mean), "std": spread, "norm": number(math.sqrt(square)), **counts}


def _complex_statistics(x: Any) -> dict[str, Any]:
    """The statistics of the sizes, but for the mean and what varies around it."""
    made = _statistics(np.abs(x))
    if made["mean"] is not None:
        fine = x[np.isfinite(x)].astype(np.complex128)
        mean = complex(fine.mean())
        made["mean"], made["std"] = number(mean), number(math.sqrt(float(np.mean(np.abs(fine - mean) ** 2))))
    return made


def thumbnail(x: Any) -> dict[str, Any]:
    """An 8-bit picture of an array, at most 32 by 32: 128 is zero, the scale is symmetric."""
    flat = x.reshape(-1, x.shape[-1]) if x.ndim > 1 else x.reshape(1, -1)
    (rows, down), (columns, across) = (_picked(n) for n in flat.shape)
    part = flat[down[:, None], across].astype(np.float64)
    size = np.abs(part)
    top = float(np.maximum.reduce(size, axis=None))
    if not math.isfinite(top):
        part = np.nan_to_num(part, nan=0.0, posinf=0.0, neginf=0.0)
        top = float(np.abs(part).max())
    top = top or 1.0
    pixels = np.rint(part / top * 127 + 128).astype(np.uint8)
    return {"rows": rows, "columns": columns, "scale": top, "pixels": base64.b64encode(pixels.tobytes()).decode()}


@functools.lru_cache(maxsize=256)
def _picked(n: int) -> tuple[int, Any]:
    """How many of n rows a thumbnail shows, and which."""
    count = -(-n // -(-n // THUMB))
    return count, np.linspace(0, n - 1, count).astype(int)


def plain(value: Any) -> Any:
    """A setting as JSON: numbers, text, lists; whatever else there is as short readable text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (float, complex, np.number, np.bool_)):
        return number(value)
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value[:NESTED]] + (["…"] if len(value) > NESTED else [])
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, slice):
        parts = (value.start, value.stop) if value.step is None else (value.start, value.stop, value.step)
        return ":".join("" if v is None else str(v) for v in parts)
    if value is Ellipsis:
        return "..."
    if isinstance(value, (dtype, Device)):
        return str(getattr(value, "name", value))
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return np.dtype(value).name
    if isinstance(value, type) or inspect.isroutine(value):
        return str(getattr(value, "__name__", "function")).replace("<lambda>", "function")
    shape = getattr(value, "shape", None)
    if shape is not None and hasattr(value, "dtype"):
        return f"array{list(shape)}"
    text = str(value)
    return text if len(text) <= 120 and " at 0x" not in text else type(value).__name__
