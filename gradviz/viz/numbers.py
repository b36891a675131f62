"""How pictures write values: four digits in boxes, six in text, shapes as 64×10."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Value = Mapping[str, Any]


def number(value: Any, digits: int = 6) -> str:
    """One number; whole and true/false values stay as they are, "nan" and "inf" come as text in records."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, Mapping):  # complex numbers
        return f"{number(value.get('re', 0), digits)}{format(value.get('im', 0), f'+.{digits}g')}j"
    return format(value, f".{digits}g")


def shape_text(shape: Sequence[int]) -> str:
    """`64×10`, or nothing for a scalar."""
    return "×".join(str(n) for n in shape)


def count_of(shape: Sequence[int]) -> int:
    """How many elements a shape holds."""
    total = 1
    for n in shape:
        total *= n
    return total


def is_scalar(value: Value | None) -> bool:
    """Whether a record value is known and has exactly one element."""
    return bool(value and value.get("data") and count_of(value["shape"]) == 1)


def elements(value: Value, digits: int, most: int) -> str | None:
    """`[1, 2, 3]` (nested by shape) when the value holds its data and at most `most` elements, else None."""
    data, shape = value.get("data"), value["shape"]
    if data is None or len(data) > most or len(data) != count_of(shape):
        return None
    texts = [number(v, digits) for v in data]
    for size in reversed(list(shape)):
        if not size:
            return "[]"
        texts = ["[" + ", ".join(texts[i : i + size]) + "]" for i in range(0, len(texts), size)]
    return texts[0] if texts else "[]"


def warning(value: Value) -> str:
    """`2 nan` or `1 inf` when a value holds any, else nothing."""
    return ", ".join(f"{value[k]} {k}" for k in ("nan", "inf") if value.get(k))


def brief(value: Value | None, statistic: str = "mean", digits: int = 4, room: int = 22) -> str:
    """What a box shows: the number, a short list, or one statistic of a large tensor."""
    if not value:
        return ""
    short = elements(value, digits, 4)
    if short is not None and len(short) <= room:
        return short
    bad = warning(value)
    if bad:
        return f"{shape_text(value['shape'])} ⚠ {bad}"
    known = value.get(statistic)
    return f"{statistic} {number(known, digits)}" if known is not None else shape_text(value["shape"])


def full(value: Value | None, digits: int = 6) -> str:
    """What the text twin says: all of a small value, shape and statistics of a large one."""
    if not value:
        return "unknown"
    short = elements(value, digits, 8)
    if short is not None:
        return short
    facts = [f"{k} {number(value[k], digits)}" for k in ("min", "max", "mean", "norm") if value.get(k) is not None]
    bad = warning(value)
    return f"{shape_text(value['shape'])} ({', '.join([*facts, bad] if bad else facts)})"
