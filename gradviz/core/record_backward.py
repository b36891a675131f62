"""The part of a recorder that hears backward passes and optimisers: what was sent where, and what became of it."""

from __future__ import annotations

from typing import Any, ClassVar

from . import events
from .backward import running
from .edges import place
from .formula import inputs_of
from .node import AccumulateGrad
from .summary import LARGE, summary
from .tensor import Tensor


class BackwardSteps:
    """Turns the events of a backward pass into steps; what a recorder knows of tensors and nodes is its own affair."""

    _steps: list[dict[str, Any]]
    thumbnails: bool
    by_seq: dict[tuple[int, int], int]
    _partial: dict[Any, tuple[Any, int]]
    _expected: dict[Any, int]
    _sent: dict[Any, tuple[Any, dict[str, Any]]]  # edge -> the one product it has carried, and the statistics of that
    _outer: list[tuple[Any, Any, Any, bool]]  # these and `_quiet` of passes that wait for one that began inside them
    _ones: dict[Any, tuple[Any, dict[str, Any]]]  # ones by shape, type and device, and their statistics: of one pass
    _waiting: list[tuple[dict[str, Any], Any, Any]]  # statistics put off: where they go, an array, its device
    _quiet: bool  # no code of the user's runs during the pass, and no gradient is handed out but in leaves
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
            self._outer.append((self._partial, self._expected, self._sent, self._quiet))
        self._partial, self._expected, self._sent, self._ones = {}, {}, {}, {}
        in_plan = set(session.plan)
        self._quiet = not (session.create_graph or session._capture or any(map(_is_open, session.plan)))
        for node in session.plan:
            for edge in node.parents:
                if edge is not None and edge.node in in_plan:
                    self._expected[edge] = self._expected.get(edge, 0) + 1
        self._steps.append({"kind": "backward_begin", "root": self._root(session.roots[0])})

    def _root(self, root: Any) -> int:
        return self.ordinal(root) if isinstance(root, Tensor) else self._of_edge(place(root))

    def _step(self, event: events.BackwardStep) -> None:
        session, node, arrived, sent = event
        device, nr = node.device, 0
        if arrived.__class__ is tuple:
            nr, arrived = next(((i, g) for i, g in enumerate(arrived) if g is not None), (0, None))
        if arrived is None:  # a user's backward that no gradient reached: it was given zeros
            shape, dtype = next(made for made in node.shapes if made is not None)
            arrived = device.xp.zeros(shape, dtype=dtype)
        g = _array(arrived)
        local = self._local(node, g) if sent else {}
        upstream = self._arrived(node, g, device)
        messages = []
        for edge, name, out in sent:
            slot, product = slot_of(node, name), _array(out)
            before, k = self._partial.get(edge, (None, 0))
            total = product if before is None else before + product
            self._partial[edge] = (total, k + 1)
            if product is g:
                said = upstream
            else:
                inner = self._quiet and product.base is None and edge.__class__ is not AccumulateGrad
                said = self._put_off(product, device, own=inner)
            if before is None:
                self._sent[edge] = product, said
            else:
                self._sent.pop(edge, None)
            messages.append({
                "to": self._of_edge(edge), "slot": slot, "local": local.get(slot), "product": said,
                "sum": said if before is None else self._put_off(total, device, own=True), "k": k + 1,
                "of": max(self._expected.get(edge, 1), k + 1),
            })  # fmt: skip
        self._steps.append({
            "kind": "backward", "n": self._of_node(node, nr), "grad": upstream,
            "messages": messages, "frees": not session.retain_graph and node.keeps_tensors,
        })  # fmt: skip

    def _local(self, node: Any, g: Any) -> dict[str, Any]:
        """The local derivatives of a pointwise op, by its inputs: its rules at an upstream gradient of ones."""
        op = node.op
        if op is None or not op.elementwise or op.variadic or (node.extra is not None and node.extra.packed):
            return {}
        device, saved = node.device, node.saved
        key = g.shape, g.dtype, device
        known = self._ones.get(key)
        if known is None:
            ones = device.wrap(device.xp.ones_like(g))
            known = self._ones[key] = ones, self._put_off(ones, device, own=True)
        ones, said = known
        found = {}
        for name, made in zip(op.inputs, op.pull(device.F, ones, saved, node.parents), strict=True):
            if made is not None:
                own = made.base is None and all(made is not _array(kept) for kept in saved)
                found[name] = said if made is ones else self._put_off(made, device, own=own)
        return found

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

    def _arrived(self, node: Any, array: Any, device: Any) -> dict[str, Any]:
        """The statistics of a gradient where it arrives: mostly they are known, as those of the product sent there."""
        sent = self._sent.get(node)
        if sent is not None and sent[0] is array and node.extra is None:  # no hook has had it in hand
            return sent[1]
        return self._put_off(array, device)

    def _of_node(self, node: Any, nr: int) -> int:
        """The node whose gradient a step shows: of several results the first that one reached."""
        if isinstance(node, AccumulateGrad):
            return self.ordinal(node.variable)
        return self.by_seq.get((node.seq, nr), -1)

    def _of_edge(self, edge: Any) -> int:
        if isinstance(edge, AccumulateGrad):
            return self.ordinal(edge.variable)
        return self.by_seq.get((edge.node.seq, edge.nr), -1)

    def _accumulate(self, event: events.Accumulate) -> None:
        device = event.leaf.device
        before = None if event.before is None else self._put_off(event.before, device)
        node = event.leaf._accumulator() if event.leaf._accumulator is not None and not event.leaf._hooks else None
        after = self._arrived(node, event.after, device)
        self._steps.append({"kind": "accumulate", "n": self.ordinal(event.leaf), "before": before, "after": after})

    def _end(self, event: events.BackwardEnd) -> None:
        self._partial, self._expected, self._sent, self._quiet = (
            self._outer.pop() if self._outer else ({}, {}, {}, False)
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
    if node.__class__ is AccumulateGrad:
        return bool(node.variable._hooks or node.extra is not None)
    return node.op is None or node.extra is not None


def slot_of(node: Any, slot: str) -> str:
    """An input as a record calls it: of a user's Function, which counts its tensors, by the name in its forward."""
    if node.op is not None or not hasattr(node, "_positions") or not slot.isdigit():
        return slot
    at, names = node._positions[int(slot)], inputs_of(node.function)
    return names[at] if at < len(names) else str(at)


def _array(g: Any) -> Any:
    return g._array if isinstance(g, Tensor) else g
