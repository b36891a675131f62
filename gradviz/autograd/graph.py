"""`torch.autograd.graph`: looking at the graph, listening to it, and deciding how it keeps what backward needs."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self

from ..core.backward import running
from ..core.clock import wrote
from ..core.edges import GradientEdge as GradientEdge
from ..core.edges import get_gradient_edge as get_gradient_edge
from ..core.node import Node as Node
from ..core.saved import disable_saved_tensors_hooks as disable_saved_tensors_hooks
from ..core.saved import save_on_cpu as save_on_cpu
from ..core.saved import saved_tensors_hooks as saved_tensors_hooks
from ..core.tensor import Tensor

__all__ = [
    "GradientEdge", "Node", "allow_mutation_on_saved_tensors", "disable_saved_tensors_hooks", "get_gradient_edge",
    "increment_version", "register_multi_grad_hook", "save_on_cpu", "saved_tensors_hooks",
]  # fmt: skip


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Say that tensors were written in place, by means that the library does not see."""
    for t in (tensor,) if isinstance(tensor, Tensor) else tuple(tensor):
        wrote(t)


class _Handles:
    """Takes several hooks away at once."""

    def __init__(self, handles: Sequence[Any]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def register_multi_grad_hook(tensors: Sequence[Tensor], fn: Callable[..., Any], *, mode: str = "all") -> Any:
    """Call `fn` once per backward: with the gradients of all tensors when the last has arrived, or with the first.

    Tensors that a pass does not reach count as None. Returns a handle.
    https://docs.pytorch.org/docs/2.13/autograd.html#torch.autograd.graph.register_multi_grad_hook
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    if mode == "any":
        return _first_of(tensors, fn)
    if not all(t.requires_grad for t in tensors):
        raise AssertionError("Expected gradient function to be set")
    nodes = [_node_of(t) for t in tensors]
    waiting: dict[int, tuple[Any, list[Any], int]] = {}  # pass -> (the pass, gradients so far, how many will come)

    def hook_of(i: int) -> Callable[[Any], None]:
        def hook(g: Any) -> None:
            session = running.get()
            key = id(session)
            found = waiting.get(key)
            if found is None or found[0] is not session:
                planned = set(session.plan)
                found = (session, [None] * len(nodes), sum(node() in planned for node in nodes))
            session, grads, left = found
            grads[i] = g
            if left > 1:
                waiting[key] = (session, grads, left - 1)
            else:
                waiting.pop(key, None)
                fn(grads)

        return hook

    return _Handles([t.register_hook(hook_of(i)) for i, t in enumerate(tensors)])


def _node_of(tensor: Tensor) -> Callable[[], Any]:
    """How to find the node where a tensor's gradient arrives, without keeping the node or the tensor alive."""
    if tensor.grad_fn is not None:
        return weakref.ref(tensor.grad_fn)
    leaf = weakref.ref(tensor)

    def find() -> Any:
        alive = leaf()
        return None if alive is None else get_gradient_edge(alive).node

    return find


def _first_of(tensors: Sequence[Tensor], fn: Callable[..., Any]) -> Any:
    last: list[Any] = [None]

    def hook(g: Any) -> None:
        session = running.get()
        if last[0] is not session:
            last[0] = session
            fn(g)

    return _Handles([t.register_hook(hook) for t in tensors if t.requires_grad])


class _Copies:
    """What `allow_mutation_on_saved_tensors` gives: whether its block is still open."""

    def __init__(self) -> None:
        self.open = True

    def clear(self) -> None:
        """Nothing to forget: every copy belongs to the node that kept it."""


@contextlib.contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[_Copies]:
    """Inside, what backward needs is kept as a copy, so that tensors may be overwritten before backward.

    https://docs.pytorch.org/docs/2.13/autograd.html#torch.autograd.graph.allow_mutation_on_saved_tensors
    """
    copies = _Copies()

    def keep(tensor: Tensor) -> Any:
        return tensor.clone()

    def give(kept: Any) -> Any:
        if not copies.open:
            raise AssertionError(
                "Trying to backward outside of the 'allow_mutation_on_saved_tensors' contextin which the graph was "
                "originally recorded."
            )
        return kept

    with saved_tensors_hooks(keep, give):
        try:
            yield copies
        finally:
            copies.open = False
