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
    _outer: list[tuple[Any, Any, Any]]  # the same three of passes that wait for one that began inside them
    _waiting: list[tuple[dict[str, Any], Any, Any]]  # statistics put off: where they go, an array, its device
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
            self._outer.append((self._partial, self._expected, self._sent))
        self._partial, self._expected, self._sent = {}, {}, {}
        in_plan = set(session.plan)
        for node in session.plan:
            for edge in node.parents:
                if edge is not None and edge.node in in_plan:
                    self._expected[edge] = self._expected.get(edge, 0) + 1
        self._steps.append({"kind": "backward_begin", "root": self._root(session.roots[0])})

    def _root(self, root: Any) -> int:
        return self.ordinal(root) if isinstance(root, Tensor) else self._of_edge(place(root))

    def _step(self, event: events.BackwardStep) -> None:
        node, device = event.node, event.node.device
        grads = event.grad if isinstance(event.grad, tuple) else (event.grad,)
        nr, arrived = next(((i, g) for i, g in enumerate(grads) if g is not None), (0, None))
        if arrived is None:  # a user's backward that no gradient reached: it was given zeros
            shape, dtype = next(made for made in node.shapes if made is not None)
            arrived = device.xp.zeros(shape, dtype=dtype)
        messages = []
        for edge, slot, product in event.messages:
            slot, product = slot_of(node, slot), _array(product)
            before, k = self._partial.get(edge, (None, 0))
            total = product if before is None else before + product
            self._partial[edge] = (total, k + 1)
            sent = self._put_off(product, device)
            if before is None:
                self._sent[edge] = product, sent
            else:
                self._sent.pop(edge, None)
            messages.append({
                "to": self._of_edge(edge), "slot": slot, "local": self._local(node, slot, _array(arrived)),
                "product": sent, "sum": sent if before is None else self._put_off(total, device), "k": k + 1,
                "of": max(self._expected.get(edge, 1), k + 1),
            })  # fmt: skip
        self._steps.append({
            "kind": "backward", "n": self._of_node(node, nr), "grad": self._arrived(node, _array(arrived), device),
            "messages": messages, "frees": not event.session.retain_graph and node.keeps_tensors,
        })  # fmt: skip

    def _local(self, node: Any, slot: str, g: Any) -> Any:
        """The local derivative of a pointwise op: its rule at an upstream gradient of ones."""
        op = node.op
        packed = node.extra is not None and node.extra.packed
        if op is None or not op.elementwise or slot not in op.inputs or packed:
            return None
        ones = node.device.wrap(node.device.xp.ones_like(g))
        only = tuple(edge if x == slot else None for x, edge in zip(op.inputs, node.parents, strict=True))
        local = op.pull(node.device.F, ones, node.saved, only)
        return self._put_off(local[op.inputs.index(slot)], node.device)

    def _summary(self, array: Any, device: Any) -> dict[str, Any]:
        return summary(array, device, self.thumbnails)

    def _put_off(self, array: Any, device: Any) -> dict[str, Any]:
        """The statistics of an array: of a small one a place for them, and they are worked out when somebody looks."""
        size = array.nbytes
        if size > LARGE:
            return self._summary(array, device)
        self._room -= size
        if self._room < 0:
            self.finish()
        made: dict[str, Any] = {}
        self._waiting.append((made, array.copy(), device))
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
        self._partial, self._expected, self._sent = self._outer.pop() if self._outer else ({}, {}, {})
        self._steps.append({"kind": "backward_end"})

    # -- optimisers --------------------------------------------------------------------------------------------
    def _optimizer(self, event: events.OptimizerStep) -> None:
        device = event.param.device
        before, after = (self._put_off(a, device) for a in (event.before, event.after))
        self._steps.append({"kind": "optimizer", "n": self.ordinal(event.param), "before": before, "after": after})

    def _zero(self, event: events.ZeroGrad) -> None:
        self._steps.append({"kind": "zero_grad", "n": None})

    HANDLERS: ClassVar[dict[type, Any]] = {
        events.BackwardBegin: _begin, events.BackwardStep: _step, events.Accumulate: _accumulate,
        events.BackwardEnd: _end, events.OptimizerStep: _optimizer, events.ZeroGrad: _zero,
    }  # fmt: skip


def slot_of(node: Any, slot: str) -> str:
    """An input as a record calls it: of a user's Function, which counts its tensors, by the name in its forward."""
    if node.op is not None or not hasattr(node, "_positions") or not slot.isdigit():
        return slot
    at, names = node._positions[int(slot)], inputs_of(node.function)
    return names[at] if at < len(names) else str(at)


def _array(g: Any) -> Any:
    return g._array if isinstance(g, Tensor) else g
