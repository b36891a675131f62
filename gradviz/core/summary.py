"""Arrays as plain numbers for records: statistics, the values themselves where there are few, else a thumbnail."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np

from .dtype import from_numpy

KEPT = 64
THUMB = 32


def number(value: Any) -> Any:
    """A JSON number, or "nan", "inf", "-inf"."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    value = float(value)
    return value if math.isfinite(value) else str(value)


def summary(array: Any, device: Any, thumbnails: bool = False) -> dict[str, Any]:
    """The VALUE of a record: shape, dtype, statistics and up to 64 numbers of an array of this device."""
    host = np.asarray(device.to_numpy(array))
    made: dict[str, Any] = {"shape": list(host.shape), "dtype": from_numpy(host.dtype).name}
    wide = host if host.dtype.kind in "biuf" else host.astype(np.float32)
    if host.size <= KEPT:
        made["data"] = [number(v) for v in wide.reshape(-1).tolist()]
    else:
        made["data"] = None
    made.update(_statistics(wide))
    if thumbnails and host.size > KEPT:
        made["thumb"] = thumbnail(wide)
    return made


def _statistics(x: Any) -> dict[str, Any]:
    if x.size == 0:
        return {"min": None, "max": None, "mean": None, "std": None, "norm": 0.0, "nan": 0, "inf": 0, "zero": 0}
    flat = x.reshape(-1)
    zero = int(np.count_nonzero(flat == 0))
    real = flat.astype(np.float64) if flat.size <= 4096 or flat.dtype != np.float32 else flat
    square = float(np.dot(real, real))
    nan = inf = 0
    if not math.isfinite(square):  # something is not finite, or too large to be squared: look closely
        fine = np.isfinite(real)
        nan, inf = int(np.isnan(real).sum()), int(np.isinf(real).sum())
        real = real[fine].astype(np.float64)
        square = float(np.dot(real, real))
    counts = {"nan": nan, "inf": inf, "zero": zero}
    if real.size == 0:
        return {"min": None, "max": None, "mean": None, "std": None, "norm": None, **counts}
    mean = float(np.add.reduce(real)) / real.size
    spread = math.sqrt(max(square / real.size - mean * mean, 0.0))
    low, high = number(real.min()), number(real.max())
    return {"min": low, "max": high, "mean": mean, "std": spread, "norm": math.sqrt(square), **counts}


def thumbnail(x: Any) -> dict[str, Any]:
    """An 8-bit picture of an array, at most 32 by 32: 128 is zero, the scale is symmetric."""
    flat = x.reshape(-1, x.shape[-1]) if x.ndim > 1 else x.reshape(1, -1)
    rows, columns = (-(-n // -(-n // THUMB)) for n in flat.shape)
    at = np.ix_(
        np.linspace(0, flat.shape[0] - 1, rows).astype(int), np.linspace(0, flat.shape[1] - 1, columns).astype(int)
    )
    part = np.nan_to_num(flat[at].astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    top = float(np.abs(part).max()) or 1.0
    pixels = np.round(part / top * 127 + 128).astype(np.uint8)
    return {"rows": rows, "columns": columns, "scale": top, "pixels": base64.b64encode(pixels.tobytes()).decode()}


def plain(value: Any) -> Any:
    """A setting as JSON: numbers, text, lists; slices and arrays as short text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return number(value)
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value]
    if isinstance(value, slice):
        return ":".join("" if v is None else str(v) for v in (value.start, value.stop, value.step))
    shape = getattr(value, "shape", None)
    return f"array{list(shape)}" if shape is not None else str(value)
