"""A transform's own piece of graph inside the caller's.

Inputs become the start of a new piece, joined to the caller's graph where that reaches them; results are cut off again
unless they depend on something of the caller's that requires grad. So transforms nest as deep as one likes, and
ordinary backward works through them:

    caller:  x ----------------------------------> result
    level:   x -> view of x -> f -> its gradients ---^
"""

from __future__ import annotations

from contextvars import Token
from typing import Any, Self

from ..core.clock import tick
from ..core.mode import grad_mode
from ..core.node import AccumulateGrad
from ..core.tensor import Tensor
from . import tree


class Level:
    """One run of a transform: recording is on inside, whatever it is outside. It may be entered again."""

    def __init__(self) -> None:
        self.start = tick()
        self.own: set[int] = set()  # ids of the leaves made here
        self.leaves: list[Any] = []  # kept alive, so that the ids stay theirs

    def __enter__(self) -> Self:
        self.outer = grad_mode.get()
        self._token: Token[bool] = grad_mode.set(True)
        return self

    def __exit__(self, *exc: object) -> None:
        grad_mode.reset(self._token)

    def enter(self, value: Any) -> Any:
        """The nest with every tensor as an input of this level."""
        leaves, spec = tree.flatten(value)
        return tree.unflatten([self.one(x) for x in leaves], spec)

    def one(self, x: Any) -> Any:
        """A tensor as an input of this level."""
        if not isinstance(x, Tensor):
            raise ValueError(f"Thing passed to transform API must be Tensor, got {type(x)}")
        if self.outer and x._needs:
            return x.view_as(x)
        return self.leaf(x.detach())

    def leaf(self, x: Tensor) -> Tensor:
        """A tensor as a leaf that belongs to this level."""
        x.requires_grad_()
        self.own.add(id(x))
        self.leaves.append(x)
        return x

    def leave(self, value: Any) -> Any:
        """The nest as the caller sees it: tensors in the caller's graph, or in none."""
        leaves, spec = tree.flatten(value)
        return tree.unflatten([self._out(x) for x in leaves], spec)

    def _out(self, x: Any) -> Any:
        if not isinstance(x, Tensor) or not x._needs:
            return x
        return x if self.outer and self._reaches_out(x) else x.detach()

    def _reaches_out(self, x: Tensor) -> bool:
        """Whether a result depends on something that was there before this level and requires grad."""
        if x._edge is None:
            return id(x) not in self.own
        stack, seen = [x._edge.node], set()
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            if node.__class__ is AccumulateGrad:
                if id(node.variable) not in self.own:
                    return True
            elif node.seq < self.start:
                return True
            stack.extend(edge.node for edge in node.parents if edge is not None)
        return False
