"""A recording as a function: its operations run again on other values, in float64, for finite differences.

    again = Rerun(recording, root)        root: the node whose value is asked for
    again.base[n]                         the value of node n, wide
    again.with_values({n: array})[root]   the same after a change: only what follows from it is computed

What is outside the graph (under `no_grad`, detached, random draws) stays as it was: the gradient knows nothing of it.
A result that nobody recorded is run from its graph; an input that the graph did not keep has no part in any derivative
that backward computes, and a zero in its place changes what is computed by a constant only.
"""

from __future__ import annotations

import contextvars
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from ml_dtypes import finfo

from gradviz.core.backward import order
from gradviz.core.device import CPU
from gradviz.core.dtype import complex128, dtype, float64, from_numpy
from gradviz.core.events import Written
from gradviz.core.fold import open_all
from gradviz.core.function import Function
from gradviz.core.mode import grad_mode
from gradviz.core.node import AccumulateGrad, Output, Scalar, edge_of
from gradviz.core.record import Call, Recording
from gradviz.core.tensor import Tensor
from gradviz.viz.measure import clean

FLOATING, COMPLEX = 2, 3  # categories of dtypes


class CannotRun(Exception):  # noqa: N818
    """Why the operations cannot be run again."""


class Part(NamedTuple):
    """One call: which nodes it makes of which, and how. An input that is no node is None."""

    outputs: tuple[int, ...]
    inputs: tuple[int | None, ...]
    run: Callable[[Sequence[Any]], Sequence[Any]]
    name: str
    own: bool  # a Function of the learner
    call: Callable[[Sequence[Any]], Sequence[Any]] | None  # the same on tensors, where a tape knows it
    follows: bool  # whether a gradient flows through it
    cost: float  # microseconds, roughly


class Rerun:
    """The operations that lead to one node of a recording. Raises CannotRun with the reason."""

    def __init__(self, recording: Recording, root: int, result: Tensor | None = None, *, wide: bool = True) -> None:
        self.recording, self.root, self.wide = recording, root, wide
        self.nodes, self.recorder = recording.nodes, recording.recorder
        self.blocked: dict[int, str] = {}  # node -> why what it depends on cannot be followed further back
        self.base: dict[int, Any] = {}
        self.parts: list[Part] = []
        self._after: dict[int, list[Part]] = {}
        self.device: Any = result.device if result is not None else CPU
        for _, device in self.recorder.arrays.values():
            self.device = device
            break
        build = self._from_calls if root in self.recorder.calls or result is None else self._from_graph
        contextvars.Context().run(_quietly, build, result)

    def precision(self) -> float:
        """The distance from 1 to the next number in what is computed."""
        kinds = {self.base[n].dtype for part in self.parts for n in part.outputs if n in self.base}
        return max((eps_of(k) for k in kinds if from_numpy(k).category >= FLOATING), default=eps_of(np.float64))

    def with_values(self, changes: dict[int, Any]) -> dict[int, Any]:
        """The values of the changed nodes and of all that follows from them."""
        return contextvars.Context().run(_quietly, self._changed, changes)

    def cost(self, n: int) -> float:
        """What it takes to see what follows from a node, in rough microseconds."""
        return sum(part.cost for part in self.after(n))

    def after(self, n: int) -> list[Part]:
        """The calls whose results depend on a node, in order."""
        if n not in self._after:
            reached, found = {n}, []
            for part in self.parts:
                if part.follows and n not in part.outputs and any(i in reached for i in part.inputs):
                    found.append(part)
                    reached.update(part.outputs)
            self._after[n] = found
        return self._after[n]

    def why_not(self, n: int) -> str | None:
        """Why the effect of a node on the root cannot be followed; None when it can."""
        reached = {n, *(o for part in self.after(n) for o in part.outputs)}
        return next((why for m, why in self.blocked.items() if m in reached), None)

    def _changed(self, changes: dict[int, Any]) -> dict[int, Any]:
        new = dict(changes)
        parts = self.after(next(iter(changes))) if len(changes) == 1 else self.parts
        for part in parts:
            if part.follows and any(i in new for i in part.inputs) and not all(o in changes for o in part.outputs):
                given = [None if i is None else new.get(i, self.base[i]) for i in part.inputs]
                made = dict(zip(part.outputs, part.run(given), strict=False))
                new |= made | {n: changes[n] for n in made if n in changes}
        return new

    def tensors(self) -> dict[int, Tensor] | None:
        """All nodes as tensors, with a graph of their own; None where only a graph was there to start from."""
        if any(part.call is None for part in self.parts):
            return None
        return contextvars.Context().run(self._tensors)

    def _tensors(self) -> dict[int, Tensor]:
        leaves = {n for n in self.base if self.nodes[n]["kind"] == "leaf" and self.nodes[n]["requires_grad"]}
        made = {n: Tensor._of(array.copy(), self.device, n in leaves) for n, array in self.base.items()}
        with np.errstate(all="ignore"):
            for part in self.parts:
                if part.follows and part.call is not None:
                    given = [None if i is None else made[i] for i in part.inputs]
                    made.update(zip(part.outputs, part.call(given), strict=False))
        return made

    def call(self, part: Part, given: Sequence[Any]) -> list[Any]:
        """The results of one call with these inputs."""
        return [self.host(x) for x in contextvars.Context().run(_quietly, part.run, given)]

    def host(self, array: Any) -> Any:
        """As a NumPy array."""
        return np.asarray(self.device.to_numpy(array))

    def like(self, n: int, array: Any) -> Any:
        """A NumPy array as a value of node n."""
        return self.device.wrap(self.device.xp.asarray(array, dtype=self.base[n].dtype))

    # -- from a tape ----------------------------------------------------------------------------------------------
    def _needed(self) -> set[int]:
        found, stack = set(), [self.root]
        while stack:
            n = stack.pop()
            if n not in found:
                found.add(n)
                stack += [e["n"] for e in self.nodes[n]["inputs"] if e.get("n") is not None]
        return found

    def _from_calls(self, _result: Any) -> None:
        needed = self._needed()
        for n in sorted(needed):
            if self.nodes[n]["kind"] != "op":
                self.base[n] = self._kept(n)
        done: set[int] = set()
        for n in (step["n"] for step in self.recording.steps if step["kind"] == "forward"):
            if n not in needed or n in done:
                continue
            call = self.recorder.calls.get(n)
            if call is None:
                raise CannotRun(f"nobody recorded how {self._name(n)} was computed")
            if isinstance(call.op, Written):
                self._written(n)
                continue
            outputs = tuple(i for i in range(call.first, n + 64) if self._same_call(i, call))
            done.update(outputs)
            self._add(outputs, self._part_of(call, n), n)

    def _same_call(self, i: int, call: Call) -> bool:
        other = self.recorder.calls.get(i)
        return other is not None and other.first == call.first

    def _written(self, n: int) -> None:
        self.base[n] = self._kept(n)
        if any(e.get("n") is not None and self.nodes[e["n"]]["requires_grad"] for e in self.nodes[n]["inputs"]):
            for e in self.nodes[n]["inputs"]:
                self.blocked[e["n"]] = f"what {self._name(n)} wrote over it was not recorded"

    def _part_of(self, call: Call, n: int) -> tuple[Any, Any, tuple[int | None, ...]]:
        given = self.nodes[n]["inputs"]
        for entry in given if isinstance(call.op, type) else ():
            if entry.get("n") is not None and self.nodes[entry["n"]]["op"] == "written":
                raise CannotRun(f"{self._name(n)} writes into its input, and what that was before is not recorded")
        run = getattr(call.op, "call", None) or getattr(call.op, "apply", None) or call.op
        settings = {name: self._setting(value) for name, value in call.settings.items()}

        def tensors(values: Sequence[Any]) -> list[Any]:
            out = run(*(call.others[i] if v is None else v for i, v in enumerate(values)), **settings)
            return [x for x in (out if isinstance(out, tuple) else (out,)) if isinstance(x, Tensor)]

        def arrays(values: Sequence[Any]) -> list[Any]:
            return [x._array for x in tensors([None if v is None else Tensor._of(v, self.device) for v in values])]

        return arrays, tensors, tuple(None if i in call.others else e["n"] for i, e in enumerate(given))

    def _setting(self, value: Any) -> Any:
        if not self.wide:
            return value
        if isinstance(value, dtype):
            return {FLOATING: float64, COMPLEX: complex128}.get(value.category, value)
        if isinstance(value, np.dtype):
            return self._setting(from_numpy(value)).numpy
        return value

    def _add(self, outputs: tuple[int, ...], made: tuple[Any, Any, tuple[int | None, ...]], n: int) -> None:
        run, call, inputs = made
        node, op = self.nodes[n], self.recorder.calls.get(n)
        given = [None if i is None else self.base[i] for i in inputs]
        try:
            results = run(given)
        except CannotRun:
            raise
        except Exception as error:
            raise CannotRun(f"{self._name(n)} cannot be run again: {type(error).__name__}: {error}") from error
        self.base.update(zip(outputs, results, strict=False))
        sizes = sorted((x.size for x in (*given, *results) if x is not None), reverse=True)[:3]
        product = 0.0 if node.get("elementwise") or len(sizes) < 3 else math.sqrt(math.prod(map(float, sizes)))
        own = isinstance(getattr(op, "op", None), type) and issubclass(op.op, Function) if op else False
        follows = any(self.nodes[o]["requires_grad"] for o in outputs)
        cost = 20 + 0.002 * sum(sizes) + 0.0005 * product
        self.parts.append(Part(outputs, inputs, run, str(node["op"]), own, call, follows, cost))

    def _kept(self, n: int) -> Any:
        if n not in self.recorder.arrays:
            raise CannotRun(f"the value of {self._name(n)} was too large to be kept")
        return self.widened(self.recorder.arrays[n][0])

    def widened(self, array: Any) -> Any:
        """A copy in float64 or complex128; integers and truth values as they are."""
        kind = from_numpy(array.dtype).category
        if not self.wide or kind < FLOATING:
            return array.copy()
        return array.astype(np.float64 if kind == FLOATING else np.complex128)

    def _name(self, n: int) -> str:
        node = self.nodes[n]
        return clean(str(node.get("variable") or node["label"])[:60])

    # -- from a graph ---------------------------------------------------------------------------------------------
    def _from_graph(self, result: Any) -> None:
        open_all([result])
        edge = edge_of(result)
        nodes = sorted(order([edge], to_run=False), key=lambda node: node.seq)
        known = {edge: result._array}
        for node in nodes:
            if node.op is not None and isinstance(node.saved, tuple):
                for (kind, name), value in zip(node.op.kept, node.saved, strict=True):
                    if kind == "out" and value is not None and not isinstance(value, tuple):
                        known[node] = value
                    elif kind == "input" and isinstance(value, Tensor):
                        parent = node.parents[node.op.inputs.index(name)]
                        known.setdefault(parent, value._array)
        for node in nodes:
            if isinstance(node, AccumulateGrad):
                self.base[self.recorder.ordinal(node.variable)] = self.widened(node.variable._array)
            else:
                self._node(node, known)

    def _node(self, node: Any, known: dict[Any, Any]) -> None:
        edges = [node] if node.shape is not None else [Output(node, i, *s) for i, s in enumerate(node.shapes) if s]
        outputs = tuple(self.recorder.by_seq[node.seq, edge.nr] for edge in edges)
        if node.op is None or (node.op.variadic is not None and None in node.parents):
            what = "is a Function of yours, and" if node.op is None else "joins tensors, and"
            raise CannotRun(f"{self._name(outputs[0])} {what} a graph does not keep all it was called with")
        if not isinstance(node.saved, tuple) or (node.extra is not None and node.extra.packed):
            raise CannotRun(f"what {self._name(outputs[0])} kept is gone")
        kept = dict(zip(node.op.kept, node.saved, strict=True))
        settings = {name: self._setting(value) for (kind, name), value in kept.items() if kind == "setting"}
        if set(node.op.settings) - set(settings):
            raise CannotRun(f"the graph does not keep the settings of {self._name(outputs[0])}")
        constants, unknown = [], False
        for slot, edge in zip(self._slots(node), node.parents, strict=True):
            value = None if edge is not None else kept.get(("input", slot), ...)
            if value is ... and not node.op.elementwise:
                raise CannotRun(f"the graph does not keep an input of {self._name(outputs[0])}")
            unknown |= value is ...
            constants.append(self._constant(value, node))
        run = self._raw(node, constants, settings)
        inputs = tuple(None if edge is None else self._number(edge) for edge in node.parents)
        self._add(outputs, (run, None, inputs), outputs[0])
        true = known.get(edges[0])
        if unknown and true is not None:  # what was computed differs from what was by a constant
            self._shift(self.widened(true) - self.base[outputs[0]])

    def _shift(self, by: Any) -> None:
        part = self.parts.pop()
        run = part.run
        self.parts.append(part._replace(run=lambda values: [run(values)[0] + by]))
        self.base[part.outputs[0]] = self.base[part.outputs[0]] + by

    def _number(self, edge: Any) -> int:
        if isinstance(edge, AccumulateGrad):
            return self.recorder.ordinal(edge.variable)
        return self.recorder.by_seq[edge.node.seq, edge.nr]

    def _slots(self, node: Any) -> tuple[str, ...]:
        names: tuple[str, ...] = node.op.inputs
        return names if node.op.variadic is None else names * len(node.parents)

    def _constant(self, value: Any, node: Any) -> Any:
        if value is None:
            return None
        if value is ...:
            return node.device.xp.zeros((), dtype=np.float64)
        if isinstance(value, Scalar):
            return value.number
        array = value._array if isinstance(value, Tensor) else value
        return self.widened(array) if hasattr(array, "dtype") else array

    def _raw(self, node: Any, constants: Sequence[Any], settings: dict[str, Any]) -> Any:
        forward, shape, device = node.device.forwards[node.op.name], node.shape, node.device

        def again(values: Sequence[Any]) -> list[Any]:
            out = forward(*(c if v is None else v for v, c in zip(values, constants, strict=True)), **settings)
            found = list(out) if isinstance(out, tuple) else [out]
            if shape is not None and found[0].shape != shape:
                found[0] = device.xp.broadcast_to(found[0], shape)
            return [device.wrap(x) for x in found]

        return again


def eps_of(kind: Any) -> float:
    """The distance from 1 to the next number of a NumPy type, bfloat16 among them."""
    return float(finfo(kind).eps)  # type: ignore[no-untyped-call]


def _quietly(run: Callable[..., Any], *arguments: Any) -> Any:
    """Run without observers, without recording a graph, without warnings about what is not finite."""
    grad_mode.set(False)  # of this run's own context
    with np.errstate(all="ignore"):
        return run(*arguments)
