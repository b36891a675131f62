"""The graph: one numbered node per recorded operation, and one AccumulateGrad per leaf.

An edge points from a node to whoever made one of its inputs. It is the node itself where that node has one output, and
an `Output` where it has several. No node refers to its output tensor, so graphs are freed by reference counting alone.
"""

from __future__ import annotations

import weakref
from typing import Any, ClassVar

from gradviz.core.errors import noted

from . import errors
from .clock import Cell, shown_line, tick
from .handle import RemovableHandle as Handle
from .handle import add_hook as add_hook


class Scalar:
    """A Python number or None that took the place of a tensor among an operation's inputs.

    `_array` is what rules on arrays see: the number, or an array without dimensions that holds it.
    """

    __slots__ = ("_array", "number")

    def __init__(self, number: Any, array: Any = None) -> None:
        self.number, self._array = number, number if array is None else array


class Freed:
    """Stands where a node's kept values were; says which call freed them."""

    __slots__ = ("place",)

    def __init__(self, where: tuple[str, int] | None) -> None:
        self.place = where

    @property
    def where(self) -> str:
        """The line of the call, as `file:line`."""
        return shown_line(self.place)


class Folding:
    """Whether any node ever stood for a stretch of graph, and those that were unfolded since: see fold.py."""

    ever = False
    unfolded: ClassVar[weakref.WeakSet[Any]] = weakref.WeakSet()


_IN_AUTOGRAD = ("AccumulateGrad", "CopyBackwards", "CopySlices", "NotImplemented")
_FULL_NAMES = {name: f"torch::autograd::{name}" for name in _IN_AUTOGRAD}


def class_name(kind: type) -> str:
    """What PyTorch calls nodes of this class, unless they say otherwise themselves."""
    return _FULL_NAMES.get(kind.__name__, kind.__name__)


# What a node has that nothing was noted on.
_UNSET: dict[str, Any] = {"push": None, "claim": None, "incoming": None}


class Extra:
    """What few nodes have: hooks, tensors that want their gradient, the memory of an output, the user's notes."""

    __slots__ = ("cell", "metadata", "packed", "post_hooks", "pre_hooks", "retained", "tensor_hooks")

    def __init__(self) -> None:
        self.cell: Cell | None = None
        self.packed = False  # whether saved-tensor hooks replaced what the node kept
        self.tensor_hooks: dict[int, Any] = {}  # {output number: hooks on that output}
        self.retained: dict[int, Any] = {}  # {output number: weak reference to the tensor}
        self.pre_hooks: Any = None
        self.post_hooks: Any = None
        self.metadata: dict[Any, Any] = {}

    @property
    def quiet(self) -> bool:
        """Whether a backward pass has nothing to do for any of it."""
        return not (self.packed or self.tensor_hooks or self.retained or self.pre_hooks or self.post_hooks)


class Node:
    """One recorded operation: who made its inputs (`parents`) and what its rules need (`saved`).

    A backward pass at full speed (see quick.py) calls `push`, which is None where more than the rules has to be done;
    it notes itself as `claim`, and as `incoming` the gradient that has arrived.
    """

    __slots__ = (
        "__weakref__", "claim", "device", "dtype", "extra", "incoming", "parents", "path", "push", "saved", "seq",
        "shape", "shapes",
    )  # fmt: skip

    op: ClassVar[Any] = None
    folded: ClassVar[bool] = False  # whether it stands for several operations
    extra: Extra | None
    shapes: tuple[Any, ...]
    seq: int
    parents: tuple[Any, ...]
    saved: Any
    shape: tuple[int, ...]
    dtype: Any
    device: Any
    path: Any
    push: Any
    claim: Any
    incoming: Any

    def name(self) -> str:
        """The name of the operation's gradient, such as `MulBackward0`."""
        return class_name(type(self))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object>"

    @property
    def node(self) -> Node:
        """The node of this edge: itself."""
        return self

    @property
    def nr(self) -> int:
        return 0

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """For each input the node that made it and its output number, `(None, 0)` where no gradient flows."""
        if Folding.ever:
            from .fold import open_below

            open_below(self)
        edges = self.parents
        if self.op is not None and self.op.variadic is None:
            edges = tuple(e for e, ruled in zip(edges, self.op.ruled, strict=True) if ruled)
            if type(self).__name__ == self.op.number_node:  # PyTorch's operator for a number has one input less
                edges = edges[:-1]
        return tuple((None, 0) if e is None else (e.node, e.nr) for e in edges)

    def input_name(self, position: int) -> str:
        """What the rules call an input; its number where inputs have no names."""
        named = self.op is not None and self.op.variadic is None
        return str(self.op.inputs[position]) if named else str(position)

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dict for the user's own notes on this node."""
        return self.more().metadata

    def more(self) -> Extra:
        """The node's extras, made when first needed."""
        extra = self.extra
        if extra is None:
            extra = self.extra = Extra()
        return extra

    @property
    def keeps_tensors(self) -> bool:
        """Whether it kept anything that is freed after backward."""
        return bool(self.op is not None and self.op.kept_tensors)

    def keep_cell(self, cell: Cell) -> None:
        """Remember the cell of the output's memory, for the check that a kept output was not overwritten."""
        self.more().cell = cell

    def register_hook(self, hook: Any) -> Handle:
        """Call `hook(grad_inputs, grad_outputs)` after this node ran; what it returns replaces grad_inputs."""
        return add_hook(self.more(), "post_hooks", hook)

    def register_prehook(self, hook: Any) -> Handle:
        """Call `hook(grad_outputs)` before this node runs; what it returns replaces grad_outputs."""
        return add_hook(self.more(), "pre_hooks", hook)

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The tensors kept for backward, checked for being overwritten."""
        named = [self.op.kept[i] for i in self.op.kept_tensors if not self.op.kept[i][1].startswith("_")]
        return tuple(v for v in (self.saved_value(kind, name) for kind, name in named) if v is not None)

    def __call__(self, *grads: Any) -> Any:
        """What this node makes of gradients of its outputs: one per input. No hooks run and nothing is freed."""
        from .raw_saved import run_by_hand

        return run_by_hand(self, grads)

    @property
    def requires_grad(self) -> bool:
        return True

    def _sequence_nr(self) -> int:
        return self.seq

    def __getattr__(self, name: str) -> Any:
        if name in _UNSET:
            return _UNSET[name]
        if name.startswith("_raw_saved_"):
            from .raw_saved import raw_saved

            return raw_saved(self, name[11:])
        if name.startswith("_saved_") and self.op is not None:
            for kind, kept in self.op.kept:
                shown = self.op.saved_names.get(kept, kept)
                if f"_saved_{shown}" == name:
                    return self.saved_value(kind, kept)
        raise AttributeError(f"{self.name()!r} object has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        kept = self.op.kept if self.op is not None else ()
        named = [self.op.saved_names.get(k, k) for _, k in kept if not k.startswith("_")]
        return [*super().__dir__(), *(f"_saved_{name}" for name in named)]

    def saved_value(self, kind: str, name: str) -> Any:
        """One kept value, by its kind ("input", "out", "setting", "shape", "aux") and name."""
        if self.saved.__class__ is Freed:
            raise noted(RuntimeError(errors.freed(self)))
        self.check_stale()
        return self.opened()[self.op.kept.index((kind, name))]

    def unpacked(self) -> tuple[Any, ...]:
        """Everything kept, as it was before saved-tensor hooks."""
        if self.extra is None or not self.extra.packed:
            return self.saved  # type: ignore[no-any-return]
        from .saved import unpacked

        return unpacked(self)

    def opened(self) -> tuple[Any, ...]:
        """Everything kept, arrays as Tensors: what rules see when they are recorded themselves."""
        from .tensor import Tensor

        device = self.device
        values = []
        for (kind, _), value in zip(self.op.kept, self.unpacked(), strict=True):
            if isinstance(value, Scalar):
                values.append(value.number)
            elif kind == "out" and value is not None:
                values.append(self._output_tensor(value))
            elif kind == "aux" and value is not None and not isinstance(value, tuple):
                values.append(Tensor._of(value, device))
            else:
                values.append(value)
        return tuple(values)

    def _output_tensor(self, value: Any) -> Any:
        from .tensor import Tensor

        if isinstance(value, tuple):
            return tuple(Tensor._made(v, self.device, Output(self, i, v.shape, v.dtype)) for i, v in enumerate(value))
        return Tensor._made(value, self.device, self)

    def check_stale(self) -> None:
        """Raise if anything kept was overwritten since this node was made."""
        for (kind, name), value in zip(self.op.kept, self.saved, strict=True):
            if kind == "input" and value is not None and not isinstance(value, Scalar):
                base = value._base if value._base is not None else value
                if base._cell is not None and base._cell.stamp > self.seq:
                    raise noted(RuntimeError(errors.stale(self, name, value, base._cell)))
            elif kind == "out" and self.extra is not None and not self.extra.packed:
                cell = self.extra.cell
                if cell is not None and cell.stamp > self.seq:
                    raise noted(RuntimeError(errors.stale(self, "its result", value, cell)))


class Output:
    """An edge to one output of a node that has several."""

    __slots__ = ("dtype", "node", "nr", "shape")

    def __init__(self, node: Node, nr: int, shape: tuple[int, ...], dtype: Any) -> None:
        self.node, self.nr, self.shape, self.dtype = node, nr, shape, dtype

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Output) and self.node is other.node and self.nr == other.nr

    def __hash__(self) -> int:
        return hash((id(self.node), self.nr))

    def keep_cell(self, cell: Cell) -> None:
        self.node.keep_cell(cell)

    # What a pass at full speed notes at an edge is kept by the node, which has a list of what arrived at each output.
    @property
    def claim(self) -> Any:
        return self.node.claim

    @claim.setter
    def claim(self, session: Any) -> None:
        self.node.claim = session

    @property
    def incoming(self) -> Any:
        arrived = self.node.incoming
        return None if arrived is None else arrived[self.nr]

    @incoming.setter
    def incoming(self, g: Any) -> None:
        if self.node.incoming is None:
            self.node.incoming = [None] * len(self.node.shapes)
        self.node.incoming[self.nr] = g


class AccumulateGrad(Node):
    """The end of the graph at a leaf: adds what arrives into `variable.grad`."""

    __slots__ = ("variable",)

    def __init__(self, variable: Any) -> None:
        self.seq = tick()
        self.extra = self.claim = self.push = None
        self.parents = ()
        self.saved = ()
        self.path = None
        self.variable = variable
        self.device = variable.device
        self.shape = variable._array.shape
        self.dtype = variable._array.dtype

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        return ()

    def name(self) -> str:
        return _FULL_NAMES["AccumulateGrad"]


def accumulator(leaf: Any) -> AccumulateGrad:
    """The AccumulateGrad of a leaf: one at a time, and only as long as a graph holds it."""
    reference = leaf._accumulator
    node: AccumulateGrad | None = reference() if reference is not None else None
    if node is None:
        node = AccumulateGrad(leaf)
        leaf._accumulator = weakref.ref(node)
    return node


def edge_of(tensor: Any) -> Any:
    """Where gradients for a tensor go: to the node that made it, to its accumulator, or nowhere."""
    edge = tensor._edge
    if edge is None and tensor._needs:
        return accumulator(tensor)
    return edge
