"""What is noted while a program runs, besides its record: when something was written, where a number became NaN."""

from __future__ import annotations

import linecache
import sys
import weakref
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gradviz.core import events
from gradviz.core.clock import Last, short_name, user_frame
from gradviz.core.inference import Inference
from gradviz.core.mode import grad_mode
from gradviz.core.record import Recorder
from gradviz.core.storage import owner
from gradviz.core.summary import number
from gradviz.core.tensor import Tensor

OURS = "gradviz"


class Line(NamedTuple):
    """A place in the learner's program."""

    file: str  # whole path; shown by its name alone
    lineno: int

    @property
    def where(self) -> str:
        """`cell.py:3`."""
        return f"{short_name(self.file)}:{self.lineno}"

    @property
    def text(self) -> str:
        """The source of it, if it can be had."""
        return linecache.getline(self.file, self.lineno).strip()[:200]


@dataclass(frozen=True)
class Origin:
    """Where the first number that is none arose: which element, from what."""

    kind: str  # "nan", "inf" or "-inf"
    index: tuple[int, ...]
    count: int
    size: int
    inputs: tuple[tuple[str, Any], ...]  # (input's name, its number there)


class Notes:
    """An observer that lets a recorder hear everything, and notes what the recorder does not keep.

    writes: when something was written, by the clock of core/clock.py; places: the line of each node; quiet: nodes that
    no gradient was recorded for, and why; shared: constants that are another node's memory; born, sent: where NaN or
    infinity came out of finite numbers, forward and backward; roots: where backward passes began.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.writes: dict[int, tuple[int, Line | None]] = {}
        self.places: dict[int, Line] = {}
        self.quiet: dict[int, str] = {}
        self.shared: dict[int, int] = {}
        self.born: dict[int, Origin] = {}
        self.sent: dict[tuple[int, str], Origin] = {}
        self.roots: list[int] = []
        self._root: weakref.ref[Tensor] | None = None
        self._written = Last.write

    def __call__(self, event: Any) -> None:
        nodes = self.recorder.nodes
        before = len(nodes)
        self._parameters(event)
        self.recorder(event)
        self._call()
        kind = type(event)
        if kind is events.BackwardBegin:
            self.roots.append(self.recorder.steps[-1]["root"])
            root = event.session.roots[0]
            self._root = weakref.ref(root) if isinstance(root, Tensor) else None
        elif kind is events.BackwardStep:
            self._look_back(event)
        elif kind in (events.Forward, events.Inplace, events.Rebased, events.Detached):
            self._look(event, before)

    @property
    def root(self) -> Tensor | None:
        """The result that the last backward pass began at, while it is alive."""
        return self._root() if self._root is not None else None

    def _parameters(self, event: Any) -> None:
        """A parameter that was filled here is a leaf when it is used: how it came to its first numbers is no matter."""
        for x in _flat(getattr(event, "inputs", None) or ()) if type(event) is events.Forward else ():
            self.own(x)

    def own(self, x: Any) -> None:
        """Let a leaf that is known as a result be seen anew, as a leaf."""
        n = self.recorder._known(x) if isinstance(x, Tensor) and x._needs and x._edge is None else None
        if n is not None and self.recorder.nodes[n]["kind"] == "op":
            del self.recorder._by_id[id(x)]

    def _call(self) -> None:
        """Call values by the variables that hold them in the learner's code that is running."""
        frame: Any = sys._getframe(2)
        while frame is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] == OURS:
            frame = frame.f_back
        if frame is None:
            return
        for name, value in list(frame.f_locals.items()):
            if isinstance(value, Tensor) and name[:1] != "_":
                n = self.recorder._known(value)
                if n is not None and self.recorder.nodes[n]["kind"] == "op":
                    self.recorder.nodes[n].setdefault("variable", name)

    def last_result(self) -> Tensor | None:
        """The newest single number that needs a gradient, else the newest single number, else the newest result."""
        found = self.recorder.last_result()
        if found is not None:
            return found
        made = [(n, t) for ref, n, _ in self.recorder._by_id.values() if (t := ref()) is not None]
        made = [(n, t) for n, t in made if self.recorder.nodes[n]["kind"] == "op" and t.dtype.is_floating_point]
        single = [(n, t) for n, t in made if t._array.size == 1]
        return max(single or made, key=lambda pair: pair[0], default=(0, None))[1]

    def _look(self, event: Any, before: int) -> None:
        nodes = self.recorder.nodes
        found = user_frame()
        line = Line(*found) if found is not None else None
        ops = [n for n in range(before, len(nodes)) if nodes[n]["kind"] == "op"]
        for n in range(before, len(nodes)):
            if nodes[n]["kind"] == "const":
                self._recognise(n)
        for n in ops:
            if line is not None:
                self.places[n] = line
            if not grad_mode.get():
                self.quiet[n] = "inference_mode" if Inference.depth else "no_grad"
        target = getattr(event, "target", None)
        if Last.write > self._written and target is not None:
            self._written = Last.write
            result = getattr(event, "result", None)
            written = self.recorder._known(result) if result is not None else None
            if written is None:
                written = next((n for n in ops if nodes[n]["inplace"]), self.recorder._known(target))
            if written is not None:
                self.writes[Last.write] = (written, line)
        output = getattr(event, "output", target)
        for made in output if isinstance(output, tuple) else (output,):
            known = self.recorder._known(made) if isinstance(made, Tensor) else None
            if known is not None and known not in self.born:
                self._judge(known, made, getattr(event, "inputs", ()), event.op if hasattr(event, "op") else None)

    def _judge(self, n: int, made: Tensor, inputs: Any, op: Any) -> None:
        """Note where a result holds NaN or infinity though everything it was made of is finite."""
        if made._array.dtype.kind not in "fc" or _finite(made):
            return
        if all(_finite(x) for x in _flat(inputs)):
            names = getattr(op, "inputs", ()) if not getattr(op, "variadic", None) else ()
            given = [(names[i] if i < len(names) else str(i), x) for i, x in enumerate(inputs)]
            self.born[n] = origin(host_array(made), [(name, host_array(x)) for name, x in given if _is_number(x)])

    def _look_back(self, event: Any) -> None:
        grads = [g for g in (event.grad if isinstance(event.grad, tuple) else (event.grad,)) if g is not None]
        if not all(_finite(g) for g in grads):
            return
        for _, slot, product in event.messages:
            if not _finite(product):
                n = self.recorder.by_seq.get((event.node.seq, 0), -1)
                self.sent.setdefault((n, slot), origin(host_array(product), [("g", host_array(g)) for g in grads]))

    def _recognise(self, n: int) -> None:
        """Whether a constant is the memory of something recorded before: `.data`, `.numpy()` and back."""
        alive = [(t, k) for ref, k, _ in list(self.recorder._by_id.values()) if (t := ref()) is not None]
        made = next((t for t, k in alive if k == n), None)
        if made is None or not isinstance(made._array, np.ndarray):
            return
        whole = owner(made._array)
        same = [k for t, k in alive if k < n and isinstance(t._array, np.ndarray) and owner(t._array) is whole]
        wanted = [k for k in same if self.recorder.nodes[k]["requires_grad"]] or same
        if wanted:
            self.shared[n] = max(wanted)


def _flat(inputs: Any) -> list[Any]:
    found: list[Any] = []
    for x in inputs:
        found.extend(x if isinstance(x, tuple | list) else (x,))
    return found


def _is_number(x: Any) -> bool:
    return isinstance(x, Tensor) or (isinstance(x, int | float | complex) and not isinstance(x, bool))


def host_array(x: Any) -> Any:
    if isinstance(x, Tensor):
        return np.asarray(x.device.to_numpy(x._array))
    return np.asarray(x.get() if hasattr(x, "get") else x)


def _finite(x: Any) -> bool:
    """Whether a tensor, array or number has neither NaN nor infinity."""
    if not (isinstance(x, Tensor | float | complex) or hasattr(x, "dtype")):
        return True
    array = host_array(x)
    if array.dtype.kind in "biuOUS" or array.size == 0:
        return True
    if array.dtype.kind not in "fc":
        array = array.astype(np.float32)
    with np.errstate(all="ignore"):
        return bool(np.isfinite(array).all())


def origin(made: Any, inputs: list[tuple[str, Any]]) -> Origin:
    """Which element of an array is the first that is not finite, and what its inputs are there."""
    wide = made if made.dtype.kind in "fc" else made.astype(np.float32)
    bad = ~np.isfinite(wide)
    index = tuple(int(i) for i in np.unravel_index(int(bad.argmax()), bad.shape)) if bad.ndim else ()
    return Origin(str(number(wide[index])), index, int(bad.sum()), int(bad.size), tuple(_there(inputs, index, made)))


def _there(inputs: list[tuple[str, Any]], index: tuple[int, ...], made: Any) -> list[tuple[str, Any]]:
    """The inputs' numbers at an element of the result, where they have one there."""
    found = []
    for name, array in inputs:
        try:
            whole = np.broadcast_to(array, made.shape)
        except ValueError:
            continue
        found.append((name, number(whole[index])))
    return found
