"""A backward pass that somebody watches: the same steps, bits and errors as one that is stepped or that nobody sees."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.core import Backward, events
from gradviz.nn import functional as F

Made = tuple[torch.Tensor, list[torch.Tensor]]


def network() -> Made:
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(8, 3)
    )
    return F.cross_entropy(net(torch.randn(2, 1, 6, 6)), torch.tensor([0, 2])), list(net.parameters())


def fan() -> Made:
    torch.manual_seed(1)
    a, b = torch.randn(3, 3, requires_grad=True), torch.randn(3, requires_grad=True)
    c = a * b + a
    u, v, w = c.unbind(0)
    return (u * v + w * c.sum(0) + (b + b).exp()).sum(), [a, b]


def hooked() -> Made:
    torch.manual_seed(2)
    a = torch.randn(4, requires_grad=True)
    b = a.tanh()
    b.register_hook(lambda g: g * 2)
    c = b * a
    c.retain_grad()
    return (c * c).sum(), [a, c]


def complex_numbers() -> Made:
    torch.manual_seed(3)
    z = torch.randn(3, dtype=torch.complex64, requires_grad=True)
    return (z * z.exp()).abs().sum(), [z]


PROGRAMS: list[Callable[[], Made]] = [network, fan, hooked, complex_numbers]


class Log(list[Any]):
    """What happened in a pass, as bytes; nothing is kept alive."""

    def __call__(self, event: Any) -> None:
        kind = type(event)
        if kind is events.BackwardStep:
            sent = [(edge.node.name(), edge.nr, name, _bytes(g)) for edge, name, g in event.messages]
            self.append((event.session.cursor, event.node.name(), _bytes(event.grad), sent))
        elif kind is events.Accumulate:
            self.append((event.session.cursor, _bytes(event.before), _bytes(event.after)))
        elif kind is events.Freed:
            self.append(event.node.name())


def _bytes(g: Any) -> Any:
    return [_bytes(x) for x in g] if isinstance(g, tuple) else None if g is None else np.asarray(g).tobytes()


@pytest.mark.parametrize("make", PROGRAMS)
def test_what_is_heard_of_a_pass_is_what_is_heard_of_its_steps(make: Callable[[], Made]) -> None:
    heard = []
    for stepped in (False, True):
        loss, _ = make()
        with events.observe(Log()) as log:
            if stepped:
                session = Backward([loss], journal=False)
                while session.step() is not None:
                    pass
            else:
                loss.backward()
        heard.append(list(log))
    assert heard[0] == heard[1]
    assert len(heard[0]) > 5


@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("make", PROGRAMS)
def test_watching_changes_no_bit(make: Callable[[], Made], passes: int) -> None:
    found = []
    for watch in (False, True):
        loss, wanted = make()
        with torch.record() if watch else contextlib.nullcontext():
            for left in reversed(range(passes)):
                loss.backward(retain_graph=left > 0)
        found.append([np.asarray(x.grad.detach()).tobytes() for x in wanted])
    assert found[0] == found[1]


def test_an_error_in_the_middle_leaves_the_pass_before_that_step() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x.exp()
    loss = (y * 3).sum()
    y.detach().zero_()
    session = Backward([loss], journal=False)
    with torch.record() as tape, pytest.raises(RuntimeError, match="modified by an inplace operation"):
        session.run()
    assert session.cursor == 2
    assert [g.tolist() for g in session.grads.values()] == [[3.0, 3.0]]
    assert x.grad is None
    assert [step["kind"] for step in tape.steps].count("backward") == 2


@pytest.mark.parametrize("kind", [events.BackwardStep, events.Freed, events.Accumulate])
def test_a_listener_that_raises_leaves_the_pass_before_that_step(kind: type) -> None:
    """The library's own listeners may raise; then the step can be taken again."""

    def refuse(event: Any) -> None:
        if isinstance(event, kind) and (kind is events.Accumulate or event.node.name() == "MulBackward0"):
            raise ValueError("not now")

    x = torch.tensor([1.0, 2.0], requires_grad=True)
    session = Backward([(x * x).sum()], journal=False)
    events.listen(refuse)
    try:
        with pytest.raises(ValueError, match="not now"):
            session.run()
    finally:
        events.unlisten(refuse)
    assert not session.done
    assert x.grad is None
    session.run()
    assert x.grad.tolist() == [2.0, 4.0]


@pytest.mark.parametrize("retain", [False, True])
def test_local_derivatives_are_those_of_then(retain: bool) -> None:
    """They are worked out late, from what nodes kept: here all of that is written over before anybody looks."""
    x = torch.tensor([1.0, -2.0], requires_grad=True)
    w = torch.tensor([3.0, 4.0], requires_grad=True)
    with torch.record() as tape:
        product = x * w
        cut = product.relu()
        grown = cut.exp()
        (grown / w).sum().backward(retain_graph=retain)
        for tensor in (x, w, product, cut, grown):
            tensor.data.fill_(100.0)
    ops = {node["n"]: node["op"] for node in tape.recording.nodes}
    local = {
        (ops[s["n"]], m["slot"]): m["local"]["data"] for s in tape.steps if s["kind"] == "backward"
        for m in s["messages"] if m["local"] is not None
    }  # fmt: skip
    e3 = float(np.exp(np.float32(3.0)))
    expected = {
        ("mul", "a"): [3.0, 4.0], ("mul", "b"): [1.0, -2.0], ("relu", "x"): [1.0, 0.0], ("exp", "x"): [e3, 1.0],
        ("div", "a"): [1 / 3, 0.25], ("div", "b"): [-e3 / 9, -1 / 16],
    }  # fmt: skip
    assert local.keys() == expected.keys()
    assert all(local[key] == pytest.approx(expected[key]) for key in expected)


def test_what_a_graph_goes_on_to_keep_is_copied() -> None:
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    with torch.record() as tape:
        scaled = x.exp() * 2
        scaled.sum().backward(retain_graph=True)
        scaled.grad_fn.next_functions[0][0]._saved_result.data.fill_(100.0)
    last = [step for step in tape.steps if step["kind"] == "backward"][-1]
    assert last["messages"][0]["local"]["data"] == pytest.approx([1.0, np.e])


def test_a_weights_gradient_is_told_as_it_was() -> None:
    """On its way through the transposed weight it is seen in one piece of memory, of which the leaf has a copy."""
    layer = torch.nn.Linear(3, 2)
    x = torch.tensor([[1.0, 2.0, 3.0]])
    with torch.record() as tape:
        layer(x).sum().backward()
        layer.weight.grad.fill_(-1.0)
    last = next(s for s in tape.steps if s["kind"] == "backward" and tape.nodes[s["n"]]["op"] == "t")
    assert last["messages"][0]["product"]["data"] == [1.0, 2.0, 3.0] * 2
    told = [s["after"]["data"] for s in tape.steps if s["kind"] == "accumulate"]
    assert [1.0, 2.0, 3.0] * 2 in told


def test_what_a_leaf_has_after_a_pass_that_began_at_it_is_more_than_it_was_sent() -> None:
    leaf = torch.ones(2, requires_grad=True)
    with torch.record() as tape:
        torch.autograd.backward([leaf, leaf * 3], [torch.ones(2), torch.ones(2)])
    assert next(s["after"]["data"] for s in tape.steps if s["kind"] == "accumulate") == [4.0, 4.0]
    assert leaf.grad.tolist() == [4.0, 4.0]
