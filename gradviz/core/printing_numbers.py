"""How the numbers of one tensor are written: print options, and one column format for all of its elements.

All elements share a width, so that they line up. Floating numbers share a notation too: whole ("3."), fixed ("0.5000")
or scientific ("5.0000e-01"), chosen from the smallest and largest magnitude among those that are finite and not zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np


@dataclass(frozen=True)
class Options:
    """The settings of `set_printoptions`."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


PROFILES = {
    "default": Options(),
    "short": Options(precision=2, edgeitems=2),
    "full": Options(threshold=math.inf),
}


class _Current:
    options = Options()


def get_printoptions() -> Options:
    """The print options in force."""
    return _Current.options


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Sets how tensors print.

    precision: digits after the point. threshold: with more elements than this, only the edges are shown.
    edgeitems: how many at each edge. linewidth: characters per line. profile: "default", "short" or "full" as a
    starting point. sci_mode: scientific notation always, never, or (None) as needed; not given means as needed.
    https://docs.pytorch.org/docs/2.13/generated/torch.set_printoptions.html
    """
    if profile is not None and profile not in PROFILES:
        raise ValueError(f"profile must be one of {', '.join(PROFILES)}, got {profile!r}")
    start = _Current.options if profile is None else PROFILES[profile]
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    changed: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    _Current.options = replace(start, sci_mode=sci_mode, **changed)


@contextmanager
def printoptions(**settings: Any) -> Iterator[None]:
    """`set_printoptions` until the end of the `with` block."""
    before = _Current.options
    set_printoptions(**settings)
    try:
        yield
    finally:
        _Current.options = before


def number(value: float) -> str:
    """A number as pictures and step tables show it: six significant digits, no trailing zeros."""
    return format(value, ".6g")


class Column(NamedTuple):
    """One format for all elements: the width they are padded to, and how a value becomes text."""

    width: int
    write: Callable[[Any], str]


def column(values: np.ndarray[Any, Any], options: Options) -> Column:
    """The format that fits these values: bool, integer, float64 or complex128."""
    return _COLUMNS[values.dtype.kind](values, options)


def _plain(values: np.ndarray[Any, Any], options: Options) -> Column:
    """Booleans and integers: as Python writes them."""
    width = max((len(str(v)) for v in values.ravel().tolist()), default=1)
    return Column(width, lambda v: str(v).rjust(width))


def _real(values: np.ndarray[Any, Any], options: Options) -> Column:
    sized = values[np.isfinite(values) & (values != 0)]
    if sized.size == 0:
        return Column(1, _whole)
    magnitude = np.abs(sized)
    low, high = float(magnitude.min()), float(magnitude.max())
    whole = bool((sized == np.ceil(sized)).all())
    scientific = options.sci_mode
    if scientific is None:
        scientific = high / low > 1000.0 or high > 1e8 or (not whole and low < 1e-4)
    digits = f".{options.precision}{'e' if scientific else 'f'}"
    write = _whole if whole and not scientific else lambda v: format(v, digits)
    width = max(len(write(v)) for v in sized.tolist())
    return Column(width, lambda v: write(v).rjust(width))


def _whole(value: float) -> str:
    text = format(value, ".0f")
    return text + "." if math.isfinite(value) else text


def _complex(values: np.ndarray[Any, Any], options: Options) -> Column:
    real, imag = _real(values.real, options), _real(values.imag, options)

    def write(value: complex) -> str:
        second = (imag.write(value.imag) + "j").lstrip()
        return real.write(value.real) + ("" if second[0] in "+-" else "+") + second

    return Column(real.width + imag.width + 1, write)


_COLUMNS: dict[str, Callable[[np.ndarray[Any, Any], Options], Column]] = {
    "b": _plain,
    "i": _plain,
    "u": _plain,
    "f": _real,
    "c": _complex,
}
