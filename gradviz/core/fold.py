"""A node that stands for a stretch of graph: computed in one piece, unfolded into its operations when somebody looks.

    y, h, c = folded(piece, inputs)        one node; backward is the piece's own, on arrays
    y.grad_fn                              StackBackward0: the operations, as if they had been recorded one by one

A recurrent layer of 100 steps is 1,200 operations, which cost more than what they compute. Where the answer is all that
is wanted, one node does the work of them. As soon as the graph itself is asked for (`grad_fn`, `next_functions`, a pass
that can be stepped, a picture) the operations are run again under their own names, and stand where the one node stood.
While anyone watches, nothing is folded in the first place.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from . import events
from .autocast import casting
from .clock import Last, tick
from .mode import current_module, grad_mode
from .node import Folding, Freed, Node, Output, edge_of
from .tensor import Tensor
from .written import handing

_hand_on = handing()


class Piece(Protocol):
    """What a folded stretch computes."""

    def forward(self, arrays: tuple[Any, ...], keep: bool) -> tuple[tuple[Any, ...], Any]:
        """The outputs, and what `backward` needs; `keep`: whether there will be one."""

    def backward(self, kept: Any, grads: tuple[Any, ...], wanted: tuple[bool, ...]) -> Sequence[Any]:
        """From the gradients of the outputs (None for none) one for each input, None where it is not wanted."""

    name: str  # what its node is called where it cannot be unfolded

    def restored(self, kept: Any, wanted: tuple[bool, ...], written: tuple[bool, ...]) -> tuple[Any, ...] | None:
        """The values of the inputs as they were, though some were written since. None where that is not known.

        An input that the operations keep may be given as it is now: their backward will refuse it.
        """

    def again(self, *inputs: Any) -> tuple[Tensor, ...]:
        """The same by the operations of the table."""


class Fold(Node):
    """The node of a piece. `parts`: the edges of its outputs among the operations, once it was unfolded."""

    __slots__ = ("cells", "inputs", "outputs", "parts", "piece")

    folded: ClassVar[bool] = True
    parts: list[Any] | None
    cells: tuple[Any, ...]
    piece: Piece
    outputs: tuple[Any, ...]
    inputs: tuple[Any, ...]

    @property
    def keeps_tensors(self) -> bool:
        return True

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        return tuple((None, 0) if e is None else (e.node, e.nr) for e in self.parents)

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        return ()

    def keep_cell(self, cell: Any) -> None:
        """Remember that an output's memory is watched: it may be one that an operation inside keeps."""
        self.cells = (*self.cells, cell)

    def name(self) -> str:
        """What the piece is called."""
        return self.piece.name

    def apply(self, g: Any, create_graph: bool) -> list[Any]:
        """The gradients of the inputs: in one piece, or by the operations where something was written since."""
        _, kept = self.saved
        if Last.write > self.seq:
            written = self._written()
            values = self._values(written) if any(written) or self._late(self.cells) else None
            if values is not None:
                return self._by_operations(values, g)
        return list(self.piece.backward(kept, g, tuple(e is not None for e in self.parents)))

    def _written(self) -> tuple[bool, ...]:
        """Which inputs were written since."""
        return tuple(x is not None and self._late([_cell(x)]) for x in self.saved[0])

    def _late(self, cells: Sequence[Any]) -> bool:
        return any(cell is not None and cell.stamp > self.seq for cell in cells)

    def _values(self, written: tuple[bool, ...]) -> tuple[Any, ...] | None:
        """The values of the inputs as they were; None where that is not known any more."""
        inputs, kept = self.saved
        if not any(written):
            return tuple(None if x is None else x._array for x in inputs)
        return self.piece.restored(kept, tuple(e is not None for e in self.parents), written)

    def _by_operations(self, values: tuple[Any, ...], g: tuple[Any, ...]) -> list[Any]:
        """Run the operations again and go back through them: they refuse what they keep and was overwritten."""
        from .backward import Backward

        leaves = [
            self._stand_in(v, None if e is None or x._edge is None else End(e, self), x, e is not None)
            for v, x, e in zip(values, self.saved[0], self.parents, strict=True)
        ]
        made = self._run(leaves)
        given = [(t, Tensor._of(x, self.device)) for t, x in zip(made, g, strict=True) if x is not None]
        wanted = [leaf for leaf in leaves if leaf is not None and leaf._needs]
        session = Backward(
            [t for t, _ in given], [x for _, x in given], inputs=wanted, journal=False, accumulate=False
        ).run()  # fmt: skip
        found = iter([session.captured.get(target) for target in session.targets])
        return [next(found) if leaf is not None and leaf._needs else None for leaf in leaves]

    def check_stale(self) -> None:
        """Nothing: `apply` looks itself at what was written."""

    # -- unfolding -------------------------------------------------------------------------------------------------
    def unfold(self) -> list[Any] | None:
        """Run the operations again; their edges stand for this node's outputs from now on. None where they cannot.

        What is folded below must have been unfolded before.
        """
        if self.parts is None:
            inputs = self._inputs([resolved(e) for e in self.parents])
            if inputs is not None:
                Folding.unfolded.add(self)
                self.push = None
                made = self._run(inputs)
                self.parts = [t._edge for t in made]
                for nr, (edge, reference) in enumerate(zip(self.parts, self.outputs, strict=True)):
                    self._hand_over(nr, edge)
                    tensor = reference()
                    if tensor is not None and tensor._edge is not None and tensor._edge.node is self:
                        tensor._edge = edge
        return self.parts

    def _inputs(self, edges: list[Any]) -> list[Any] | None:
        """The inputs themselves, or, where they are no longer what they were, tensors that stand for them."""
        if self.saved.__class__ is Freed:
            values = [None if made is None else self.device.xp.zeros(made[0], made[1]) for made in self.inputs]
            return [self._stand_in(v, e, None) for v, e in zip(values, edges, strict=True)]
        given, written = self.saved[0], self._written()
        same = all(
            x is None or ((e is None) == (not x._needs) and (e is None or x._edge is None or x._edge is e))
            for x, e in zip(given, edges, strict=True)
        )
        if same and not any(written):
            return list(given)
        known = self._values(written)
        return None if known is None else [self._stand_in(v, e, x) for x, v, e in zip(given, known, edges, strict=True)]

    def _stand_in(self, value: Any, edge: Any, input: Any, needs: bool = False) -> Any:
        """A tensor at an input's place in the graph, with the history of its memory."""
        if value is None:
            return None
        tensor = Tensor._made(value, self.device, edge)
        tensor._needs |= needs
        tensor._cell = None if input is None else _cell(input)
        return tensor

    def _run(self, inputs: list[Any]) -> tuple[Tensor, ...]:
        """Run the operations, unheard, as if they had run where this node stands."""
        watching, events.watching = events.watching, False
        changed: tuple[tuple[Any, Any], ...] = ((grad_mode, True), (current_module, self.path), (casting, None))
        tokens = [(var, var.set(value)) for var, value in changed]
        try:
            made = self.piece.again(*inputs)
        finally:
            events.watching = watching
            for var, token in tokens:
                var.reset(token)
        ends = {edge_of(x) for x in inputs if x is not None and x._needs}
        self._number([t._edge for t in made], ends)
        for t, reference in zip(made, self.outputs, strict=True):
            tensor = reference()
            if tensor is not None and tensor._cell is not None:
                t._cell = tensor._cell
                t._edge.node.keep_cell(t._cell)
        return made

    def _number(self, edges: list[Any], ends: set[Any]) -> None:
        """Number the operations between the node before this one and this one; free them if it was freed."""
        found: dict[Node, None] = {}
        stack = [e.node for e in edges if e not in ends]
        while stack:
            node = stack.pop()
            if node not in found:
                found[node] = None
                stack.extend(e.node for e in node.parents if e is not None and e not in ends)
        nodes = sorted(found, key=lambda node: node.seq)
        for i, node in enumerate(nodes, 1):
            node.seq = self.seq - 1 + i / (len(nodes) + 1)  # type: ignore[assignment]
            if self.saved.__class__ is Freed and node.keeps_tensors:
                node.saved = self.saved

    def _hand_over(self, nr: int, edge: Any) -> None:
        """Hooks on an output, and who wants its gradient, move to where it is now."""
        if self.extra is None:
            return
        for mine, name in ((self.extra.tensor_hooks, "tensor_hooks"), (self.extra.retained, "retained")):
            if nr in mine:
                getattr(edge.node.more(), name)[edge.nr] = mine[nr]


class End(Node):
    """Where a pass through a stretch ends: it has the name of the node that goes on from there."""

    __slots__ = ("edge",)

    def __init__(self, edge: Any, fold: Fold) -> None:
        self.edge, self.parents, self.saved, self.extra, self.path = edge, (), (), None, None
        self.shape, self.dtype, self.device, self.seq = edge.shape, edge.dtype, fold.device, fold.seq - 1

    def name(self) -> str:
        return str(self.edge.node.name())

    @property
    def nr(self) -> int:
        return int(self.edge.nr)


def _cell(tensor: Tensor) -> Any:
    """The history of a tensor's memory, None where it has none."""
    return (tensor if tensor._base is None else tensor._base)._cell


def folded(piece: Piece, inputs: tuple[Any, ...]) -> tuple[Tensor, ...]:
    """The outputs of a piece, with one node behind them if any input wants a gradient."""
    needs = grad_mode.get() and any(x is not None and x._needs for x in inputs)
    found, kept = piece.forward(tuple(None if x is None else x._array for x in inputs), needs)
    device = next(x.device for x in inputs if x is not None)
    if not needs:
        return tuple(Tensor._made(o, device, None) for o in found)
    node: Any = Fold()
    node.parents = tuple(None if x is None or not x._needs else edge_of(x) for x in inputs)
    node.saved, node.device, node.piece = (inputs, kept), device, piece
    node.inputs = tuple(None if x is None else (x._array.shape, x._array.dtype) for x in inputs)
    node.shape, node.dtype = None, found[0].dtype
    node.shapes = tuple((o.shape, o.dtype) for o in found)
    node.path, node.extra, node.parts, node.cells = current_module.get(), None, None, ()
    node.push = _push
    node.seq = tick()
    made = tuple(Tensor._made(o, device, Output(node, i, o.shape, o.dtype)) for i, o in enumerate(found))
    node.outputs = tuple(weakref.ref(t) for t in made)
    Folding.ever = True
    return made


def _push(node: Fold, g: list[Any], freed: Any) -> None:
    """One step of a backward pass at full speed (see written.py)."""
    arrived = tuple(g)
    made = node.apply(arrived, False)
    if freed is not None:
        node.saved = freed
    for e, v in zip(node.parents, made, strict=True):
        if e is not None and v is not None:
            _hand_on(node, e, v, arrived)


# -- looking -------------------------------------------------------------------------------------------------------
def resolved(edge: Any) -> Any:
    """The edge itself; where it leads to a folded node, that of the operation that made this output."""
    if edge is None or not edge.node.folded:
        return edge
    if edge.node.parts is None:
        for fold in sorted((n for n in _below([edge.node]) if n.folded), key=lambda node: node.seq):
            fold.unfold()
    return edge if edge.node.parts is None else edge.node.parts[edge.nr]


def _below(nodes: list[Any]) -> set[Node]:
    """These nodes and all that they can reach."""
    seen, stack = set(nodes), list(nodes)
    while stack:
        found = {e.node for e in stack.pop().parents if e is not None} - seen
        seen |= found
        stack.extend(found)
    return seen


def open_below(node: Any) -> None:
    """Let a node's edges lead to operations instead of folded nodes."""
    if any(e is not None and e.node.folded for e in node.parents):
        node.parents = tuple(resolved(e) for e in node.parents)
        if hasattr(node, "written"):
            node.written = tuple(
                (u, nr) if u is None or not u.folded else ((e := resolved(Output(u, nr, (), None))).node, e.nr)
                for u, nr in node.written
            )


def open_tensor(tensor: Tensor) -> None:
    """Let a tensor stand at the operation that made it."""
    tensor._edge = resolved(tensor._edge)


def open_all(roots: Sequence[Any], only_known: bool = False) -> None:
    """Unfold everything below these tensors or gradient edges; or only let edges lead past what was unfolded before."""
    if not Folding.ever:
        return
    seen: set[Node] = set()
    stack = [_node(root, only_known) for root in roots]
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if not only_known or any(e is not None and e.node in Folding.unfolded for e in node.parents):
            open_below(node)
        stack.extend(e.node for e in node.parents if e is not None)


def _node(root: Any, only_known: bool) -> Any:
    if not isinstance(root, Tensor):
        return root.node
    if not only_known or (root._edge is not None and root._edge.node in Folding.unfolded):
        open_tensor(root)
    return None if root._edge is None else root._edge.node
