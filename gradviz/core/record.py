"""Recording: what ran, as plain data that can be drawn, saved, compared and replayed.

    with record() as tape:
        loss = f(x)
    tape.recording.to_json()

Nodes are numbered in the order they appear; nothing of the program is kept alive. Leaves' values are copied, so that
`recording.replay({"x": 3.0})` can run the same operations on other numbers.
"""

from __future__ import annotations

import copy
import sys
import threading
from collections import deque
from types import TracebackType
from typing import Any, Self
from weakref import ref

from . import events
from .clock import Last
from .node import Node, Output
from .op import OPS
from .record_backward import BackwardSteps
from .record_nodes import SOURCES, Nodes, Seen, are_fixed, is_fixed, sees_input
from .record_nodes import Call as Call
from .summary import KEPT, LARGE, plain, summary
from .tensor import Tensor
from .views import Place
from .whence import module_path, path_below, running_module, user_line, variable_name

KEEP_LEAF = 1_000_000
PUT_OFF = 1 << 26  # bytes of copies, of which the statistics are put off, at a time
LIBRARY = 3  # frames that stand between what asks for the user's line and it, at least, where an event is heard
own_name = Node.name
_getframe = sys._getframe
# Recorders that are still held by someone: where a graph made under one of them finds the values it did not keep.
TAPES: set[ref[Recorder]] = set()


class Recording:
    """The record of a run: `nodes`, `steps`, `meta`, all plain data (format gradviz.record/1)."""

    def __init__(self, recorder: Recorder) -> None:
        recorder.finish()
        self.meta: dict[str, Any] = recorder.meta
        self.recorder = recorder

    @property
    def nodes(self) -> list[dict[str, Any]]:
        """What was computed and what it was computed from, one entry each."""
        return self.recorder.nodes

    @property
    def steps(self) -> list[dict[str, Any]]:
        """What happened, in its order."""
        return self.recorder.steps

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


class Recorder(Nodes, BackwardSteps):
    """An observer that turns events into a Recording. `names` maps labels to tensors, for leaves to be called by."""

    _link: Any = None  # the module call that is running, as far as is known, and what it is called
    _at: tuple[str, str | None] = "", None
    _around: Any = None  # the same of what it was called from
    _room = PUT_OFF

    def __init__(self, names: dict[str, Any] | None = None, thumbnails: bool = False, title: str = "") -> None:
        self._no_nodes()
        self._steps: deque[Any] = deque()  # that are not told yet: a node's number, what a module did, or the step
        self._told: list[dict[str, Any]] = []
        self.meta: dict[str, Any] = {"title": title}
        self.thumbnails = thumbnails
        self.arrays: dict[int, Any] = {}  # copies of leaf and constant values, for replay
        self.by_seq: dict[tuple[int, int], int] = {}  # graph node and output number -> ordinal
        self._by_id: dict[int, tuple[Any, int, int]] = {}  # id of a tensor -> reference, ordinal, newest write then
        self._names = {id(t): name for name, t in (names or {}).items()}
        self._expected: dict[Any, int] = {}
        self._sent: dict[Any, tuple[Any, int, dict[str, Any] | None, bool]] = {}
        self._ones: dict[Any, Any] = {}
        self._outer: list[tuple[Any, ...]] = []
        self._waiting: list[tuple[dict[str, Any], Any, Any]] = []
        self._locals: list[Any] = []
        self._entered: list[tuple[Any, dict[int, tuple[int, Any]]]] = []  # Functions that run: their tensors before
        self._named: set[int] = set()
        TAPES.add(ref(self, TAPES.discard))

    @property
    def steps(self) -> list[dict[str, Any]]:
        """What happened so far, with its statistics."""
        if self._waiting or self._locals:
            self.finish()
        return self._tell()

    @steps.setter
    def steps(self, steps: list[dict[str, Any]]) -> None:
        self._steps, self._told = deque(), steps

    def _tell(self) -> list[dict[str, Any]]:
        """The steps so far; statistics that were put off are not in them yet."""
        with self._lock:
            while self._steps:
                self._told.append(_step(self._steps.popleft()))
            return self._told

    @property
    def recording(self) -> Recording:
        return Recording(self)

    def __call__(self, event: Any) -> None:
        self.hears[type(event)](self, event)

    # -- forward -----------------------------------------------------------------------------------------------
    def _forward(self, event: events.Forward, inplace: bool = False) -> None:
        """One op node for each result that is a tensor."""
        op, inputs, output, settings = event
        if self._entered:
            self._leave_function(op, inputs, output if isinstance(output, tuple) else (output,))
        frame, line = user_line(_getframe(LIBRARY))
        find, write = self._by_id.get, Last.write
        given: list[Any] = []
        for x in inputs:
            found = find(id(x))
            if found is not None and found[2] == write and found[0]() is x:
                given.append(found[1])
            elif isinstance(x, Tensor):
                given.append(self._add_leaf(x, frame) if found is None and x._edge is None else self.ordinal(x, frame))
            else:
                given.append((x,) if is_fixed(x) else (x, plain(x)))
        first = len(self._notes)
        if isinstance(output, Tensor):
            self._note(op, given, output, settings, 0, first, inplace, line)
        elif isinstance(output, tuple):
            for nr, out in enumerate(output):
                if isinstance(out, Tensor):
                    self._note(op, given, out, settings, nr, first, inplace, line)

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
            self._now_inplace(n)
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
            self._forward(events.Forward(event.op, event.inputs, target, event.settings), inplace=True)
        if target._base is not None and edge is None and (event.result is None or event.result._edge is None):
            self._written_through(target, target._base)

    def _written_through(self, view: Tensor, base: Tensor) -> None:
        """A base was written through one of its views, where no gradient is recorded."""
        known = self._known(base)
        if known is None or view.dtype != base.dtype:  # seen as two types: it is read anew when next used
            return
        self._remember(base, known)
        self._forward(
            events.Forward(OPS["copy_slices"], (base, view), base, {"place": Place(base, view)}), inplace=True
        )

    def _detached(self, event: events.Detached) -> None:
        self._forward(events.Forward(Tensor.detach, (event.source,), event.result, {}))

    def _aside(self, event: events.Aside) -> None:
        self._remember(event.old, self.ordinal(event.target))

    def _rebased(self, event: events.Rebased) -> None:
        before = self._known(event.target)
        if event.value is not None and event.source._edge is None and before is not None:
            self._remember(event.source, before)  # memory that no graph led to, until now
        given = (event.source,) if event.value is None else (event.source, event.value)
        self._forward(events.Forward(event.op, given, event.target, event.settings), inplace=event.value is not None)

    def _note(
        self, op: Any, given: Any, out: Tensor, settings: dict[str, Any], nr: int, first: int | None,
        inplace: bool = False, line: Any = None,
    ) -> None:  # fmt: skip
        """One op node for a result: the `nr`-th of a call of which `first` is the first."""
        said = None
        if settings and not are_fixed(settings.values()):
            said = {k: plain(v) for k, v in settings.items()}
        notes, edge, array = self._notes, out._edge, out._array
        n = len(notes)
        if edge is None:
            name: Any = None
            link = running_module()
        else:
            node, place = edge, 0
            if edge.__class__ is Output:
                node, place = edge.node, edge.nr
            kind, link = node.__class__, node.path
            name = kind if kind.name is own_name else node.name()
            self.by_seq[node.seq, place] = n
        at = self._at if link is self._link else self._path(link)
        size = array.nbytes
        if size > LARGE or size > self._room or sees_input(op):
            value = self._value(op, given, out, settings if said is None else None)
        else:
            self._room -= size
            value = array.copy(), out.device
        notes.append((
            op, name, array.shape, array.dtype, out._needs, value, given, at, settings, said, inplace, line, nr, first,
        ))  # fmt: skip
        if op.__class__ is events.Written and array.size <= KEEP_LEAF:
            self.arrays[n] = value if value.__class__ is tuple else (array.copy(), out.device)
        self._by_id[id(out)] = ref(out), n, Last.write
        self._steps.append(n)

    def _path(self, link: Any) -> tuple[str, str | None]:
        """The dotted path of the innermost running module below the outermost one, and its class name."""
        outer = None if link is None else link[0]
        found = path_below(link, self._at[0]) if outer is not None and outer is self._link else module_path(link)
        self._link, self._at = link, found
        return found

    def finish(self) -> None:
        """Work out what was put off while recording: the statistics of values, from their copies."""
        with self._lock:
            nodes = self.nodes
            later, self._later = self._later, {}
            waiting, self._waiting = self._waiting, []
            local, self._locals = self._locals, []
            self._room = PUT_OFF
            for n, source in later.items():
                if isinstance(source, int):
                    value = nodes[source]["value"]
                    nodes[n]["value"] = value and {**value, "shape": nodes[n]["shape"]}
                else:
                    array, device = source.seen() if isinstance(source, Seen) else source
                    nodes[n]["value"] = summary(array, device, self.thumbnails)
            for made, array, device in waiting:
                made.update(summary(array, device, self.thumbnails))
            known: dict[Any, Any] = {}
            for each in local:
                each.tell(known, self._summary)

    def _value(self, op: Any, given: list[Any], out: Tensor, settings: dict[str, Any] | None = None) -> Any:
        """The statistics of a result of this op, or what they are worked out from when somebody looks.

        A view of all that its input holds has its input's: only the shape is new. `settings`: None if they may change.
        """
        array, device = out._array, out.device
        if sees_input(op) and array.size > KEPT:
            before = given[0] if given[0].__class__ is int else given[0].get("n")
            if self._is_alike(before, array):
                if not self.thumbnails:
                    return before
                source = self._put_off_of(before)
                if source.__class__ in SOURCES and settings is not None and len(given) == 1 and not op.outputs:
                    return Seen(source, op, settings)
        size = array.nbytes
        if size > LARGE:
            return summary(array, device, self.thumbnails)
        self._room -= size
        if self._room < 0:
            self.finish()
        return array.copy(), device

    def ordinal(self, tensor: Tensor, frame: Any = None) -> int:
        """The number of the node this tensor is; a leaf or constant seen for the first time gets one."""
        found = self._by_id.get(id(tensor))
        if found is not None and found[0]() is tensor:
            return found[1] if found[2] == Last.write else self._still(tensor, found[1], found[2])
        edge = tensor._edge
        n = None if edge is None else self.by_seq.get((edge.node.seq, edge.nr))
        if n is None:
            return self._add_leaf(tensor, frame)
        self._remember(tensor, n)
        return n

    def _still(self, tensor: Tensor, n: int, since: int) -> int:
        """The node of a known tensor after something was written somewhere: a new one if its memory was.

        A leaf stays the node it is: its `optimizer` steps tell what became of it.
        """
        base = tensor if tensor._base is None else tensor._base
        cell = base._cell
        if cell is None or cell.stamp <= since or self._is_leaf(n):
            self._remember(tensor, n)
            return n
        if base is not tensor and self._known(base) is not None and tensor.dtype == base.dtype:
            self._forward(events.Forward(OPS["as_strided_view"], (base,), tensor, {"place": Place(base, tensor)}))
            return self._by_id[id(tensor)][1]
        made, (_, line) = len(self._notes), user_line(_getframe(2))
        self._note(events.Written("written", aside=True), [n], tensor, {}, 0, made, inplace=True, line=line)
        return made

    def _add_leaf(self, tensor: Tensor, frame: Any) -> int:
        notes, edge, array, needs = self._notes, tensor._edge, tensor._array, tensor._needs
        n, kind, name = len(notes), "const", None
        if edge is not None:
            name = edge.node.name()
            self.by_seq[edge.node.seq, edge.nr] = n
        elif needs:
            kind, name = "leaf", "AccumulateGrad"
        label = self._names.get(id(tensor)) or tensor.name or variable_name(tensor, frame)
        if array.size <= KEEP_LEAF:
            value: Any = array.copy(), tensor.device
            self.arrays[n] = value
        else:
            value = summary(array, tensor.device, self.thumbnails)
        notes.append((kind, name, array.shape, array.dtype, needs, value, label))
        self._by_id[id(tensor)] = ref(tensor), n, Last.write
        return n

    def last_result(self, shape: tuple[int, ...] | None = None) -> Tensor | None:
        """The newest result that needs a gradient and is still alive, a single number or of this shape; or None."""
        made = ((n, ref()) for ref, n, _ in self._by_id.values())
        alive = [(n, t) for n, t in made if t is not None and t._edge is not None and t._needs]
        found = [(n, t) for n, t in alive if (t._array.size == 1 if shape is None else t._array.shape == shape)]
        return max(found, key=lambda pair: pair[0])[1] if found else None

    def copy(self) -> Recorder:
        """A recorder that goes on from here without changing this one."""
        self._write_out()
        again = copy.copy(self)
        again.nodes, again._waiting, again._locals = list(self.nodes), list(self._waiting), list(self._locals)
        again._steps, again._told, again._variables = deque(), list(self._tell()), list(self._variables)
        again._lock = threading.RLock()
        for name in ("arrays", "_calls", "by_seq", "_by_id", "_counts", "_later"):
            setattr(again, name, dict(getattr(self, name)))
        return again

    def _known(self, tensor: Tensor) -> int | None:
        found = self._by_id.get(id(tensor))
        return found[1] if found is not None and found[0]() is tensor else None

    def _remember(self, tensor: Tensor, n: int) -> None:
        self._by_id[id(tensor)] = (ref(tensor), n, Last.write)

    # -- modules -----------------------------------------------------------------------------------------------
    def _enter(self, event: events.ModuleEnter) -> None:
        module, _ = event
        link = running_module()
        if (link is None or link[0] is None) and id(module) not in self._named:
            self._named.add(id(module))
            self.name_parameters(module)
        self._around = self._link, self._at, self._around
        self._steps.append(("module_enter", self._path(link)))

    def name_parameters(self, module: Any) -> None:
        """Call parameters by their paths in this module."""
        self._name_below(module, "", set())

    def _name_below(self, module: Any, path: str, seen: set[int]) -> None:
        """The same, where `path` leads to the module; a parameter of several modules has the first one's name."""
        names = self._names
        seen.add(id(module))
        for name, p in module._parameters.items():
            if id(p) not in names and p is not None:
                names[id(p)] = path + name
        for name, child in module._modules.items():
            if child is not None and id(child) not in seen:
                self._name_below(child, f"{path}{name}.", seen)

    def _exit(self, event: events.ModuleExit) -> None:
        link = running_module()
        self._steps.append(("module_exit", self._at if link is self._link else self._path(link)))
        if self._around is not None:
            self._link, self._at, self._around = self._around

    def name_values(self, frame: Any) -> None:
        """Call recorded values by the names they have in a frame, where they have one."""
        known = self._by_id
        for name, value in {**frame.f_globals, **frame.f_locals}.items():
            if id(value) in known and (n := self._known(value)) is not None and not name.startswith("_"):
                self._variables.append((n, name))

    hears = events.Hears({
        events.Forward: _forward, events.Inplace: _inplace, events.Rebased: _rebased, events.Detached: _detached,
        events.Aside: _aside, events.FunctionEnter: _enter_function,
        events.ModuleEnter: _enter, events.ModuleExit: _exit,
        **BackwardSteps.HANDLERS,
    })  # fmt: skip


def _step(what: Any) -> dict[str, Any]:
    """The step of what was noted: a node's number is for its operation."""
    if what.__class__ is int:
        return {"kind": "forward", "n": what}
    if what.__class__ is tuple:
        kind, (path, module) = what
        return {"kind": kind, "path": path, "module": module}
    return what  # type: ignore[no-any-return]


class record(Recorder):
    """`with record() as tape:` records what runs inside; `tape.recording` is the result.

    Args: names: {label: tensor}; thumbnails: keep an 8-bit picture of large tensors; title: what the picture is called.
    """

    def __enter__(self) -> Self:
        events.watch(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        events.unwatch(self)
        if error is not None:
            last = len(self._notes) - 1
            text = f"{type(error).__name__}: {error}"
            self._steps.append({"kind": "error", "text": text, "n": last if last >= 0 else None})
        self.name_values(sys._getframe(1))
