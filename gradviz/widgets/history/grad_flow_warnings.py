"""What is wrong with a gradient's way through a network, in a sentence that names the layer and the number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

THRESHOLDS = {"vanishing": 1e-7, "ratio": 1e-6, "exploding": 1e3, "dead": 0.9}
KINDS = ("non-finite", "exploding", "vanishing", "dead")  # the worst first
GLYPHS = {"non-finite": "✕", "exploding": "▲", "vanishing": "▼", "dead": "○"}


class Finding(NamedTuple):
    """One thing that is wrong with one layer at one iteration."""

    kind: str
    layer: str
    iteration: int
    value: float
    text: str


class At(NamedTuple):
    """What is known of the layers at one iteration; all lists are as long as `names`, None is not measured."""

    names: Sequence[str]
    counts: Sequence[int]  # of parameters
    grad: Sequence[float | None]
    bad: Sequence[tuple[int, int, int, int] | None]  # NaN, infinite gradients, and such parameters
    dead: Sequence[float | None]
    acts: Sequence[tuple[str, int] | None]  # the activation these are of, and how many units it has


def thresholds_of(given: Mapping[str, float] | None) -> dict[str, float]:
    """The thresholds, those given in the place of the usual ones."""
    made = dict(THRESHOLDS)
    for name, value in (given or {}).items():
        if name not in made:
            raise ValueError(f"thresholds: {name!r} is none of them; there are {', '.join(made)}")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not (0 < value < math.inf):
            raise ValueError(f"thresholds: {name} must be a number above 0; got {value!r}")
        if name == "dead" and value > 1:
            raise ValueError(f"thresholds: dead is a share of the units, from 0 to 1; got {value!r}")
        made[name] = float(value)
    return made


def reference(grad: Sequence[float | None]) -> int | None:
    """The last layer that has a gradient: what the others' are compared with."""
    for i in range(len(grad) - 1, -1, -1):
        value = grad[i]
        if value is not None and math.isfinite(value) and value > 0:
            return i
    return None


def find(at: At, limits: Mapping[str, float]) -> list[tuple[str, int, float, str]]:
    """(kind, number of the layer, value, sentence) of everything that is wrong, the worst first."""
    found = []
    last = reference(at.grad)
    for i, name in enumerate(at.names):
        bad, size = at.bad[i], at.grad[i]
        if bad is not None:
            found.append(("non-finite", i, float(sum(bad)), _nonfinite(name, bad, at.counts[i])))
        elif size is not None and size > limits["exploding"]:
            text = f"{name}: gradient norm {size:.4g} is over {limits['exploding']:.4g}: exploding"
            found.append(("exploding", i, size, text))
        elif size is not None:
            text = _vanishing(name, size, i, last, at.grad, limits)
            if text:
                found.append(("vanishing", i, size, text))
        dead, act = at.dead[i], at.acts[i]
        if dead is not None and act is not None and dead > limits["dead"]:
            text = f"{act[0]} after {name}: {100 * dead:.4g}% of {act[1]} units are 0 for every sample: dead"
            found.append(("dead", i, dead, text))
    return sorted(found, key=lambda one: (KINDS.index(one[0]), one[2] if one[0] == "vanishing" else -one[2]))


def _nonfinite(name: str, bad: tuple[int, int, int, int], count: int) -> str:
    nan, inf, weight_nan, weight_inf = bad
    said = []
    if nan or inf:
        said.append(f"{nan + inf} of {count} gradients are not finite ({_which(nan, inf)})")
    if weight_nan or weight_inf:
        also = "after the step " if not said else ""
        which = _which(weight_nan, weight_inf)
        said.append(f"{also}{weight_nan + weight_inf} of {count} parameters are not finite ({which})")
    return f"{name}: {' and '.join(said)}"


def _which(nan: int, inf: int) -> str:
    return " and ".join(text for n, text in ((nan, f"{nan} NaN"), (inf, f"{inf} infinite")) if n)


def _vanishing(
    name: str, size: float, i: int, last: int | None, grad: Sequence[float | None], limits: Mapping[str, float]
) -> str:
    """What is said of a small gradient. Where the last layer's is small too it was not lost on the way: it says so."""
    if last is None:  # all of them are 0: said once, of the last one
        return f"{name}: every gradient is exactly 0: vanishing" if i == _final(grad) else ""
    if size == 0:
        return f"{name}: gradient norm is exactly 0: vanishing"
    least, top = limits["vanishing"], grad[last] or 0.0
    if i != last and size / top < limits["ratio"]:
        return f"{name}: gradient norm {size:.4g} is {size / top:.2g} of the last layer's: vanishing"
    if i != last and size < least <= top:
        return f"{name}: gradient norm {size:.4g} is under {least:.4g}: vanishing"
    if i == last and size < least and any(v is not None for k, v in enumerate(grad) if k != i):
        return (
            f"{name}: even the last layer's gradient norm, {size:.4g}, is under {least:.4g}: vanishing, or at a minimum"
        )
    if i == last and size < least:
        return f"{name}: gradient norm {size:.4g} is under {least:.4g}: vanishing, or at a minimum"
    return ""


def _final(grad: Sequence[float | None]) -> int:
    return max((i for i, value in enumerate(grad) if value is not None), default=-1)
