"""The nodes of a record: noted in a few words while the program runs, written out when somebody reads them.

An entry of a record is a dictionary of 21 facts. Most of them are the same for every node of an operation, or follow
from a few that are not; so what a recorder does at once is to append one tuple of those.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Iterable
from types import EllipsisType, NoneType
from typing import Any, NamedTuple

from .device import Device
from .dtype import dtype, from_numpy
from .formula import formulas, inputs_of
from .node import class_name
from .summary import plain

VALUE, INPLACE = 5, 10  # their places in the note of an op node
# What can be put into words later: it will still be the same.
FIXED = frozenset((int, float, bool, complex, str, NoneType, EllipsisType, dtype, Device))


class Call(NamedTuple):
    """How an op node came about: what was called, with which inputs that are no tensors, by their places."""

    op: Any
    settings: dict[str, Any]
    output: int  # which of its results this node is
    first: int  # the node of its first result
    others: dict[int, Any]


@functools.cache
def in_common(op: Any) -> dict[str, Any]:
    """The entry of a node of this op as far as it is the same for all of them; None stands for the rest."""
    forward, rules = formulas(op)
    flags = {name: bool(getattr(op, name, False)) for name in ("view", "elementwise")}
    return {
        "n": None, "kind": "op", "op": str(getattr(op, "name", None) or op.__name__), "name": None, "label": None,
        "path": None, "module": None, "inputs": None, "settings": None, "shape": None, "dtype": None,
        "requires_grad": None, "view": flags["view"], "inplace": None, "value": None, "forward": forward,
        "rules": rules, "latex": getattr(op, "latex", None), "elementwise": flags["elementwise"], "line": None,
        "output": None,
    }  # fmt: skip


@functools.cache
def sees_input(op: Any) -> bool:
    """Whether the result of an op can be all that its first input holds, seen in another shape."""
    return bool(getattr(op, "view", False)) and getattr(op, "name", None) != "as_strided"


def is_fixed(value: Any) -> bool:
    """Whether a setting can be put into words later."""
    kind = value.__class__
    if kind is tuple:
        return all(map(is_fixed, value))
    if kind is slice:
        return is_fixed((value.start, value.stop, value.step))
    return kind in FIXED


_seen_fixed: set[tuple[Any, ...]] = set()
MANY = 1000


def are_fixed(values: Iterable[Any]) -> bool:
    """The same of all settings of a call; mostly they have been seen before."""
    given = tuple(values)
    try:
        if given in _seen_fixed:
            return True
    except TypeError:  # a list, say
        return is_fixed(given)
    if not is_fixed(given):
        return False
    if len(_seen_fixed) >= MANY:
        _seen_fixed.clear()
    _seen_fixed.add(given)
    return True


class Seen:
    """The value of a view of everything a node holds: the same operation on the copy of that node's value."""

    __slots__ = ("made", "op", "settings", "source")

    def __init__(self, source: Any, op: Any, settings: dict[str, Any]) -> None:
        self.source, self.op, self.settings = source, op, settings
        self.made: Any = None

    def seen(self) -> tuple[Any, Any]:
        """The view and its device. No recursion: it may be a view of a view of a view."""
        views: list[Seen] = []
        at: Any = self
        while at.__class__ is Seen and at.made is None:
            views.append(at)
            at = at.source
        array, device = at.made if at.__class__ is Seen else at
        for view in reversed(views):
            array = device.forwards[view.op.name](array, **view.settings)
            view.made = array, device
        return array, device


SOURCES = (tuple, Seen)  # what the value of a node is worked out from: an array and its device, or a view of that


class Nodes:
    """The part of a recorder that keeps the nodes. What it has noted of a node it lets go once that is written out.

    Every note begins with an op, or the kind of a node that is none, and then the gradient's name (or the class it is
    named after), shape, dtype, whether a gradient is wanted, and the value: its statistics, or what they will be of: an
    array and its device, a view of that, or another node's number. `_op_entry` and `_leaf_entry` say what follows.
    """

    _nodes: list[dict[str, Any]]  # those written out
    _notes: list[Any]  # one for each node; None for those written out
    _calls: dict[int, Call]
    _counts: dict[str, int]  # how many nodes have had a label
    _lines: dict[tuple[str, int, str], dict[str, Any]]  # the entries of lines
    _later: dict[int, Any]  # nodes that are written out and have no statistics yet -> what those will be of
    _variables: list[tuple[int, str]]  # names that op nodes will have, if they have none
    _lock: threading.RLock  # who looks may be on another thread than who records

    def _no_nodes(self) -> None:
        self._nodes, self._notes, self._calls = [], [], {}
        self._counts, self._variables, self._lines, self._later = {}, [], {}, {}
        self._lock = threading.RLock()

    @property
    def nodes(self) -> list[dict[str, Any]]:
        """The entries of all nodes so far; statistics that were put off are not in them yet."""
        if len(self._nodes) != len(self._notes) or self._variables:
            self._write_out()
        return self._nodes

    @nodes.setter
    def nodes(self, nodes: list[dict[str, Any]]) -> None:
        self._nodes, self._notes = nodes, [None] * len(nodes)

    @property
    def calls(self) -> dict[int, Call]:
        """How op nodes came about, by their numbers, where the call was heard."""
        if len(self._nodes) != len(self._notes):
            self._write_out()
        return self._calls

    @calls.setter
    def calls(self, calls: dict[int, Call]) -> None:
        self._calls = calls

    def adopt(self, entry: dict[str, Any]) -> None:
        """Add an entry that was made elsewhere, under the next number."""
        with self._lock:
            self._write_out()
            self._nodes.append(entry)
            self._notes.append(None)

    def _write_out(self) -> None:
        """Make entries of all that was noted."""
        with self._lock:
            nodes, notes = self._nodes, self._notes
            for n in range(len(nodes), len(notes)):
                note = notes[n]
                entry = self._leaf_entry(n, note) if note[0].__class__ is str else self._op_entry(n, note)
                if entry["value"].__class__ is not dict:
                    self._later[n], entry["value"] = entry["value"], None
                nodes.append(entry)
                notes[n] = None
            variables, self._variables = self._variables, []
            for n, name in variables:
                if nodes[n]["kind"] == "op":
                    nodes[n].setdefault("variable", name)

    def _op_entry(self, n: int, note: Any) -> dict[str, Any]:
        """`given`: for each input its node's number; of one that is no tensor itself, and what it says if that changes.

        `at`: path and class of the running module; `said`: the settings in words if they can change; `output`: which of
        the call's results it is; `first`: the node of its first result, None where no call was heard.
        """
        op, name, shape, kind, needs, value, given, at, settings, said, inplace, line, output, first = note
        slots = inputs_of(op)
        inputs, others = [], {}
        for i, x in enumerate(given):
            if x.__class__ is dict:  # as it is
                inputs.append(x)
                continue
            slot = slots[i] if i < len(slots) else str(i)
            if x.__class__ is int:
                inputs.append({"slot": slot, "n": x})
            else:
                others[i] = x[0]
                inputs.append({"slot": slot, "value": x[1] if len(x) > 1 else plain(x[0])})
        if first is not None:
            self._calls[n] = Call(op, settings, output, first, others)
        entry = in_common(op).copy()  # every key is there, in the order of the format: what follows only fills it in
        label = entry["op"]
        count = self._counts[label] = self._counts.get(label, 0) + 1
        entry["n"], entry["name"] = n, name if name is None or name.__class__ is str else class_name(name)
        entry["label"] = label if count == 1 else f"{label}_{count}"
        entry["path"], entry["module"] = at
        entry["inputs"] = inputs
        entry["settings"] = {k: plain(v) for k, v in settings.items()} if said is None else said
        entry["shape"], entry["dtype"] = list(shape), from_numpy(kind).name
        entry["requires_grad"], entry["inplace"], entry["value"] = needs, inplace, value
        entry["line"], entry["output"] = None if line is None else self._said_line(line[1:]), output
        return entry

    def _said_line(self, line: tuple[str, int, str]) -> dict[str, Any]:
        """A line of the user's code: one entry that all nodes of the line share."""
        said = self._lines.get(line)
        if said is None:
            file, number, text = line
            said = self._lines[line] = {"file": file, "lineno": number, "text": text}
        return said

    def _leaf_entry(self, n: int, note: Any) -> dict[str, Any]:
        kind, name, shape, dtype, needs, value, label = note
        if not label:
            count = self._counts[kind] = self._counts.get(kind, 0) + 1
            label = f"{kind}_{count}"
        return {
            "n": n, "kind": kind, "op": None, "name": name, "label": label, "path": label.rpartition(".")[0],
            "module": None, "inputs": [], "settings": {}, "shape": list(shape), "dtype": from_numpy(dtype).name,
            "requires_grad": needs, "view": False, "inplace": False, "value": value, "forward": "", "rules": {},
            "latex": None, "elementwise": False, "line": None, "output": 0,
        }  # fmt: skip

    def _is_leaf(self, n: int) -> bool:
        """Whether a node is a leaf, without writing it out."""
        note = self._notes[n]
        return self._nodes[n]["kind"] == "leaf" if note is None else note[0].__class__ is str and note[0] == "leaf"

    def _is_alike(self, n: int, array: Any) -> bool:
        """Whether a node is of an array's type and has as many elements, without writing it out."""
        note = self._notes[n]
        if note is None:
            entry = self._nodes[n]
            return math.prod(entry["shape"]) == array.size and bool(entry["dtype"] == from_numpy(array.dtype).name)
        return math.prod(note[2]) == array.size and bool(note[3] == array.dtype)

    def _put_off_of(self, n: int) -> Any:
        """What the statistics of a node will be of, or those themselves; None where they are written out."""
        note = self._notes[n]
        return self._later.get(n) if note is None else note[VALUE]

    def _now_inplace(self, n: int) -> None:
        """It turned out that a node is what was written into its input."""
        with self._lock:
            if n < len(self._nodes):
                self._nodes[n]["inplace"] = True
            else:
                note = self._notes[n]
                self._notes[n] = (*note[:INPLACE], True, *note[INPLACE + 1 :])
