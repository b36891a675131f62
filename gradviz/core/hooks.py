"""Hooks: what the user's functions make of a gradient on its way through a node."""

from __future__ import annotations

from typing import Any

from .node import AccumulateGrad, Extra, Node
from .tensor import Tensor

_NO_EXTRA = Extra()


def run_hooks(node: Node, arrived: list[Any], create_graph: bool) -> list[Any]:
    """What hooks on the tensor and on the node make of the gradient; kept gradients are stored."""
    leaf = node.variable if node.__class__ is AccumulateGrad else None
    if leaf is None and node.extra is None:
        return arrived
    extra = node.extra or _NO_EXTRA
    by_output = {0: leaf._hooks} if leaf is not None else extra.tensor_hooks
    made = list(arrived)
    for nr, hooks in by_output.items():
        for hook in list((hooks or {}).values()):
            if made[nr] is not None:
                answer = hook(_tensor(made[nr], node))
                if answer is not None:
                    made[nr] = _raw(answer, create_graph)
    for hook in list((extra.pre_hooks or {}).values()):
        answer = hook(tuple(None if g is None else _tensor(g, node) for g in made))
        if answer is not None:
            made = [_raw(a, create_graph) for a in (answer if isinstance(answer, tuple) else (answer,))]
    for nr, reference in extra.retained.items():
        tensor = reference()
        if tensor is not None and made[nr] is not None:
            kept = made[nr] if create_graph else Tensor._of(made[nr].copy(), node.device)
            tensor._grad = kept if tensor._grad is None else tensor._grad + kept
    return made


def run_post_hooks(node: Node, hooks: Any, products: list[Any], arrived: list[Any], create_graph: bool) -> list[Any]:
    """What a node's hooks make of what it is about to pass on: one gradient per input."""
    outputs = tuple(None if g is None else _tensor(g, node) for g in arrived)
    for hook in list(hooks.values()):
        seen = tuple(None if p is None else _tensor(p, node) for p in products)
        answer = hook(seen, outputs)
        if answer is not None:
            given = answer if isinstance(answer, tuple) else (answer,)
            products = [
                old if new is None or new is shown else _raw(new, create_graph)
                for old, shown, new in zip(products, seen, given, strict=True)
            ]
    return products


def _tensor(g: Any, node: Node) -> Tensor:
    return g if isinstance(g, Tensor) else Tensor._of(node.device.wrap(g), node.device)


def _raw(g: Tensor, create_graph: bool) -> Any:
    return g if create_graph else g._array
