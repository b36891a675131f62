"""One backward pass in full: the gradient of every node and what each passed on, as NumPy arrays.

A record keeps the elements of small tensors only; an observer hears all of them. `of_record` is for a tape whose pass
nobody observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from gradviz.core import events
from gradviz.core.node import AccumulateGrad
from gradviz.core.record import Recording


class Pass:
    """An observer of one backward pass: the gradient of every node, and what each node passed on."""

    def __init__(self) -> None:
        self.session: Any = None  # the last pass that was not part of another
        self.running = False
        self.seed: tuple[Any, Any] | None = None
        self.sums: dict[Any, Any] = {}
        self.sent: list[tuple[Any, Any, tuple[tuple[Any, str, Any], ...]]] = []
        self.hooked: list[Any] = []  # nodes whose hooks may have changed what they passed on

    def __call__(self, event: Any) -> None:
        if isinstance(event, events.BackwardBegin) and not self.running:
            self.session, self.running = event.session, True
            self.sums, self.sent, self.hooked = {}, [], []
            self.seed = next(iter(event.session.grads.items()), None)
        elif isinstance(event, events.BackwardEnd) and event.session is self.session:
            self.running = False
        elif isinstance(event, events.BackwardStep) and event.session is self.session:
            self.sent.append((event.node, event.grad, event.messages))
            if event.node.extra is not None and event.node.extra.post_hooks:
                self.hooked.append(event.node)
            for edge, _, product in event.messages:
                array = getattr(product, "_array", product)
                self.sums[edge] = array if edge not in self.sums else self.sums[edge] + array

    def numbered(self, recorder: Any) -> Gradients:
        """The same by the numbers of a record."""

        def n_of(edge: Any) -> int | None:
            if isinstance(edge, AccumulateGrad):
                return recorder._known(edge.variable)  # type: ignore[no-any-return]
            return recorder.by_seq.get((edge.node.seq, edge.nr))  # type: ignore[no-any-return]

        grads = {n: host(edge, g) for edge, g in self.sums.items() if (n := n_of(edge)) is not None}
        sent = []
        for node, grad, messages in self.sent:
            several = grad if isinstance(grad, tuple) else (grad,)
            outputs = tuple(recorder.by_seq.get((node.seq, i)) for i in range(len(several)))
            given = [None if g is None else host(node, g) for g in several]
            sent.append((outputs, given, [(n_of(e), slot, host(e, p)) for e, slot, p in messages]))
        seed = None if self.seed is None else host(*self.seed)
        hooked = {recorder.by_seq.get((node.seq, 0)) for node in self.hooked}
        return Gradients(grads, sent, seed, hooked)


class Gradients(NamedTuple):
    """Of a backward pass, by the numbers of a record, as NumPy arrays."""

    of: dict[int, Any]
    sent: list[tuple[tuple[int | None, ...], list[Any], list[tuple[int | None, str, Any]]]]
    seed: Any
    hooked: set[int | None]


def host(edge: Any, g: Any) -> Any:
    array = getattr(g, "_array", g)
    return np.asarray(edge.node.device.to_numpy(array))


def of_record(recording: Recording) -> Gradients:
    """Of the last pass in a record: only of tensors whose elements it holds."""
    grads: dict[int, Any] = {}
    sent: list[Any] = []
    seed = None
    for step in last_pass(recording):
        if step["kind"] != "backward":
            continue
        if seed is None:
            seed = _array(step["grad"])
        messages = [(m["to"], m["slot"], _array(m["product"])) for m in step["messages"]]
        sent.append(((step["n"],), [_array(step["grad"])], messages))
        for m in step["messages"]:
            if m["k"] == m["of"] and (found := _array(m["sum"])) is not None:
                grads[m["to"]] = found
    return Gradients(grads, sent, seed, set())


def _array(value: Mapping[str, Any] | None) -> Any:
    if value is None or value.get("data") is None:
        return None
    data = [complex(x) if isinstance(x, str) and x.endswith("j") else float(x) for x in value["data"]]
    return np.asarray(data).reshape(value["shape"])


def last_pass(recording: Recording) -> list[dict[str, Any]]:
    """The steps of the last backward pass that ran by itself, from its `backward_begin` on; none if there was none.

    A checkpoint, for one, runs a pass inside another's step: that one's steps are left out.
    """
    depth, found = 0, list[dict[str, Any]]()
    for step in recording.steps:
        if step["kind"] == "backward_begin":
            depth += 1
            found = [] if depth == 1 else found
        if depth == 1:
            found.append(step)
        depth -= step["kind"] == "backward_end"
    return found
