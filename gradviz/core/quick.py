"""The backward pass at full speed: no plan, no dicts, gradients kept on the nodes they are for.

Nearly every `loss.backward()` is of this kind: nobody watches, nothing has a hook, every node is an operation of the
table. A pass claims each node it will visit, so that two passes (of two threads, or one inside the other) never share a
node; what is unusual it leaves to `Backward`, before anything has happened.

    nodes, leaves = Pass().claim([edge])
    node.push(node, g, freed)                runs a node's rules and hands the results on
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Iterable
from typing import Any

import numpy as np

from gradviz.core.errors import noted

from . import errors, events
from .clock import Last, user_frame, wrote
from .device import CPU, Several
from .edges import seed
from .messages import first_grad, owned
from .node import AccumulateGrad, Freed, Node, Output

SINGLE = np.dtype(np.float32)
ONE = np.ones((), SINGLE)  # what most passes begin with
ONE.flags.writeable = False
WAITS = 2**16  # bytes
newest = operator.attrgetter("seq")
claiming = threading.Lock()


class Pass:
    """One pass that keeps its gradients on the nodes; `running` until it has ended."""

    __slots__ = ("running",)

    def __init__(self) -> None:
        self.running = True

    def claim(self, edge: Any) -> tuple[list[Node], list[AccumulateGrad]] | None:
        """Everything reachable from an edge: the nodes, newest first, and the leaves.

        None if something there is unusual or belongs to a pass that is running. No recursion: graphs may be 200,000
        deep. Raises PyTorch's error if an earlier backward has freed a node.
        """
        nodes: list[Node] = [edge]
        leaves: list[AccumulateGrad] = []
        append = nodes.append
        last, sorted_already = edge.seq, True
        if edge.claim is not None and edge.claim.running:
            return None
        edge.claim = self
        for node in nodes:  # which grow meanwhile
            if node.saved.__class__ is Freed:
                raise noted(RuntimeError(errors.freed(node)))
            if node.push is None or not (node.extra is None or node.extra.quiet):
                return None
            if node.seq > last:
                sorted_already = False
            last = node.seq
            for e in node.parents:
                if e is None:
                    continue
                claim = e.claim
                if claim is self:
                    continue
                if claim is not None and claim.running:
                    return None
                kind = e.__class__
                if kind is Output:
                    e = e.node
                e.claim, e.incoming = self, None
                if kind is not AccumulateGrad:
                    append(e)
                elif (e.extra is None or e.extra.quiet) and _is_quiet(e.variable):
                    leaves.append(e)
                else:
                    return None
        if not sorted_already:
            nodes.sort(key=newest, reverse=True)
        return nodes, leaves

    def take(self, nodes: Iterable[Node]) -> bool:
        """Claim these nodes; False if one of them belongs to another pass that is running."""
        for node in nodes:
            if node.claim is not None and node.claim.running:
                return False
            node.claim, node.incoming = self, None
        return True


class OnNodes:
    """The gradients of a pass as a mapping from edges, kept on the nodes."""

    def get(self, edge: Any) -> Any:
        return edge.incoming

    def pop(self, edge: Any, default: Any = None) -> Any:
        g, edge.incoming = edge.incoming, None
        return g

    def __setitem__(self, edge: Any, g: Any) -> None:
        edge.incoming = g


def _is_quiet(leaf: Any) -> bool:
    """Whether nobody will hear of a leaf's gradient, so that it may as well get it at the end of the pass.

    If a large one is there already, the other had better not wait until then.
    """
    if leaf._hooks or leaf._post_hooks or leaf._edge is not None or not leaf._needs:
        return False
    return leaf._grad is None or leaf._grad._array.nbytes <= WAITS


def run(root: Any, grad: Any, retain_graph: bool | None) -> bool:
    """Backpropagate from one tensor into the leaves; False if `Backward` must do it."""
    edge = root._edge
    if edge is None or edge.__class__ is Output or events.watching or Several.guarded:
        return False
    plain = grad is None and edge.shape == () and edge.dtype is SINGLE and edge.device is CPU
    g = ONE if plain else seed(0, root, grad, False)[1]
    session = Pass()
    try:
        with claiming:
            claimed = session.claim(edge)
        if claimed is None:
            return False
        nodes, leaves = claimed
        edge.incoming = g
        _through(nodes, leaves, None if retain_graph else Freed(user_frame()))
    finally:
        session.running = False
    return True


def _through(nodes: list[Node], leaves: list[AccumulateGrad], freed: Freed | None) -> None:
    """Run the nodes in their order, then give the leaves what has arrived.

    PyTorch gives it to a leaf as soon as nothing more can arrive. Here nobody could tell, unless something raises.
    """
    overwritten, ahead = Last.write > nodes[-1].seq, iter(nodes)
    try:
        visit(ahead, overwritten, freed)
    except BaseException:
        undone = nodes[max(len(nodes) - len(list(ahead)) - 1, 0) :]  # with the one that raised
        waiting = {e for node in undone for e in node.parents if e.__class__ is AccumulateGrad}
        for node in undone:
            node.incoming = None
        for leaf in leaves:
            if leaf in waiting:
                leaf.incoming = None
        raise
    finally:
        for leaf in leaves:
            g = leaf.incoming
            if g is not None:
                leaf.incoming = None
                add_into(leaf, g)


def visit(nodes: Iterable[Node], overwritten: bool, freed: Freed | None) -> None:
    """Run the rules of nodes, in this order, on what has arrived at them, if something has."""
    for node in nodes:
        g = node.incoming
        if g is not None:
            node.incoming = None
            if overwritten and Last.write > node.seq:
                node.check_stale()
            node.push(node, g, freed)


def add_into(leaf: AccumulateGrad, g: Any) -> None:
    """Add what has arrived into a leaf's `.grad`, or make it that."""
    old = leaf.variable._grad
    if old is None:
        if g.base is not None:
            g = owned(g)
        leaf.variable._grad = first_grad(g, leaf.variable, leaf.device)
    else:
        old._array += g
        wrote(old, "accumulation into .grad")
