"""The part of a recorder that hears backward passes and optimisers: what was sent where, and what became of it."""

from __future__ import annotations

from collections import deque
from typing import Any, ClassVar

from . import events
from .backward import running
from .edges import place
from .formula import inputs_of
from .messages import ALONE, holders
from .node import AccumulateGrad, Output
from .record_local import Local
from .summary import LARGE, summary
from .tensor import Tensor

NOTHING = None, 0, None, False  # what an edge has carried before anything arrived
NO_NODE = frozenset((AccumulateGrad, Output))  # edges of these classes are known by something else than a node's number


class BackwardSteps:
    """Turns the events of a backward pass into steps; what a recorder knows of tensors and nodes is its own affair."""

    _steps: deque[Any]
    thumbnails: bool
    by_seq: dict[tuple[int, int], int]
    _expected: dict[Any, int]
    # edge -> the sum of the products it has carried, how many they are, and if it is one: its statistics, and whether
    # nobody else will write into it
    _sent: dict[Any, tuple[Any, int, dict[str, Any] | None, bool]]
    _seeds: Any = frozenset()  # the edges that a pass begins at
    _ones: dict[Any, Any]  # ones by what they are like, and their statistics: of one pass
    _outer: list[tuple[Any, ...]]  # these and `_quiet` of passes that wait for one that began inside them
    _waiting: list[tuple[dict[str, Any], Any, Any]]  # statistics put off: where they go, an array, its device
    _locals: list[Local]  # local derivatives put off
    _quiet = False  # no code of the user's runs during the pass, and no gradient is handed out but in leaves
    _room: int

    def finish(self) -> None:
        """Work out the statistics that were put off."""
        raise NotImplementedError

    def ordinal(self, tensor: Tensor) -> int:
        """The number of the node this tensor is."""
        raise NotImplementedError

    def _begin(self, event: events.BackwardBegin) -> None:
        session = event.session
        if running.get() is None:
            self._outer.clear()
        else:  # a rule that goes backward itself, as a reentrant checkpoint does
            self._outer.append((self._expected, self._sent, self._seeds, self._quiet))
        self._sent, self._ones, self._seeds = {}, {}, frozenset(session.grads)
        expected: dict[Any, int] = {}
        quiet = not (session.create_graph or session._capture)
        for node in session.plan:
            if node.op is None or node.extra is not None:
                quiet = quiet and not _is_open(node)
            for edge in node.parents:
                expected[edge] = expected.get(edge, 0) + 1
        if session.partial:
            in_plan = set(session.plan)
            expected = {edge: n for edge, n in expected.items() if edge is not None and edge.node in in_plan}
        self._expected, self._quiet = expected, quiet
        self._steps.append({"kind": "backward_begin", "root": self._root(session.roots[0])})

    def _root(self, root: Any) -> int:
        return self.ordinal(root) if isinstance(root, Tensor) else self._of_edge(place(root))

    def _step(self, event: events.BackwardStep) -> None:
        session, node, arrived, sent = event
        device, op, nr = node.device, node.op, 0
        if arrived.__class__ is tuple or arrived is None:
            nr, arrived = _first(node, arrived)
        g = arrived._array if isinstance(arrived, Tensor) else arrived
        carried, put_off, by_seq = self._sent, self._put_off, self.by_seq
        known, _, upstream, ours = carried.get(node, NOTHING)
        if upstream is None or known is not g or node.extra is not None:  # or a hook may have had it in hand
            upstream, ours = put_off(g, device), False
        owner = g if g.base is None else g.base
        quiet, messages = self._quiet, []
        for edge, slot, out in sent:
            product = out._array if isinstance(out, Tensor) else out
            kind = edge.__class__
            if product is g:
                said, own = upstream, ours
            else:
                if product.base is None:
                    own = quiet and kind is not AccumulateGrad
                else:  # the same memory in another shape, or memory that only the rule knew: a leaf takes a copy
                    own = quiet and ((ours and product.base is owner) or _is_alone(product))
                said = put_off(product, device, own)
            before = carried.get(edge)
            if before is None:
                k, total = 1, said
                carried[edge] = product, 1, said, own
            else:
                k, made = before[1] + 1, before[0] + product
                carried[edge] = made, k, None, False
                total = put_off(made, device, own=True)
            messages.append({
                "to": by_seq.get((edge.seq, 0), -1) if kind not in NO_NODE else self._of_edge(edge),
                "slot": slot if op is not None else slot_of(node, slot), "local": None, "product": said, "sum": total,
                "k": k, "of": max(self._expected.get(edge, 1), k),
            })  # fmt: skip
        self._steps.append({
            "kind": "backward", "n": by_seq.get((node.seq, nr), -1), "grad": upstream, "messages": messages,
            "frees": not session.retain_graph and node.keeps_tensors,
        })  # fmt: skip
        packed = node.extra is not None and node.extra.packed
        if messages and op is not None and op.elementwise and not (op.variadic or packed):
            self._put_off_local(node, g, messages, not session.retain_graph)

    def _put_off_local(self, node: Any, g: Any, messages: list[dict[str, Any]], freed: bool) -> None:
        """The local derivatives of a pointwise op: what its rules make of ones, worked out when somebody looks."""
        local = Local(node, g, messages)
        size = local.own(LARGE, freed)
        if size is None:
            local.tell(self._ones, self._summary)
        else:
            self._room -= size
            self._locals.append(local)

    def _summary(self, array: Any, device: Any) -> dict[str, Any]:
        return summary(array, device, self.thumbnails)

    def _put_off(self, array: Any, device: Any, own: bool = False) -> dict[str, Any]:
        """The statistics of an array: of a small one a place for them, and they are worked out when somebody looks.

        `own`: nobody else will write into it, so that it need not be copied.
        """
        size = array.nbytes
        if size > LARGE:
            return self._summary(array, device)
        self._room -= size
        if self._room < 0:
            self.finish()
        made: dict[str, Any] = {}
        self._waiting.append((made, array if own else array.copy(), device))
        return made

    def _of_edge(self, edge: Any) -> int:
        if isinstance(edge, AccumulateGrad):
            return self.ordinal(edge.variable)
        return self.by_seq.get((edge.node.seq, edge.nr), -1)

    def _accumulate(self, event: events.Accumulate) -> None:
        _, leaf, old, new = event
        device, before = leaf.device, None if old is None else self._put_off(old, leaf.device)
        node = None if leaf._accumulator is None else leaf._accumulator()
        sent, _, after, _ = NOTHING if leaf._hooks else self._sent.get(node, NOTHING)
        # If it was one product, that is what is there now, perhaps as a copy.
        if after is None or not (sent is new or (old is None and self._quiet and node not in self._seeds)):
            after = self._put_off(new, device)
        self._steps.append({"kind": "accumulate", "n": self.ordinal(leaf), "before": before, "after": after})

    def _end(self, event: events.BackwardEnd) -> None:
        self._expected, self._sent, self._seeds, self._quiet = (
            self._outer.pop() if self._outer else ({}, {}, frozenset(), False)
        )
        self._ones = {}
        self._steps.append({"kind": "backward_end"})

    # -- optimisers --------------------------------------------------------------------------------------------
    def _optimizer(self, event: events.OptimizerStep) -> None:
        device = event.param.device
        before, after = self._put_off(event.before, device, own=True), self._put_off(event.after, device)
        self._steps.append({"kind": "optimizer", "n": self.ordinal(event.param), "before": before, "after": after})

    def _zero(self, event: events.ZeroGrad) -> None:
        self._steps.append({"kind": "zero_grad", "n": None})

    HANDLERS: ClassVar[dict[type, Any]] = {
        events.BackwardBegin: _begin, events.BackwardStep: _step, events.Accumulate: _accumulate,
        events.BackwardEnd: _end, events.OptimizerStep: _optimizer, events.ZeroGrad: _zero,
    }  # fmt: skip


def _is_open(node: Any) -> bool:
    """Whether the user's code sees gradients at this node: its own backward, or hooks."""
    if node.extra is not None:
        return True
    return node.op is None and (node.__class__ is not AccumulateGrad or bool(node.variable._hooks))


def _is_alone(view: Any) -> bool:
    """Whether nothing else refers to the memory behind a view, and the view shows all of it."""
    kind, size = view.base.__class__, view.nbytes
    return kind is view.__class__ and view.base.nbytes == size and holders(view) == ALONE


def _first(node: Any, arrived: Any) -> tuple[int, Any]:
    """Of several gradients the first that there is, and its number.

    A user's backward that no gradient reached was given zeros.
    """
    for nr, g in enumerate(arrived or ()):
        if g is not None:
            return nr, g
    shape, dtype = next(made for made in node.shapes if made is not None)
    return 0, node.device.xp.zeros(shape, dtype=dtype)


def slot_of(node: Any, slot: str) -> str:
    """An input as a record calls it: of a user's Function, which counts its tensors, by the name in its forward."""
    if node.op is not None or not hasattr(node, "_positions") or not slot.isdigit():
        return slot
    at, names = node._positions[int(slot)], inputs_of(node.function)
    return names[at] if at < len(names) else str(at)
