"""Backpropagation as an object: a plan, a cursor, and the gradients in flight.

    session = Backward([loss])      the plan: every reachable node, newest first, each leaf's AccumulateGrad right after
    session.step()                  the oldest node that feeds it. This is PyTorch's own order of execution.
    session.back()                  undo one step; stepping again gives the same bits
    session.run()                   to the end; `loss.backward()` is this and nothing else

Pausing is not calling `step`. This is the only place that sums broadcasts and accumulates, so rules need not.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from gradviz.core.errors import noted

from . import errors, events
from .anomaly import Anomaly, look_for_nan, running_node, tell
from .clock import Last, user_frame, wrote
from .device import Several
from .edges import place, seed
from .hooks import run_post_hooks, run_pre_hooks, run_tensor_hooks
from .messages import first_grad, fit, owned, shared
from .mode import grad_mode
from .node import AccumulateGrad, Folding, Freed, Node, Output
from .op import RECORDED
from .quick import OnNodes, Pass, claiming, visit
from .rules import products
from .tensor import Tensor


def order(edges: Sequence[Any], *, to_run: bool = True) -> list[Node]:
    """Every node reachable from `edges`, in the order of execution. No recursion: graphs may be 200,000 deep.

    Raises PyTorch's error if an earlier backward has freed one of them, unless they are only to be looked at.
    """
    oldest: dict[Node, Node] = {}  # leaf -> the oldest node that feeds it
    given = [edge for edge in edges if edge.__class__ is AccumulateGrad]
    nodes = list(dict.fromkeys(edge.node for edge in edges if edge.__class__ is not AccumulateGrad))
    seen = set(nodes)
    see, push = seen.add, nodes.append
    for node in nodes:  # which grow meanwhile, nearly in the order wanted
        if node.saved.__class__ is Freed and to_run:
            raise noted(RuntimeError(errors.freed(node)))
        for edge in node.parents:
            kind = edge.__class__
            if kind is AccumulateGrad:
                known = oldest.get(edge)
                if known is None or node.seq < known.seq:
                    oldest[edge] = node
            elif edge is not None:
                if kind is Output:
                    edge = edge.node
                if edge not in seen:
                    see(edge)
                    push(edge)
    nodes.sort(key=_seq, reverse=True)
    fed: dict[Node, list[Node]] = {}
    for leaf, node in oldest.items():
        fed.setdefault(node, []).append(leaf)
    plan: list[Node] = [leaf for leaf in dict.fromkeys(given) if leaf not in oldest]
    for node in nodes:
        plan.append(node)
        leaves = fed.get(node)
        if leaves is not None:
            plan += leaves if len(leaves) == 1 else [e for e in dict.fromkeys(node.parents) if oldest.get(e) is node]
    return plan


# The pass whose step is being taken: hooks may ask for it.
running: ContextVar[Any] = ContextVar("running", default=None)

_seq = operator.attrgetter("seq")
_NONE = ((), None)  # the shape and type of an output that is no tensor


def _check(node: Any) -> None:
    """Raise PyTorch's error if what a node kept was freed, or overwritten since."""
    if node.saved.__class__ is Freed:
        raise noted(RuntimeError(errors.freed(node)))
    if Last.write > node.seq and node.op is not None:
        node.check_stale()


class Undo:
    """What one step changed: gradients in flight, what the node kept, `.grad` of its leaf and of retaining tensors."""

    __slots__ = ("grads", "kept", "node", "saved")

    def __init__(self, node: Any, grads: list[tuple[Any, Any]]) -> None:
        self.node: Node = node
        self.grads = grads
        self.saved = node.saved
        self.kept: list[tuple[Any, Any]] = []
        if node.__class__ is AccumulateGrad:
            self.kept.append((node.variable, node.variable._grad))
        if node.extra is not None:
            held = [reference() for reference in node.extra.retained.values()]
            self.kept += [(tensor, tensor._grad) for tensor in held if tensor is not None]

    def apply(self, grads: dict[Any, Any]) -> None:
        """Put everything back."""
        put_back(grads, self.grads)
        self.node.saved = self.saved
        for tensor, grad in self.kept:
            tensor._grad = grad


def put_back(grads: dict[Any, Any], before: list[tuple[Any, Any]]) -> None:
    """Gradients in flight as they were, from a note of each change, the last one first."""
    for key, g in reversed(before):
        if g is None:
            grads.pop(key, None)
        else:
            grads[key] = g


class Backward:
    """One backward pass over the graph of `roots`, that can be stepped, rewound and run.

    Args: roots: tensors to start from; grads: their gradients (None for ones, scalars only); inputs: tensors or edges
    whose gradients are wanted instead of every leaf's; journal: whether `back()` is possible (keeps freed values).
    """

    def __init__(
        self,
        roots: Sequence[Any],
        grads: Sequence[Any] | None = None,
        *,
        inputs: Sequence[Any] | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        journal: bool = True,
        accumulate: bool = True,
    ) -> None:
        self.retain_graph = create_graph if retain_graph is None else bool(retain_graph)
        self.create_graph = create_graph
        self.roots = tuple(roots)
        self.partial = inputs is not None  # whether only some gradients are wanted
        self.cursor = 0
        self.grads: Any = {}  # edge -> the gradient that has arrived there
        self.captured: dict[Any, Any] = {}
        self.journal: list[Undo] | None = [] if journal else None
        if Folding.ever and (
            (seen := journal or create_graph or events.watching or Anomaly.enabled) or Folding.unfolded
        ):
            from .fold import open_all

            open_all(self.roots, only_known=not seen)
        self._freed = Freed(user_frame())
        given = [None] * len(self.roots) if grads is None else list(grads)
        edges = [self._seed(i, t, g) for i, (t, g) in enumerate(zip(self.roots, given, strict=True))]
        self.plan = self._whole = order(edges)
        self._stop: set[Node] = set()  # nodes that receive a gradient and do not pass it on
        self._capture: set[Any] = set()  # edges whose gradient is handed out instead of accumulated
        if inputs is not None:
            self._only(list(inputs), accumulate)

    def __len__(self) -> int:
        return len(self.plan)

    def __repr__(self) -> str:
        return f"Backward(step {self.cursor} of {len(self.plan)})"

    @property
    def done(self) -> bool:
        """Whether every step of the plan has been taken."""
        return self.cursor == len(self.plan)

    def _seed(self, index: int, root: Any, grad: Any) -> Any:
        edge, value = seed(index, root, grad, self.create_graph)
        self.grads[edge] = value if edge not in self.grads else self.grads[edge] + value
        return edge

    def _only(self, inputs: list[Tensor], accumulate: bool) -> None:
        """Cut the plan down to what leads to `inputs`; other leaves are left alone."""
        wanted = [place(x) for x in inputs]
        self.targets = wanted
        nodes = {e.node for e in wanted if e is not None}
        self._capture = set() if accumulate else {e for e in wanted if e is not None}
        leads: set[Node] = set()
        for node in sorted(self.plan, key=_seq):
            for e in node.parents:
                if e is not None and (e.node in nodes or e.node in leads):
                    leads.add(node)
                    break
        self.plan = [n for n in self.plan if n in leads or n in nodes]
        self._stop = {n for n in self.plan if n not in leads and (n.__class__ is not AccumulateGrad or not accumulate)}

    # -- going forward through the plan --------------------------------------------------------------------------
    def run(self) -> Backward:
        """Take every remaining step."""
        if events.watching:
            events.emit(events.BackwardBegin(self))
        session = Pass()
        try:
            if self.journal is None and not Several.guarded:
                if self.create_graph or events.watching:
                    self._run_through()
                else:
                    with claiming:
                        alone = session.take(self._whole)
                    if alone:
                        self._run_on_nodes()
            while not self.done:
                self.step(begin=False)
        finally:
            session.running = False
        if events.watching:
            events.emit(events.BackwardEnd(self))
        return self

    def _run_on_nodes(self) -> None:
        """Take every remaining step, with the gradients kept on the nodes: see quick.py."""
        seeds, self.grads = self.grads, OnNodes()
        for edge, g in seeds.items():
            edge.incoming = g
        special = self._stop | {edge.node for edge in self._capture}
        oldest = next((node.seq for node in reversed(self.plan) if node.__class__ is not AccumulateGrad), Last.write)
        overwritten = Last.write > oldest
        freed, i = None if self.retain_graph else self._freed, self.cursor
        try:
            for node in self.plan[i:]:
                if node.push is None or node in special or not (node.extra is None or node.extra.quiet):
                    self.cursor = i
                    leaf = node.__class__ is AccumulateGrad
                    if leaf and node.incoming is not None:
                        node.incoming = owned(node.incoming)
                    if leaf and node not in special and node.extra is None and node.variable._hooks is None:
                        if node.incoming is not None:
                            self._accumulate(node, self.grads.pop(node))
                    else:
                        self.step(begin=False)
                else:  # `step` says the same with journal, hooks and observers
                    visit((node,), overwritten, freed)
                i += 1
        finally:
            self.cursor, self.grads = i, {}
            for node in self._whole:
                node.incoming = None

    def _run_through(self) -> None:
        """Take every remaining step where rules are recorded or somebody watches; what is unusual is left to `step`."""
        special = self._stop | {edge.node for edge in self._capture}
        grads, recorded = self.grads, self.create_graph
        before: list[tuple[Any, Any]]
        mode, session = grad_mode.set(recorded), running.set(self)
        try:
            for node in self.plan[self.cursor :]:
                op, extra = node.op, node.extra
                if op is not None:  # one output, and real numbers or rules that are made for complex ones
                    plain = node.shape is not None and (node.dtype.kind != "c" or op.conjugates)
                else:
                    plain = node.__class__ is AccumulateGrad and not (node.variable._hooks or node.variable._post_hooks)
                if not plain or (extra is not None and not extra.quiet) or node in special or Anomaly.enabled:
                    self.step(begin=False)
                    continue
                g = grads.get(node)
                if g is not None:
                    if op is None:
                        self._run_leaf(node, g)
                    else:
                        saved, before = node.saved, []
                        if saved.__class__ is Freed or Last.write > node.seq:
                            _check(node)
                        try:
                            if recorded:
                                made = op.pull_recorded(RECORDED, g, node.opened(), node.parents)
                            else:
                                made = op.pull(node.device.F, g, saved, node.parents)
                            self._hand_on(node, g, made, before)
                        except BaseException:
                            put_back(grads, before)
                            node.saved = saved
                            raise
                    del grads[node]
                self.cursor += 1
        finally:
            grad_mode.reset(mode)
            running.reset(session)

    def _run_leaf(self, node: Any, g: Any) -> None:
        """The step of a leaf without hooks. If it raises, nothing changed."""
        leaf, old = node.variable, node.variable._grad
        try:
            self._accumulate(node, g)
        except BaseException:
            leaf._grad = old
            raise

    def step(self, begin: bool = True) -> Node | None:
        """Run the next node and return it; None at the end of the plan. If a rule or hook raises, nothing changed."""
        if self.done:
            return None
        if begin and self.cursor == 0 and events.watching:
            events.emit(events.BackwardBegin(self))
        node = self.plan[self.cursor]
        keys = [node] if node.shape is not None else [Output(node, i, *(s or _NONE)) for i, s in enumerate(node.shapes)]
        arrived = [self.grads.get(key) for key in keys]
        undo = Undo(node, [(key, g) for key, g in zip(keys, arrived, strict=True)])
        # As in PyTorch, a user's backward runs even where no gradient arrives; by default it is given zeros.
        if any(g is not None for g in arrived) or getattr(node, "called", False):
            try:
                node.device.guarded(self._take)(node, keys, arrived, undo)
            except BaseException as error:
                undo.apply(self.grads)
                if Anomaly.enabled:
                    tell(node, error)
                raise
        for key in keys:
            self.grads.pop(key, None)
        if self.journal is not None:
            self.journal.append(undo)
        self.cursor += 1
        if begin and self.done and events.watching:
            events.emit(events.BackwardEnd(self))
        return node

    def _take(self, node: Node, keys: list[Any], arrived: list[Any], undo: Undo) -> None:
        """One step: hooks, then into the leaf or through the node's rules."""
        mode, session, current = grad_mode.set(self.create_graph), running.set(self), running_node.set(node)
        try:
            stop = node in self._stop
            seen = run_tensor_hooks(node, arrived, self.create_graph)
            # PyTorch's way: what is handed out has been through hooks only where the pass ends.
            for key, g in zip(keys, seen if stop else arrived, strict=True):
                if key in self._capture:
                    self.captured[key] = g
            if stop:
                return
            arrived = seen
            extra = node.extra
            if extra is not None and extra.pre_hooks:
                arrived = run_pre_hooks(node, extra.pre_hooks, arrived, self.create_graph)
            if node.__class__ is AccumulateGrad:
                self._accumulate(node, arrived[0])
                if extra is not None and extra.post_hooks:
                    run_post_hooks(node, extra.post_hooks, [], arrived, self.create_graph)
            else:
                self._propagate(node, arrived, undo)
        finally:
            grad_mode.reset(mode)
            running.reset(session)
            running_node.reset(current)

    def _propagate(self, node: Node, arrived: list[Any], undo: Undo) -> None:
        """Run a node's rules and add the products to what its inputs have received."""
        _check(node)
        g = arrived[0] if node.shape is not None else tuple(arrived)
        made = products(node, g, self.create_graph)
        if node.extra is not None and node.extra.post_hooks:
            made = run_post_hooks(node, node.extra.post_hooks, made, arrived, self.create_graph)
        if Anomaly.enabled:
            look_for_nan(node, made)
        self._hand_on(node, g, made, undo.grads)

    def _hand_on(self, node: Node, g: Any, made: Any, before: list[tuple[Any, Any]]) -> None:
        """Add the products to what the inputs have received, which is noted in `before`, and give up what was kept."""
        grads, recorded = self.grads, self.create_graph
        told: list[Any] | None = [] if events.watching else None
        named = node.op.inputs if node.op is not None and node.op.variadic is None else None
        for position, (edge, product) in enumerate(zip(node.parents, made, strict=True)):
            if edge is None or product is None:
                continue
            array = product._array if recorded else product
            if array.shape != edge.shape or array.dtype is not edge.dtype:
                product = fit(RECORDED if recorded else node.device.F, product, edge.shape, edge.dtype)
            old = grads.get(edge)
            before.append((edge, old))
            if old is not None:
                grads[edge] = old + product
            elif edge.__class__ is AccumulateGrad and not recorded and shared(product, g):
                grads[edge] = product.copy()
            else:
                grads[edge] = product
            if told is not None:
                told.append((edge, node.input_name(position) if named is None else named[position], product))
        if told is not None:
            events.emit(events.BackwardStep(self, node, g, tuple(told)))
        if not self.retain_graph and node.keeps_tensors:
            node.saved = self._freed
            if told is not None:
                events.emit(events.Freed(node))

    def _accumulate(self, node: Any, g: Any) -> None:
        """Add into the leaf's `.grad`, in its own memory unless a step may have to be undone."""
        leaf = node.variable
        if not leaf._needs:  # taken out of the graph since
            return
        if leaf._edge is not None:
            raise RuntimeError("leaf variable has been moved into the graph interior")
        old = leaf._grad
        before: Any = None if old is None or not events.watching else old._array
        if self.create_graph:
            leaf._grad = g if old is None else old + g
        elif old is None:
            if leaf._hooks or (g.base is not None and (self.journal is not None or node.extra is not None)):
                g = g.copy()
            leaf._grad = first_grad(g, leaf, node.device)
        elif self.journal is not None:
            leaf._grad = Tensor._of(node.device.wrap(old._array + g), node.device)
        else:
            if before is not None:  # observers hear of both, and this memory is about to be written
                before = before.copy()
            old._array += g
            wrote(old, "accumulation into .grad")
        if events.watching:
            events.emit(events.Accumulate(self, leaf, before, leaf._grad._array))
        if leaf._post_hooks:
            self._after_accumulation(leaf)

    def _after_accumulation(self, leaf: Any) -> None:
        """Hooks on a leaf whose gradient has just grown."""
        mode = grad_mode.set(self.create_graph)
        try:
            for hook in list(leaf._post_hooks.values()):
                answer = hook(leaf)
                if answer is not None:
                    kind = type(answer).__name__
                    raise TypeError(f"expected Variable, but hook returned '{kind}'")
        finally:
            grad_mode.reset(mode)

    # -- going back ----------------------------------------------------------------------------------------------
    def back(self) -> Node | None:
        """Undo the last step and return its node; None at the start."""
        if self.journal is None:
            raise RuntimeError("this backward pass keeps no journal, so it cannot go back; use Backward(roots)")
        if not self.journal:
            return None
        undo = self.journal.pop()
        undo.apply(self.grads)
        self.cursor -= 1
        return undo.node

    def seek(self, position: int) -> Backward:
        """Step or go back until `position` steps have been taken."""
        if not 0 <= position <= len(self.plan):
            raise IndexError(f"position {position} is outside the plan of {len(self.plan)} steps")
        while self.cursor < position:
            self.step()
        while self.cursor > position:
            self.back()
        return self
