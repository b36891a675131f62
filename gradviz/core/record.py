"""Recording: what ran, as plain data that can be drawn, saved, compared and replayed.

    with record() as tape:
        loss = f(x)
    tape.recording.to_json()

Nodes are numbered in the order they appear; nothing of the program is kept alive. Leaves' values are copied, so that
`recording.replay({"x": 3.0})` can run the same operations on other numbers.
"""

from __future__ import annotations

import copy
import math
import sys
import weakref
from types import TracebackType
from typing import Any, NamedTuple, Self

from . import events
from .clock import Last
from .events import observe
from .formula import formulas, inputs_of
from .op import OPS
from .record_backward import BackwardSteps
from .summary import KEPT, plain, summary
from .tensor import Tensor
from .views import Place
from .whence import module_path, running_module, source_line, variable_name

KEEP_LEAF = 1_000_000
LARGE = 1 << 18  # bytes above which a result is looked at at once rather than copied
PUT_OFF = 1 << 26  # bytes of such copies at a time
# Recorders that are still held by someone: where a graph made under one of them finds the values it did not keep.
TAPES: weakref.WeakSet[Recorder] = weakref.WeakSet()


class Call(NamedTuple):
    """How an op node came about: what was called, with which inputs that are no tensors, by their places."""

    op: Any
    settings: dict[str, Any]
    output: int  # which of its results this node is
    first: int  # the node of its first result
    others: dict[int, Any]


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
        self.steps: list[dict[str, Any]] = []
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
        self._named: set[int] = set()
        self._paths: dict[Any, tuple[str, str | None]] = {}
        self._later: dict[int, Any] = {}  # node -> what its statistics will be of: an array, or another node's number
        self._room = PUT_OFF
        TAPES.add(self)

    @property
    def recording(self) -> Recording:
        return Recording(self)

    def __call__(self, event: Any) -> None:
        handler: Any = self._HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)

    # -- forward -----------------------------------------------------------------------------------------------
    def _forward(self, event: events.Forward) -> None:
        output = event.output
        self._add(event.op, event.inputs, output if isinstance(output, tuple) else (output,), event.settings)

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
        entries = [self._input(op, i, x) for i, x in enumerate(inputs)]
        others = {i: x for i, x in enumerate(inputs) if not isinstance(x, Tensor)}
        call = Call(op, settings, 0, len(self.nodes), others)
        for nr, out in enumerate(outputs):
            if isinstance(out, Tensor):
                self._add_op(op, entries, out, settings, nr, inplace=inplace, call=call)

    def _input(self, op: Any, i: int, x: Any) -> dict[str, Any]:
        names = inputs_of(op)
        slot = names[i] if i < len(names) else str(i)
        if isinstance(x, Tensor):
            return {"slot": slot, "n": self.ordinal(x)}
        return {"slot": slot, "value": plain(x)}

    def _add_op(
        self, op: Any, inputs: Any, out: Tensor, settings: Any, nr: int, *, inplace: bool, call: Any = None
    ) -> None:
        edge = out._edge
        name = str(getattr(op, "name", None) or op.__name__)
        self._counts[name] = self._counts.get(name, 0) + 1
        count = self._counts[name]
        n = len(self.nodes)
        forward, rules = formulas(op)
        value = self._value(n, op, inputs, out)
        path, module = self._path(edge.node.path if edge is not None else running_module())
        self.nodes.append({
            "n": n, "kind": "op", "op": name, "name": edge.node.name() if edge is not None else None,
            "label": name if count == 1 else f"{name}_{count}", "path": path, "module": module, "inputs": inputs,
            "settings": {k: plain(v) for k, v in settings.items()}, "shape": list(out._array.shape),
            "dtype": out.dtype.name, "requires_grad": out._needs, "view": bool(getattr(op, "view", False)),
            "inplace": inplace, "value": value, "forward": forward,
            "rules": rules, "latex": getattr(op, "latex", None), "elementwise": bool(getattr(op, "elementwise", False)),
            "line": source_line(), "output": nr,
        })  # fmt: skip
        if call is not None:
            self.calls[n] = call if nr == 0 else call._replace(output=nr)
        if isinstance(op, events.Written):
            self._keep(n, out)
        self._remember(out, n)
        if edge is not None:
            self.by_seq[edge.node.seq, edge.nr] = n
        self.steps.append({"kind": "forward", "n": n})

    def _path(self, link: Any) -> tuple[str, str | None]:
        found = self._paths.get(link)
        if found is None:
            found = self._paths[link] = module_path(link)
        return found

    def finish(self) -> None:
        """Work out what was put off while recording: the statistics of values, from their copies."""
        for n, (array, device) in self.arrays.items():
            if self.nodes[n]["value"] is None:
                self.nodes[n]["value"] = summary(array, device, self.thumbnails)
        for n, source in self._later.items():
            if isinstance(source, int):
                value = self.nodes[source]["value"]
                self.nodes[n]["value"] = value and {**value, "shape": self.nodes[n]["shape"]}
            else:
                array, device = source
                self.nodes[n]["value"] = summary(array, device, self.thumbnails)
        self._later.clear()
        self._room = PUT_OFF

    def _value(self, n: int, op: Any, inputs: Any, out: Tensor) -> dict[str, Any] | None:
        """The statistics of a result; None where they are put off until somebody looks.

        A view of everything its input holds has its input's: only the shape is new.
        """
        array = out._array
        if getattr(op, "view", False) and array.size > KEPT and not self.thumbnails and op.name != "as_strided":
            before = self.nodes[inputs[0]["n"]]
            if math.prod(before["shape"]) == array.size and before["dtype"] == out.dtype.name:
                self._later[n] = before["n"]
                return None
        if array.nbytes > LARGE:
            return summary(array, out.device, self.thumbnails)
        self._room -= array.nbytes
        if self._room < 0:
            self.finish()
        self._later[n] = (array.copy(), out.device)
        return None

    def ordinal(self, tensor: Tensor) -> int:
        """The number of the node this tensor is; a leaf or constant seen for the first time gets one."""
        found = self._by_id.get(id(tensor))
        if found is not None and found[0]() is tensor:
            return found[1] if found[2] == Last.write else self._still(tensor, found[1], found[2])
        edge = tensor._edge
        if edge is not None and (edge.node.seq, edge.nr) in self.by_seq:
            n = self.by_seq[edge.node.seq, edge.nr]
        else:
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
            self.arrays[n] = (tensor._array.copy(), tensor.device)
        return small

    def last_result(self) -> Tensor | None:
        """The newest single number computed here that needs a gradient and is still alive; None if there is none."""
        made = ((n, ref()) for ref, n, _ in self._by_id.values())
        found = [(n, t) for n, t in made if t is not None and t._edge is not None and t._array.size == 1 and t._needs]
        return max(found, key=lambda pair: pair[0])[1] if found else None

    def copy(self) -> Recorder:
        """A recorder that goes on from here without changing this one."""
        again = copy.copy(self)
        again.nodes, again.steps = list(self.nodes), list(self.steps)
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
        self.steps.append({"kind": "module_enter", "path": path, "module": module})

    def name_parameters(self, module: Any) -> None:
        """Call parameters by their paths in this module."""
        for name, p in module.named_parameters():
            self._names.setdefault(id(p), name)

    def _exit(self, event: events.ModuleExit) -> None:
        path, module = self._path(running_module())
        self.steps.append({"kind": "module_exit", "path": path, "module": module})

    def name_values(self, frame: Any) -> None:
        """Call recorded values by the names they have in a frame, where they have one."""
        for name, value in {**frame.f_globals, **frame.f_locals}.items():
            if isinstance(value, Tensor) and not name.startswith("_"):
                n = self._known(value)
                if n is not None and self.nodes[n]["kind"] == "op" and "variable" not in self.nodes[n]:
                    self.nodes[n]["variable"] = name

    _HANDLERS = {
        events.Forward: _forward, events.Inplace: _inplace, events.Rebased: _rebased, events.Detached: _detached,
        events.Aside: _aside,
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
            self.steps.append({"kind": "error", "text": text, "n": last if last >= 0 else None})
        self.name_values(sys._getframe(1))
