"""What a loss curve can be made from, turned into one form: runs, each of series of steps and values.

A run is {"loss": ..., "val_loss": ...}; a series is a list of values, a pair (steps, values), a list of (step, value)
pairs, an array or tensor of these shapes, or what `gradviz.utils.tensorboard.read` gives. Several runs are
{"first": run, "second": run}.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

Runs = dict[str, dict[str, tuple[Any, Any]]]


def runs_of(source: Any, only: Sequence[str] | None = None) -> Runs:
    """The runs in a source; a single one has the name "". `only` names the series that are wanted."""
    if source is None:
        return {}
    if _is_log(source):
        found: Runs = {"": _run(source)}
    elif isinstance(source, Mapping) and any(isinstance(v, Mapping) or _is_log(v) for v in source.values()):
        found = {str(name): _run(run) for name, run in source.items()}
    elif _is_rows(source):
        found = {"": _rows(source)}
    else:
        found = {"": _run(source)}
    if only is not None:
        known = sorted({tag for run in found.values() for tag in run})
        for tag in only:
            if tag not in known:
                raise ValueError(f"There is no series {tag!r}. There are: {', '.join(map(repr, known[:20]))}.")
        found = {name: {tag: run[tag] for tag in only if tag in run} for name, run in found.items()}
    return found


def _is_log(source: Any) -> bool:
    return isinstance(getattr(source, "scalars", None), Mapping)


def _is_rows(source: Any) -> bool:
    return isinstance(source, list) and bool(source) and all(isinstance(row, Mapping) for row in source)


def _run(source: Any) -> dict[str, tuple[Any, Any]]:
    if _is_log(source):
        source = source.scalars
    if _is_rows(source):
        return _rows(source)
    if isinstance(source, Mapping):
        return {str(tag): series_of(values, str(tag)) for tag, values in source.items()}
    return {"loss": series_of(source, "loss")}


def _rows(rows: Iterable[Mapping[str, Any]]) -> dict[str, tuple[Any, Any]]:
    """[{"step": 0, "loss": 2.3}, ...]: a history kept row by row; without "step" the rows are counted."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    for i, row in enumerate(rows):
        step = step_of(row.get("step", i))
        for tag, value in row.items():
            if tag != "step":
                steps, values = found.setdefault(str(tag), ([], []))
                steps.append(step)
                values.append(value_of(value, str(tag)))
    return {tag: (np.array(steps), np.array(values)) for tag, (steps, values) in found.items()}


def series_of(source: Any, name: str) -> tuple[Any, Any]:
    """Steps and values, as float64 arrays of one length."""
    if hasattr(source, "steps") and hasattr(source, "values") and not isinstance(source, Mapping):
        return _pair(source.steps, source.values, name)
    if isinstance(source, tuple) and len(source) == 2 and all(np.ndim(_plain(part)) == 1 for part in source):
        return _pair(*source, name)
    values = _array(source, name)
    if values.ndim == 2 and values.shape[1] == 2:
        return _pair(values[:, 0], values[:, 1], name)
    if values.ndim != 1:
        raise ValueError(
            f"The series {name!r} has the shape {values.shape}; a curve is drawn from one number a step. "
            "Give a list of numbers, (steps, values), or rows of (step, value)."
        )
    return np.arange(len(values), dtype=np.float64), values


def _pair(steps: Any, values: Any, name: str) -> tuple[Any, Any]:
    steps, values = _array(steps, f"{name} (its steps)"), _array(values, name)
    if steps.shape != values.shape or steps.ndim != 1:
        raise ValueError(
            f"The series {name!r} has {steps.size} steps and {values.size} values; there is one value for each step."
        )
    if not np.isfinite(steps).all():
        raise ValueError(f"The series {name!r} has a step that is not finite; steps are numbers such as 0, 1, 2.")
    return steps, values


def _plain(values: Any) -> Any:
    """Tensors as lists; a list of 0-d tensors as numbers."""
    if hasattr(values, "tolist"):
        return values.detach().tolist() if hasattr(values, "detach") else values.tolist()
    if isinstance(values, (str, bytes, Mapping)) or not hasattr(values, "__iter__"):
        return values
    return [value.item() if hasattr(value, "item") and not getattr(value, "shape", ()) else value for value in values]


def _array(values: Any, name: str) -> Any:
    plain = _plain(values)
    try:
        made = np.asarray(plain, dtype=np.float64)
    except (TypeError, ValueError) as error:
        kind = type(values).__name__
        raise TypeError(
            f"The series {name!r} is not numbers but {kind}: {error}. Give a list of numbers, such as losses kept with "
            "losses.append(loss.item())."
        ) from None
    if made.ndim == 0:
        raise TypeError(f"The series {name!r} is the single value {plain!r}; a curve needs a list of numbers.")
    return made


def step_of(step: Any) -> float:
    """A step as a number."""
    try:
        made = float(step.item() if hasattr(step, "item") else step)
    except (TypeError, ValueError):
        raise TypeError(f"A step is a number such as 0, 1, 2; got {step!r}.") from None
    if not math.isfinite(made):
        raise ValueError(f"A step is a finite number; got {made}.")
    return made


def value_of(value: Any, name: str) -> float:
    """One value as a number; a tensor of one element gives its own."""
    if type(value) is float:
        return value
    if hasattr(value, "item"):
        if getattr(value, "shape", ()) and math.prod(value.shape) != 1:
            raise ValueError(
                f"{name} has the shape {tuple(value.shape)}; a curve takes one number a step. Give its .mean()."
            )
        value = value.item()
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} is {type(value).__name__}, not a number; give a float or a tensor of one.") from None
