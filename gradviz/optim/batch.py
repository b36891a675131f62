"""Which parameters an optimiser changes together, and the one long array in which it does.

Most formulas treat each element by itself, so that many small arrays cost as much as one of their size once they are
in a row. Where they are does not change from step to step: SGD, which counts nothing, keeps its batches in a Plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_
from typing import Any

import numpy as np

from .update import Arithmetic, gather, scatter


class Batch:
    """Parameters that are changed together: alike in type, in number of steps, and in whether their state is new."""

    __slots__ = ("F", "arrays", "fresh", "params", "rows", "size", "states")

    def __init__(self, fresh: bool) -> None:
        self.params: list[Any] = []
        self.arrays: list[Any] = []
        self.states: list[dict[str, Any]] = []
        self.rows: dict[str, Row] = {}  # what is kept in a plan: by name, that of the parameters themselves under ""
        self.F: Arithmetic | None = None  # what changes them, once that is known
        self.fresh, self.size = fresh, 0

    def add(self, param: Any, array: Any, state: dict[str, Any] | None) -> None:
        """One more parameter, with its array and its state."""
        self.params.append(param)
        self.arrays.append(array)
        if state is not None:
            self.states.append(state)
        self.size += array.size

    def kept(self, name: str) -> list[Any]:
        """The arrays of this name in all states."""
        return [state[name]._array for state in self.states]

    def gather(self, xp: Any, arrays: Sequence[Any], name: str = "") -> Any:
        """These arrays, the parameters' or those of a name, as one real array to work on."""
        row = self.rows.get(name)
        return gather(xp, arrays) if row is None else row.gather()

    def scatter(self, one: Any, arrays: Sequence[Any], name: str = "") -> None:
        """Write what `gather` made of these arrays back into them."""
        row = self.rows.get(name)
        if row is None:
            scatter(one, arrays)
        else:
            row.scatter()


class Row:
    """Several arrays in one piece each, the long array of all their elements, and the views that lead across."""

    __slots__ = ("flats", "parts", "whole")

    def __init__(self, arrays: Sequence[Any]) -> None:
        self.flats = [array.reshape(-1) for array in arrays]
        self.whole = np.concatenate(self.flats)
        stops = np.cumsum([flat.size for flat in self.flats]).tolist()
        self.parts = [self.whole[stop - flat.size : stop] for flat, stop in zip(self.flats, stops, strict=True)]

    @staticmethod
    def suits(arrays: Sequence[Any]) -> bool:
        """Whether there are several, all of which can be seen as a line of real numbers."""
        return len(arrays) > 1 and all(
            type(array) is np.ndarray and array.flags.c_contiguous and array.dtype.kind != "c" for array in arrays
        )

    def gather(self) -> Any:
        return np.concatenate(self.flats, out=self.whole)

    def scatter(self) -> None:
        for flat, part in zip(self.flats, self.parts, strict=True):
            flat[...] = part


class Plan:
    """The batches of a group, good for as long as its parameters and their kept arrays are the same objects."""

    __slots__ = ("batches", "of")

    def __init__(self, batches: list[Batch], names: tuple[str, ...], params: list[Any], kept: list[list[Any]]) -> None:
        self.batches = batches
        self.of = _objects(params, kept)
        for batch in batches:
            stored = {"": batch.arrays, **{name: batch.kept(name) for name in names}}
            if all(map(Row.suits, stored.values())):
                batch.rows = {name: Row(arrays) for name, arrays in stored.items()}

    def fits(self, params: list[Any], kept: list[list[Any]]) -> bool:
        """Whether these, which all have gradients, are the parameters and kept arrays that it was made for."""
        now = _objects(params, kept)
        return len(now) == len(self.of) and all(map(is_, now, self.of))


def _objects(params: list[Any], kept: list[list[Any]]) -> list[Any]:
    found = [*params, *[param._array for param in params]]
    for arrays in kept:
        found += arrays
    return found
