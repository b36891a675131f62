"""Local derivatives for a record: what a pointwise operation's rules make of a gradient of ones.

They follow from what a node kept, which goes when its step has been taken and may be overwritten later. So a recorder
keeps copies of what is small, and runs the rules when somebody looks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from .node import Scalar
from .record_nodes import is_fixed
from .tensor import Tensor


class Local:
    """The local derivatives of one node, by its inputs, and the messages of a step that are to say them.

    Args: g: the gradient that arrived: theirs are like it; messages: the entries to complete.
    """

    __slots__ = ("device", "g", "messages", "op", "saved", "wanted")

    def __init__(self, node: Any, g: Any, messages: list[dict[str, Any]]) -> None:
        self.op, self.device, self.saved, self.g, self.messages = node.op, node.device, node.saved, g, messages
        self.wanted = node.parents

    def own(self, most: int, freed: bool) -> int | None:
        """Keep copies of at most so many bytes in place of what is the program's; how many, or None where it cannot.

        `freed`: the node gives up what it kept, so that what nothing else refers to need not be copied.
        """
        size: int = self.g.nbytes
        saved = self.saved
        copies: list[Any] = []
        if size > most:
            return None
        for i, (kind, _) in enumerate(self.op.kept):
            if kind == "out" and freed and _holders(saved, i) == ALONE:
                copies.append(saved[i])
                continue
            value = saved[i]
            if kind in TENSORS and value is not None and value.__class__ is not Scalar:
                array = value._array if isinstance(value, Tensor) else value
                size += getattr(array, "nbytes", most)
                if size > most:
                    return None
                copy = array.copy(order="K")
                copies.append(Scalar(None, copy) if kind == "input" else copy)
            elif kind == "setting" and not is_fixed(value):
                return None
            else:
                copies.append(value)
        self.saved = tuple(copies)
        self.wanted = tuple([None if edge is None else True for edge in self.wanted])
        return size

    def tell(self, known: dict[Any, Any], summary: Callable[[Any, Any], dict[str, Any]]) -> None:
        """Run the rules and complete the messages. `known`: ones that were made before, and their statistics."""
        op, device, g = self.op, self.device, self.g
        key = g.shape, g.dtype, g.strides, device
        if key not in known:
            device.enter()
            ones = device.wrap(device.xp.ones_like(g))
            known[key] = ones, summary(ones, device)
        ones, said = known[key]
        made = op.pull(device.F, ones, self.saved, self.wanted)
        pairs = zip(op.inputs, made, strict=True)
        found = {name: said if d is ones else summary(d, device) for name, d in pairs if d is not None}
        for message in self.messages:
            message["local"] = found.get(message["slot"])


TENSORS = frozenset(("input", "out", "aux"))  # kinds of what a node keeps


def _holders(saved: tuple[Any, ...], i: int) -> int:
    """How many things refer to what a node kept, this call among them."""
    return sys.getrefcount(saved[i])


ALONE = _holders((np.empty(2),), 0)
