"""Hooks: what the user's functions make of a gradient on its way through a node.

gradient arrives -> hooks on the tensor, in order -> .grad of a tensor that retains it -> hooks before the node
                 -> the node's rules -> hooks on the node -> on to the next nodes
"""

from __future__ import annotations

from typing import Any

from .errors import noted
from .node import AccumulateGrad, Node
from .tensor import Tensor


def run_tensor_hooks(node: Node, arrived: list[Any], create_graph: bool) -> list[Any]:
    """What hooks on the tensors make of their gradients; gradients that tensors retain are stored."""
    if node.__class__ is AccumulateGrad:
        hooks = node.variable._hooks
        return [_through(hooks, arrived[0], node, create_graph)] if hooks else arrived
    extra = node.extra
    if extra is None or not (extra.tensor_hooks or extra.retained):
        return arrived
    made = list(arrived)
    for nr, hooks in extra.tensor_hooks.items():
        if made[nr] is not None:
            made[nr] = _through(hooks, made[nr], node, create_graph)
    for nr, reference in extra.retained.items():
        tensor = reference()
        if tensor is not None and made[nr] is not None:
            kept = made[nr] if create_graph else Tensor._of(made[nr].copy(), node.device)
            tensor._grad = kept if tensor._grad is None else tensor._grad + kept
    return made


def _through(hooks: Any, g: Any, node: Node, create_graph: bool) -> Any:
    for hook in list((hooks or {}).values()):
        seen = wrapped(g, node)
        answer = hook(seen)
        if answer is not None:
            g = _checked(answer, seen, hook, create_graph)
    return g


def run_pre_hooks(node: Node, hooks: Any, arrived: list[Any], create_graph: bool) -> list[Any]:
    """What hooks before a node make of its gradients."""
    for hook in list(hooks.values()):
        seen = tuple(None if g is None else wrapped(g, node) for g in arrived)
        answer = hook(seen)
        if answer is not None:
            given = _as_tuple(answer, hook, len(seen))
            arrived = [
                None if new is None else _checked(new, old, hook, create_graph)
                for new, old in zip(given, seen, strict=True)
            ]
    return arrived


def run_post_hooks(node: Node, hooks: Any, products: list[Any], arrived: list[Any], create_graph: bool) -> list[Any]:
    """What a node's hooks make of what it is about to pass on: one gradient per input."""
    outputs = tuple(None if g is None else wrapped(g, node) for g in arrived)
    for hook in list(hooks.values()):
        seen = tuple(None if p is None else wrapped(p, node) for p in products)
        answer = hook(_ruled(node, seen), outputs)
        if answer is not None:
            given = _as_tuple(answer, hook, len(_ruled(node, seen)))
            given = (*given, *((None,) * (len(seen) - len(given))))
            products = [
                old if new is None or new is shown else _checked(new, shown, hook, create_graph)
                for old, shown, new in zip(products, seen, given, strict=True)
            ]
    return products


def _ruled(node: Node, seen: tuple[Any, ...]) -> tuple[Any, ...]:
    """A node for a number has one input less than its operation."""
    number = node.op is not None and type(node).__name__ == node.op.number_node
    return seen[:-1] if number else seen


def _as_tuple(answer: Any, hook: Any, count: int) -> tuple[Any, ...]:
    given = answer if isinstance(answer, tuple) else (answer,)
    if len(given) != count:
        raise noted(
            RuntimeError(
                f"hook '{_name(hook)}' has returned an incorrect number of values (got {len(given)}, but expected "
                f"{count})"
            )
        )
    return given


def _checked(new: Any, old: Tensor | None, hook: Any, create_graph: bool) -> Any:
    """The gradient a hook gave back, which must be like the one it was given."""
    if not isinstance(new, Tensor):
        raise TypeError(f"expected Variable, but hook returned '{type(new).__name__}'")
    if old is not None:
        if new._array.dtype != old._array.dtype:
            raise noted(
                RuntimeError(f"hook '{_name(hook)}' has changed the type of value (was {_kind(old)} got {_kind(new)})")
            )
        if new._array.shape != old._array.shape:
            raise noted(RuntimeError(f"hook '{_name(hook)}' has changed the size of value"))
    return new if create_graph else new._array


def _kind(tensor: Tensor) -> str:
    from .errors import scalar_type

    return f"torch.{scalar_type(tensor.dtype)}Tensor"


def _name(hook: Any) -> str:
    return str(getattr(hook, "__name__", "<unknown>"))


def wrapped(g: Any, node: Node) -> Tensor:
    return g if isinstance(g, Tensor) else Tensor._of(node.device.wrap(g), node.device)
