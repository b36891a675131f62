"""The leaves that EditGraph lets one change: what each field is given, and which numbers it takes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradviz.viz.measure import clean, clip
from gradviz.viz.numbers import number
from gradviz.widgets.whatif.edit_source import OWN, nice

KINDS = ("float", "int", "uint", "bool", "bfloat")  # how the names of types begin that have a field


def rank(key: str) -> int:
    """The function's own leaves in the order it takes them, then all others."""
    return int(key.removeprefix(OWN)) if key.startswith(OWN) and key.removeprefix(OWN).isdecimal() else 1_000


def control_of(key: str, label: str, array: Any, dtype: str, ranges: dict[str, tuple[float, float]]) -> dict[str, Any]:
    host = np.asarray(array)
    wide = host.astype("f8").reshape(-1)
    data = [v if math.isfinite(v) else str(v) for v in wide.tolist()]
    kind = "bool" if host.dtype.kind == "b" else "int" if host.dtype.kind in "iu" else "float"
    limits = np.iinfo(host.dtype) if kind == "int" else None
    low, high = _range(wide, kind) if label not in ranges else _asked(label, ranges.pop(label))
    step = 1.0 if kind != "float" else nice((high - low) / 250)
    made = {
        "key": key, "label": clip(clean(label), 120, 13), "shape": list(host.shape), "dtype": dtype, "kind": kind,
        "range": [low, high, step], "float": kind == "float", "data": data,
    }  # fmt: skip
    return made | ({"limits": [float(limits.min), float(limits.max)]} if limits is not None else {})


def _range(values: Any, kind: str) -> tuple[float, float]:
    """From where to where a slider goes when nobody says: round numbers on both sides of what is there."""
    if kind == "bool":
        return 0.0, 1.0
    fine = values[np.isfinite(values)]
    most = float(np.abs(fine).max()) if fine.size else 0.0
    reach = nice(max(2.0 if kind == "float" else 4.0, 1.5 * most))
    return -reach, reach


def _asked(label: str, given: Any) -> tuple[float, float]:
    try:
        low, high = (float(v) for v in given)
    except (TypeError, ValueError):
        raise ValueError(f"the range of {label!r} is a pair of numbers, (-3, 3), got {given!r}") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"the range of {label!r} goes from a smaller number to a larger one, got {given!r}")
    return low, high


def place_of(index: Any, shape: Sequence[int]) -> int:
    where = tuple(index) if isinstance(index, (tuple, list)) else (index,)
    try:
        return int(
            np.ravel_multi_index([i + n if i < 0 else i for i, n in zip(where, shape, strict=True)], tuple(shape))
        )
    except (TypeError, ValueError):
        raise ValueError(f"index {index!r} is not in a tensor of shape {tuple(shape)}") from None


def checked(value: Any, control: Mapping[str, Any]) -> Any:
    """A number that fits the leaf's type; ValueError says what does not."""
    label = control["label"]
    if isinstance(value, str) and value in ("nan", "inf", "-inf") and control["kind"] == "float":
        return value
    try:
        given = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is not a number: {label} takes one such as 0.5") from None
    if not math.isfinite(given):
        raise ValueError(f"{label} takes a finite number, got {value!r}")
    if control["kind"] == "float":
        return given
    if given != int(given):
        raise ValueError(f"{label} holds whole numbers ({control['dtype']}), got {value!r}")
    low, high = (0.0, 1.0) if control["kind"] == "bool" else control["limits"]
    if not low <= given <= high:
        raise ValueError(f"{label} is {control['dtype']}, which goes from {low:g} to {high:g}; got {value!r}")
    return int(given)


def listed(values: Sequence[Any]) -> str:
    texts = [number(v) for v in values[:8]] + (["..."] if len(values) > 8 else [])
    return texts[0] if len(values) == 1 else f"[{', '.join(texts)}]"
