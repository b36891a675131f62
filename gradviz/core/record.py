"""Recording: what ran, as plain data that can be drawn, saved, compared and replayed.

    with record() as tape:
        loss = f(x)
    tape.recording.to_json()

Nodes are numbered in the order they appear; nothing of the program is kept alive. Leaves' values are copied, so that
`recording.replay({"x": 3.0})` can run the same operations on other numbers.
"""

from __future__ import annotations

import copy
import functools
import math
import sys
import weakref
from types import TracebackType
from typing import Any, NamedTuple, Self

from . import events
from .clock import Last, user_frame
from .dtype import from_numpy
from .events import observe
from .formula import formulas, inputs_of
from .op import OPS
from .record_backward import BackwardSteps
from .summary import KEPT, LARGE, plain, summary
from .tensor import Tensor
from .views import Place
from .whence import line_at, module_path, running_module, variable_name

KEEP_LEAF = 1_000_000
PUT_OFF = 1 << 26  # bytes of copies, of which the statistics are put off, at a time
LIBRARY = 5  # frames of this file that stand between a recorder's caller and the place that asks for the user's line
# Recorders that are still held by someone: where a graph made under one of them finds the values it did not keep.
TAPES: weakref.WeakSet[Recorder] = weakref.WeakSet()


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


class Recording:
    """The record of a run: `nodes`, `steps`, `meta`, all plain data (format gradviz.record/1)."""

    def __init__(self, recorder: Recorder) -> None:
        recorder.finish()
        self.nodes: list[dict[str, Any]] = recorder.nodes
        self.steps: list[dict[str, Any]] = recorder.steps
        self.meta: dict[str, Any] = recorder.meta
        self.recorder = recorder

    def __repr__(self) -> str:
        return f"Recording({len(self.nodes)} nodes, {len(self.steps)} steps)"

    def to_json(self) -> dict[str, Any]:
        """The whole record as JSON-able data."""
        return {"format": "gradviz.record/1", "nodes": self.nodes, "steps": self.steps, "meta": self.meta}

    def find(self, key: int | str) -> int:
        """The ordinal of a node, by ordinal or label. KeyError lists the labels."""
        if isinstance(key, int) and 0 <= key < len(self.nodes):
            return key
        for node in self.nodes:
            if node["label"] == key:
                return int(node["n"])
        labels = ", ".join(n["label"] for n in self.nodes if n["kind"] != "op")
        raise KeyError(f"no node {key!r} in this recording; its leaves and constants are: {labels}")

    def replay(self, changes: dict[Any, Any] | None = None) -> Recording:
        """The same operations on other leaf values, with the backward pass if this recording has one."""
        from .replay import replay

        return replay(self, changes or {})


class Recorder(BackwardSteps):
    """An observer that turns events into a Recording. `names` maps labels to tensors, for leaves to be called by."""

    def __init__(self, names: dict[str, Any] | None = None, thumbnails: bool = False, title: str = "") -> None:
        self.nodes: list[dict[str, Any]] = []
        self._steps: list[dict[str, Any]] = []
        self.meta: dict[str, Any] = {"title": title}
        self.thumbnails = thumbnails
        self.arrays: dict[int, Any] = {}  # copies of leaf and constant values, for replay
        self.calls: dict[int, Call] = {}
        self.by_seq: dict[tuple[int, int], int] = {}  # graph node and output number -> ordinal
        self._by_id: dict[int, tuple[Any, int, int]] = {}  # id of a tensor -> reference, ordinal, newest write then
        self._counts: dict[str, int] = {}
        self._names = {id(t): name for name, t in (names or {}).items()}
        self._partial: dict[Any, tuple[Any, int]] = {}
        self._expected: dict[Any, int] = {}
        self._sent: dict[Any, tuple[Any, dict[str, Any]]] = {}
        self._outer: list[tuple[Any, Any, Any]] = []
        self._waiting: list[tuple[dict[str, Any], Any, Any]] = []
        self._entered: list[tuple[Any, dict[int, tuple[int, Any]]]] = []  # Functions that run: their tensors before
        self._named: set[int] = set()
        self._paths: dict[Any, tuple[str, str | None]] = {}
        self._lines: dict[tuple[str, int], dict[str, Any]] = {}
        self._later: dict[int, Any] = {}  # node -> what its statistics will be of: an array, or another node's number
        self._room = PUT_OFF
        TAPES.add(self)

    @property
    def steps(self) -> list[dict[str, Any]]:
        """What happened so far, with its statistics."""
        if self._waiting:
            self.finish()
        return self._steps

    @steps.setter
    def steps(self, steps: list[dict[str, Any]]) -> None:
        self._steps = steps

    @property
    def recording(self) -> Recording:
        return Recording(self)

    def __call__(self, event: Any) -> None:
        handler: Any = self._HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)

    # -- forward -----------------------------------------------------------------------------------------------
    def _forward(self, event: events.Forward) -> None:
        op, inputs, output, settings = event
        outputs = output if isinstance(output, tuple) else (output,)
        if self._entered:
            self._leave_function(op, inputs, outputs)
        self._add(op, inputs, outputs, settings)

    def _enter_function(self, event: events.FunctionEnter) -> None:
        """Remember what the tensors given to a user's Function are before it runs: it may write into them."""
        known = {}
        for x in event.inputs:
            n = self._known(x) if isinstance(x, Tensor) else None
            if n is not None:
                known[id(x)] = n, None if x._edge is None else (x._edge.node.seq, x._edge.nr)
        self._entered.append((event.function, known))

    def _leave_function(self, function: Any, inputs: Any, outputs: tuple[Any, ...]) -> None:
        """What a Function wrote into and returned (`mark_dirty`) is its result; its input is what was there before."""
        if not any(entered is function for entered, _ in self._entered):
            return
        while (left := self._entered.pop())[0] is not function:
            pass  # one that raised
        for x in inputs:
            if id(x) in left[1] and any(x is out for out in outputs):
                n, place = left[1][id(x)]
                self._remember(x, n)
                if place is not None:
                    self.by_seq[place] = n

    def _inplace(self, event: events.Inplace) -> None:
        target, edge = event.target, event.target._edge
        n = None if event.result is None else self._known(event.result)
        if event.result is not None and n is None:  # it turned out that there was nothing to do
            n = self._known(target)
        elif n is not None:
            self.nodes[n]["inplace"] = True
        if n is not None:
            if target._base is not None and edge is not None and (edge.node.seq, edge.nr) in self.by_seq:
                return  # a view: it is seen anew from its base, which says so itself
            self._remember(target, n)
            if edge is not None:
                self.by_seq[edge.node.seq, edge.nr] = n
        else:
            before = self._known(target)
            if before is not None:  # as it was: what has just been written is the new node
                self._remember(target, before)
            self._add(event.op, event.inputs, (target,), event.settings, inplace=True)
        if target._base is not None and edge is None and (event.result is None or event.result._edge is None):
            self._written_through(target, target._base)

    def _written_through(self, view: Tensor, base: Tensor) -> None:
        """A base was written through one of its views, where no gradient is recorded."""
        known = self._known(base)
        if known is None or view.dtype != base.dtype:  # seen as two types: it is read anew when next used
            return
        self._remember(base, known)
        self._add(OPS["copy_slices"], (base, view), (base,), {"place": Place(base, view)}, inplace=True)

    def _detached(self, event: events.Detached) -> None:
        self._add(Tensor.detach, (event.source,), (event.result,), {})

    def _aside(self, event: events.Aside) -> None:
        self._remember(event.old, self.ordinal(event.target))

    def _rebased(self, event: events.Rebased) -> None:
        before = self._known(event.target)
        if event.value is not None and event.source._edge is None and before is not None:
            self._remember(event.source, before)  # memory that no graph led to, until now
        given = (event.source,) if event.value is None else (event.source, event.value)
        self._add(event.op, given, (event.target,), event.settings, inplace=event.value is not None)

    def _add(
        self, op: Any, inputs: Any, outputs: tuple[Any, ...], settings: dict[str, Any], *, inplace: bool = False
    ) -> None:
        """One op node for each result that is a tensor."""
        slots, entries = inputs_of(op), []
        others: dict[int, Any] = {}
        for i, x in enumerate(inputs):
            slot = slots[i] if i < len(slots) else str(i)
            if isinstance(x, Tensor):
                entries.append({"slot": slot, "n": self.ordinal(x)})
            else:
                entries.append({"slot": slot, "value": plain(x)})
                others[i] = x
        call = Call(op, settings, 0, len(self.nodes), others)
        line = self._line()
        for nr, out in enumerate(outputs):
            if isinstance(out, Tensor):
                self.calls[len(self.nodes)] = call if nr == 0 else call._replace(output=nr)
                self._add_op(op, entries, out, settings, nr, inplace=inplace, line=line)

    def _add_op(
        self, op: Any, inputs: Any, out: Tensor, settings: Any, nr: int, *, inplace: bool = False, line: Any = None
    ) -> None:
        edge, array = out._edge, out._array
        node = None if edge is None else edge.node
        same = in_common(op)
        name, n = same["op"], len(self.nodes)
        count = self._counts[name] = self._counts.get(name, 0) + 1
        entry = same.copy()  # every key is there, in the order of the format: what follows only fills it in
        entry["n"], entry["inputs"] = n, inputs
        entry["shape"], entry["dtype"] = list(array.shape), from_numpy(array.dtype).name
        entry["label"] = name if count == 1 else f"{name}_{count}"
        if node is None:
            entry["path"], entry["module"] = self._path(running_module())
        else:
            entry["name"] = node.name()
            entry["path"], entry["module"] = self._path(node.path)
            self.by_seq[node.seq, edge.nr] = n
        entry["settings"] = {k: plain(v) for k, v in settings.items()} if settings else {}
        entry["requires_grad"], entry["inplace"] = out._needs, inplace
        entry["value"] = self._value(n, same, inputs, out)
        entry["line"], entry["output"] = line, nr
        self.nodes.append(entry)
        if isinstance(op, events.Written):
            self._keep(n, out)
        self._by_id[id(out)] = (weakref.ref(out), n, Last.write)
        self._steps.append({"kind": "forward", "n": n})

    def _line(self) -> dict[str, Any] | None:
        """The user's line that is running: one entry that all nodes of the line share."""
        found = user_frame(LIBRARY)
        if found is None:
            return None
        line = self._lines.get(found)
        if line is None:
            line = self._lines[found] = line_at(*found)
        return line

    def _path(self, link: Any) -> tuple[str, str | None]:
        found = self._paths.get(link)
        if found is None:
            found = self._paths[link] = module_path(link)
        return found

    def finish(self) -> None:
        """Work out what was put off while recording: the statistics of values, from their copies."""
        for n, source in self._later.items():
            if isinstance(source, int):
                value = self.nodes[source]["value"]
                self.nodes[n]["value"] = value and {**value, "shape": self.nodes[n]["shape"]}
            else:
                array, device = source
                self.nodes[n]["value"] = summary(array, device, self.thumbnails)
        for made, array, device in self._waiting:
            made.update(summary(array, device, self.thumbnails))
        self._later.clear()
        self._waiting.clear()
        self._room = PUT_OFF

    def _value(self, n: int, same: dict[str, Any], inputs: Any, out: Tensor) -> dict[str, Any] | None:
        """The statistics of a result of the op with this in common; None where they are put off until somebody looks.

        A view of everything its input holds has its input's: only the shape is new.
        """
        array, device = out._array, out.device
        if same["view"] and array.size > KEPT and not self.thumbnails and same["op"] != "as_strided":
            before = self.nodes[inputs[0]["n"]]
            if math.prod(before["shape"]) == array.size and before["dtype"] == out.dtype.name:
                self._later[n] = before["n"]
                return None
        size = array.nbytes
        if size > LARGE:
            return summary(array, device, self.thumbnails)
        self._room -= size
        if self._room < 0:
            self.finish()
        self._later[n] = (array.copy(), device)
        return None

    def ordinal(self, tensor: Tensor) -> int:
        """The number of the node this tensor is; a leaf or constant seen for the first time gets one."""
        found = self._by_id.get(id(tensor))
        if found is not None and found[0]() is tensor:
            return found[1] if found[2] == Last.write else self._still(tensor, found[1], found[2])
        edge = tensor._edge
        n = None if edge is None else self.by_seq.get((edge.node.seq, edge.nr))
        if n is None:
            n = self._add_leaf(tensor)
        self._remember(tensor, n)
        return n

    def _still(self, tensor: Tensor, n: int, since: int) -> int:
        """The node of a known tensor after something was written somewhere: a new one if its memory was.

        A leaf stays the node it is: its `optimizer` steps tell what became of it.
        """
        base = tensor if tensor._base is None else tensor._base
        cell = base._cell
        if cell is None or cell.stamp <= since or self.nodes[n]["kind"] == "leaf":
            return n
        if base is not tensor and self._known(base) is not None and tensor.dtype == base.dtype:
            self._add(OPS["as_strided_view"], (base,), (tensor,), {"place": Place(base, tensor)})
            return self._by_id[id(tensor)][1]
        self._add(events.Written("written", aside=True), (), (tensor,), {}, inplace=True)
        self.nodes[-1]["inputs"].append({"slot": "x", "n": n})
        return len(self.nodes) - 1

    def _add_leaf(self, tensor: Tensor) -> int:
        n = len(self.nodes)
        leaf = tensor._needs and tensor._edge is None
        kind = "leaf" if leaf else "const"
        label = self._names.get(id(tensor)) or tensor.name or variable_name(tensor)
        if not label:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            label = f"{kind}_{self._counts[kind]}"
        value = None if self._keep(n, tensor) else summary(tensor._array, tensor.device, self.thumbnails)
        name = "AccumulateGrad" if leaf else tensor._edge.node.name() if tensor._edge is not None else None
        self.nodes.append({
            "n": n, "kind": kind, "op": None, "name": name, "label": label, "path": label.rpartition(".")[0],
            "module": None, "inputs": [], "settings": {}, "shape": list(tensor._array.shape),
            "dtype": tensor.dtype.name, "requires_grad": tensor._needs, "view": False, "inplace": False,
            "value": value, "forward": "", "rules": {}, "latex": None,
            "elementwise": False, "line": None, "output": 0,
        })  # fmt: skip
        if tensor._edge is not None:
            self.by_seq[tensor._edge.node.seq, tensor._edge.nr] = n
        return n

    def _keep(self, n: int, tensor: Tensor) -> bool:
        """Copy a node's value, for replay, unless it is too large."""
        small = bool(tensor._array.size <= KEEP_LEAF)
        if small:
            self.arrays[n] = self._later[n] = (tensor._array.copy(), tensor.device)
        return small

    def last_result(self, shape: tuple[int, ...] | None = None) -> Tensor | None:
        """The newest result that needs a gradient and is still alive, a single number or of this shape; or None."""
        made = ((n, ref()) for ref, n, _ in self._by_id.values())
        alive = [(n, t) for n, t in made if t is not None and t._edge is not None and t._needs]
        found = [(n, t) for n, t in alive if (t._array.size == 1 if shape is None else t._array.shape == shape)]
        return max(found, key=lambda pair: pair[0])[1] if found else None

    def copy(self) -> Recorder:
        """A recorder that goes on from here without changing this one."""
        again = copy.copy(self)
        again.nodes, again._steps, again._waiting = list(self.nodes), list(self._steps), list(self._waiting)
        for name in ("arrays", "calls", "by_seq", "_by_id", "_counts", "_later"):
            setattr(again, name, dict(getattr(self, name)))
        return again

    def _known(self, tensor: Tensor) -> int | None:
        found = self._by_id.get(id(tensor))
        return found[1] if found is not None and found[0]() is tensor else None

    def _remember(self, tensor: Tensor, n: int) -> None:
        self._by_id[id(tensor)] = (weakref.ref(tensor), n, Last.write)

    # -- modules -----------------------------------------------------------------------------------------------
    def _enter(self, event: events.ModuleEnter) -> None:
        link = running_module()
        if (link is None or link[0] is None) and id(event.module) not in self._named:
            self._named.add(id(event.module))
            self.name_parameters(event.module)
        path, module = self._path(link)
        self._steps.append({"kind": "module_enter", "path": path, "module": module})

    def name_parameters(self, module: Any) -> None:
        """Call parameters by their paths in this module."""
        for name, p in module.named_parameters():
            self._names.setdefault(id(p), name)

    def _exit(self, event: events.ModuleExit) -> None:
        path, module = self._path(running_module())
        self._steps.append({"kind": "module_exit", "path": path, "module": module})

    def name_values(self, frame: Any) -> None:
        """Call recorded values by the names they have in a frame, where they have one."""
        for name, value in {**frame.f_globals, **frame.f_locals}.items():
            if isinstance(value, Tensor) and not name.startswith("_"):
                n = self._known(value)
                if n is not None and self.nodes[n]["kind"] == "op" and "variable" not in self.nodes[n]:
                    self.nodes[n]["variable"] = name

    _HANDLERS = {
        events.Forward: _forward, events.Inplace: _inplace, events.Rebased: _rebased, events.Detached: _detached,
        events.Aside: _aside, events.FunctionEnter: _enter_function,
        events.ModuleEnter: _enter, events.ModuleExit: _exit,
        **BackwardSteps.HANDLERS,
    }  # fmt: skip


class record(Recorder):
    """`with record() as tape:` records what runs inside; `tape.recording` is the result.

    Args: names: {label: tensor}; thumbnails: keep an 8-bit picture of large tensors; title: what the picture is called.
    """

    def __enter__(self) -> Self:
        self._watch = observe(self)
        self._watch.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.__exit__(kind, error, trace)
        if error is not None:
            last = len(self.nodes) - 1
            text = f"{type(error).__name__}: {error}"
            self._steps.append({"kind": "error", "text": text, "n": last if last >= 0 else None})
        self.name_values(sys._getframe(1))
