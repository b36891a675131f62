"""Two checkpoints name by name: what each holds, and what `load_state_dict` would do with it. Half of `StateDictDiff`.

A state_dict, a module, a file's contents, an optimiser's state_dict, or a mapping of these: nested mappings and lists
become one list of dotted names, as the keys of a state_dict are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from gradviz.viz.measure import clean
from gradviz.widgets.tensors.tensor_read import host, is_module, is_tensor

MOST = 400  # names in one picture
NUMBERS, CELLS = 8, 24  # rows, columns and cells up to which the numbers themselves are shown
SIDES = (32, 24, 16, 12, 8)  # the side of the sample of a larger tensor, by how many there are
ROOM = 40_000  # numbers of all samples together


class Entry(NamedTuple):
    """One side of one name: an array with its dtype's name, or something that is no tensor, in words."""

    shape: tuple[int, ...] | None
    dtype: str
    array: Any


class Pair(NamedTuple):
    """One name: what is saved, what the model has, and what loading does with it."""

    name: str
    saved: Entry | None
    model: Entry | None
    verdict: str  # equal, differs, cast, shape, missing, unexpected
    far: float | None = None  # the largest difference of two numbers before loading
    after: Entry | None = None  # of another dtype: the saved numbers as the model will hold them
    lost: float = 0.0  # and by how much they were rounded


def flatten(thing: Any, who: str) -> dict[str, Any]:
    """Dotted names and what they stand for.

    Raises TypeError for what is not a module, a mapping or a list of these, saying who it was.
    """
    if is_module(thing):
        thing = thing.state_dict()
    if not isinstance(thing, Mapping):
        raise TypeError(
            f"{who} must be a module or a state_dict, got {type(thing).__name__}: give it model, model.state_dict() "
            "or what torch.load returned"
        )
    return dict(_walk(thing, ""))


def _walk(thing: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(thing, Mapping):
        pairs: Any = thing.items()
    elif isinstance(thing, (list, tuple)) and not is_tensor(thing):
        pairs = enumerate(thing)
    else:
        yield path, thing
        return
    for key, value in pairs:
        yield from _walk(value, f"{path}.{key}" if path else str(key))


def pairs_of(saved: Mapping[str, Any], model: Mapping[str, Any]) -> list[Pair]:
    """Every name, in the order in which loading takes them: the model's own, then those it has no place for."""
    names = [*model, *(name for name in saved if name not in model)]
    return [_pair(name, _entry(saved, name), _entry(model, name)) for name in names]


def _entry(held: Mapping[str, Any], name: str) -> Entry | None:
    if name not in held:
        return None
    value = held[name]
    if is_tensor(value) or isinstance(value, np.ndarray):
        array = host(value, name)
        return Entry(tuple(array.shape), str(value.dtype).removeprefix("torch."), array)
    plain = isinstance(value, (bool, int, float, str)) or value is None
    return Entry(None, type(value).__name__, repr(value)[:80] if plain else "")


def _pair(name: str, saved: Entry | None, model: Entry | None) -> Pair:
    if saved is None or model is None:
        return Pair(name, saved, model, "missing" if saved is None else "unexpected")
    if saved.shape != model.shape:
        return Pair(name, saved, model, "shape")
    if saved.shape is None:
        return Pair(name, saved, model, "equal" if saved == model else "differs")
    far = largest(saved.array, model.array)
    if saved.dtype != model.dtype:
        after = loaded(saved, model)
        return Pair(name, saved, model, "cast", far, after, largest(saved.array, after.array))
    same = saved.array.tobytes() == model.array.tobytes()
    return Pair(name, saved, model, "equal" if same else "differs", far)


def loaded(saved: Entry, model: Entry) -> Entry:
    """The saved numbers as the model would hold them: converted to its dtype, as `copy_` does."""
    import gradviz as torch

    converted = torch.tensor(saved.array).to(getattr(torch, model.dtype))
    return Entry(model.shape, model.dtype, host(converted, "after loading"))


def largest(a: Any, b: Any) -> float:
    """The largest size of a difference; 0 for none; NaN where a number is NaN on one side only."""
    if not a.size:
        return 0.0
    wide = np.complex128 if "c" in (a.dtype.kind, b.dtype.kind) else np.float64
    p, q = a.astype(wide), b.astype(wide)
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.where((p == q) | (np.isnan(p) & np.isnan(q)), 0.0, np.abs(p - q))
    return float(apart.max())


def side_for(pairs: list[Pair]) -> int:
    """How many rows and columns of a large tensor are kept, so that all of them have room in one page."""
    large = sum(e is not None and e.shape is not None and _is_large(e.shape) for p in pairs for e in (p.saved, p.model))
    return next((side for side in SIDES if large * side * side <= ROOM), SIDES[-1])


def plane(shape: tuple[int, ...]) -> tuple[int, int]:
    """The rows and columns as which a tensor is drawn: a short vector is a column, a long one a row, and what a tensor
    has in more than two dimensions is laid side by side."""
    if len(shape) < 2:
        count = int(np.prod(shape, dtype=np.int64))
        return (count, 1) if count <= NUMBERS else (1, count)
    return int(shape[0]), int(np.prod(shape[1:], dtype=np.int64))


def _is_large(shape: tuple[int, ...]) -> bool:
    rows, columns = plane(shape)
    return max(rows, columns) > NUMBERS or rows * columns > CELLS


def sample(array: Any, side: int) -> Any:
    """The numbers that are drawn, as rows: all of a small tensor, of a large one rows and columns evenly picked."""
    rows, columns = plane(array.shape)
    flat = array.reshape(rows, columns)
    flat = np.abs(flat) if flat.dtype.kind == "c" else flat
    if not _is_large(array.shape):
        return flat.astype(np.float64)
    wide = side if rows > 1 else 2 * side
    return flat[np.ix_(_picked(rows, side), _picked(columns, wide))].astype(np.float32)


def _picked(count: int, most: int) -> Any:
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int)) if count else np.arange(0)


def title_of(name: str) -> str:
    """A name as it is shown."""
    return clean(name)[:120]
