"""Running one node's rules: the gradient that arrives in, one gradient per input out."""

from __future__ import annotations

from typing import Any

from .mode import grad_mode
from .op import RECORDED


def products(node: Any, g: Any, create_graph: bool) -> list[Any]:
    """What goes to each input of a node: one gradient per parent, None where there is none."""
    token = grad_mode.set(create_graph)
    try:
        if node.op is None:
            return list(node.apply(g, create_graph))
        F = RECORDED if create_graph else node.device.F
        pull, kept = (node.op.pull_recorded, node.opened()) if create_graph else (node.op.pull, node.unpacked())
        if node.dtype.kind != "c" or node.op.conjugates:
            return list(pull(F, g, kept, node.parents))
        # Note [Complex gradients]
        # With PyTorch's convention an analytic f has the gradient g * conj(f'(z)), which is conj(conj(g) * f'(z)):
        # the rule for real numbers between two conjugations. It holds for products of matrices too.
        return [None if p is None else F.conj_physical(p) for p in pull(F, _conj(F, g), kept, node.parents)]
    finally:
        grad_mode.reset(token)


def _conj(F: Any, g: Any) -> Any:
    """The conjugate of a gradient, or of each of several."""
    if isinstance(g, tuple):
        return tuple(None if x is None else F.conj_physical(x) for x in g)
    return F.conj_physical(g)
