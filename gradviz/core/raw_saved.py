"""Looking behind a node: what it keeps as it is kept, and running it by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .errors import noted
from .hooks import wrapped
from .mode import grad_mode
from .node import AccumulateGrad, Freed, Node
from .rules import products
from .saved import Packed, pack_with
from .tensor import Tensor

FREED = (
    "Calling register_hooks on a saved tensor after it has been freed. Saved intermediate values of the graph are "
    "freed when you call .backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the "
    "graph a second time or if you need to access saved variables after calling backward."
)
TWICE = (
    "Calling register_hooks on a saved tensor whose hooks have already been set. Hint: only one pair of hooks is "
    "allowed at a time."
)


class SavedTensor:
    """One tensor that a node keeps: `grad_fn._raw_saved_self`."""

    def __init__(self, node: Node, place: int) -> None:
        self._node, self._place = node, place

    def _kept(self) -> Any:
        saved = self._node.saved
        if saved.__class__ is Freed:
            raise noted(RuntimeError(FREED))
        return saved[self._place]

    @property
    def data(self) -> Any:
        """The tensor itself; None if it was freed."""
        if self._node.saved.__class__ is Freed:
            return None
        opened = self._node.opened() if self._node.op is not None else self._node.saved_tensors
        return opened[self._place]

    def register_hooks(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        """Keep `pack_hook(tensor)` instead, and give `unpack_hook` of it to backward."""
        if not (callable(pack_hook) and callable(unpack_hook)):
            raise TypeError(
                "register_hooks(): incompatible function arguments. The following argument types are supported:"
            )
        kept, node = self._kept(), self._node
        if isinstance(kept, Packed):
            raise noted(RuntimeError(TWICE))
        tensor = self.data
        own = getattr(tensor._edge, "nr", 0) if tensor._edge is not None and tensor._edge.node is node else None
        raw = not isinstance(kept, Tensor) and node.op is not None
        seen = tensor if own is None else tensor.detach()
        packed = pack_with((pack_hook, unpack_hook), seen, raw=raw, own=own)
        if not raw and own is not None:
            kept.array = packed
        else:
            node.saved = (*node.saved[: self._place], packed, *node.saved[self._place + 1 :])
        node.more().packed = True


def raw_saved(node: Node, name: str) -> Any:
    """The value of `_raw_saved_<name>`; AttributeError where no tensor of that name is kept."""
    for i in node.op.kept_tensors if node.op is not None else ():
        shown = node.op.saved_names.get(node.op.kept[i][1], node.op.kept[i][1])
        if shown == name:
            return SavedTensor(node, i)
    raise AttributeError(f"{node.name()!r} object has no attribute '_raw_saved_{name}'")


def run_by_hand(node: Node, grads: tuple[Any, ...]) -> Any:
    """What a node makes of these gradients: one per input, without hooks."""
    count = 1 if node.shape is not None else len(node.shapes)
    if len(grads) != count:
        raise TypeError(f"expected {count} arguments, got {len(grads)} instead")
    for i, g in enumerate(grads):
        if g is not None and not isinstance(g, Tensor):
            raise TypeError(f"argument {i} is not a Variable")
    if node.__class__ is AccumulateGrad:
        leaf = node.variable
        leaf._grad = grads[0].detach() if leaf._grad is None else leaf._grad + grads[0].detach()
        return ()
    recorded = grad_mode.get()
    if all(g is None for g in grads):
        made: list[Any] = [None] * len(node.parents)
    else:
        given = grads if recorded else tuple(None if g is None else g._array for g in grads)
        made = products(node, given[0] if node.shape is not None else given, recorded)
    found = tuple(None if g is None else wrapped(g, node) for g in made)
    return found[0] if len(found) == 1 else found
