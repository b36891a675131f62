"""In-place on views: the history of the base and of every view, the errors, stepping, freeing, recording."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.core.walk import with_backward
from tests.oracle.same import first_sentence, same

X, W = [[1.0, 2.0], [3.0, 4.0]], [2.0, 5.0]


def program(torch: Any) -> tuple[Any, Any, Any]:
    """A base written through two views, a view read afterwards, and the whole written in place."""
    x, w = torch.tensor(X, requires_grad=True), torch.tensor(W, requires_grad=True)
    b = x * 1
    row = b[0]
    b[1] = w
    row.mul_(w)
    turned = b.t()
    b.exp_()
    return (b.sum() + (row * turned[0]).sum()), x, w


@pytest.mark.oracle
def test_gradients_equal_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    results = []
    for library in (torch, gradviz):
        loss, x, w = program(library)
        loss.backward()
        results.append((loss.item(), x.grad.numpy(), w.grad.numpy()))
    for want, got in zip(*results, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.oracle
@pytest.mark.parametrize(
    "write",
    [
        "b[0].mul_(w)",
        "b[0] = w * w",
        "b[:, 1].sigmoid_()",
        "b.t()[0].mul_(w)",
        "b.view(-1)[1:].tanh_()",
        "b.diagonal().pow_(3)",
    ],
)
def test_second_gradients_go_through_the_write(write: str) -> None:
    pytest.importorskip("torch")
    same(f"b = x * x\n{write}\nb * b", x=(2, 2), w=(2,), text=False)


def test_stepping_back_and_again_gives_the_same_bits() -> None:
    def grads(walk: Callable[[Any], None]) -> list[Any]:
        loss, x, w = program(gradviz)
        session = gradviz.autograd.Backward([loss], retain_graph=True)
        walk(session)
        return [x.grad.tolist(), w.grad.tolist()]

    def there_and_back(session: Any) -> None:
        for position in range(len(session) + 1):
            session.seek(position)
        session.seek(0).run()

    assert grads(lambda session: session.run()) == grads(there_and_back)


def test_graphs_with_written_views_are_freed_without_the_collector() -> None:
    gc.disable()
    try:
        loss, _, _ = program(gradviz)
        node = weakref.ref(loss.grad_fn)
        inner = weakref.ref(loss.grad_fn.next_functions[0][0])
        del loss
        assert node() is None
        assert inner() is None
    finally:
        gc.enable()


def test_dead_views_are_forgotten() -> None:
    base = gradviz.zeros(4)
    for _ in range(200):
        base[1:]
    assert len(base._views) < 64


def test_a_second_backward_says_what_was_freed() -> None:
    loss, _, _ = program(gradviz)
    loss.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        loss.backward()


def test_a_recording_steps_and_replays() -> None:
    with gradviz.record() as tape:
        loss, x, _ = program(gradviz)
    recording = with_backward(loss, tape.recording)
    assert x.grad is None
    steps = [s for s in recording.steps if s["kind"] == "backward"]
    assert all(s["n"] >= 0 and all(m["to"] >= 0 for m in s["messages"]) for s in steps)
    again = recording.replay({"w": [1.0, 1.0]})
    want, _, _ = _with_w([1.0, 1.0])
    root = next(s["root"] for s in again.steps if s["kind"] == "backward_begin")
    assert again.nodes[root]["value"]["data"] == pytest.approx([want.item()])
    loss.backward()
    last = {recording.nodes[s["n"]]["label"]: s["after"] for s in recording.steps if s["kind"] == "accumulate"}
    assert set(last) == {"x", "w"}


def _with_w(values: list[float]) -> tuple[Any, Any, Any]:
    global W
    before, W = W, values
    try:
        return program(gradviz)
    finally:
        W = before


WRITES = {
    "leaf": "x.mul_(2)",
    "view of a leaf": "x[0].mul_(2)",
    "index of a leaf": "x[0] = 1.0",
    "index_put on a leaf": "x[[0]] = 1.0",
    "one of several views": "(x * 1).unbind()[0].mul_(2)",
    "one of several pieces": "(x * 1).chunk(2)[1].add_(1)",
    "a view of one of several": "(x * 1).split(1)[0][0].add_(1)",
    "several views, a value that requires grad": "torch.zeros(2, 2).chunk(2)[0].mul_(x[:1])",
    "a view made under no_grad": "b = x * 1\nwith torch.no_grad(): v = b[0]\nv.mul_(2)",
    "an expanded view": "(x * 1).expand(3, 2, 2).mul_(2)",
    "detach_ of a view": "(x * 1)[0].detach_()",
    "partial overlap": "b = torch.arange(6.)\nb[1:].add_(b[:-1])",
    "stale after a write through a view": "b = x * 1\ny = b * b\nb[0].zero_()\ny.sum().backward()",
    "x times itself in place": "b = x * 1\nb.mul_(b)\nb.sum().backward()",
    "a view that grows": "b = x * 1\nb[0].add_(x)",
    "a shape that does not fit": "b = x * 1\nb[0] = torch.zeros(3)",
    "dtype": "b = x * 1\nb.long().mul_(b)",
}


@pytest.mark.oracle
@pytest.mark.parametrize("code", WRITES.values(), ids=WRITES)
def test_refused_writes_raise_pytorchs_error_and_change_nothing(code: str) -> None:
    torch = pytest.importorskip("torch")
    texts = []
    for library in (torch, gradviz):
        names = {"torch": library, "x": library.tensor(X, requires_grad=True)}
        with pytest.raises(RuntimeError) as caught:
            exec(code, names)
        texts.append(first_sentence(str(caught.value)))
        assert names["x"].tolist() == X
    assert texts[0] == texts[1]


def test_values_are_untouched_by_a_refused_write() -> None:
    b = gradviz.tensor(X, requires_grad=True) * 1
    pieces = b.chunk(2)
    with pytest.raises(RuntimeError):
        pieces[0].zero_()
    assert b.tolist() == X
    assert b._version == 0


def test_a_user_function_that_writes_into_a_view() -> None:
    class Double(gradviz.autograd.Function):
        @staticmethod
        def forward(ctx: Any, v: Any) -> Any:
            ctx.mark_dirty(v)
            v.mul_(2)
            return v

        @staticmethod
        def backward(_ctx: Any, g: Any) -> Any:
            return g * 2

    x = gradviz.tensor(X, requires_grad=True)
    b = x * 1
    Double.apply(b[0])
    b.sum().backward()
    assert x.grad.tolist() == [[2.0, 2.0], [1.0, 1.0]]
    assert b.grad_fn.name() == "torch::autograd::CopySlices"


def test_a_wish_for_the_gradient_moves_with_the_tensor() -> None:
    x = gradviz.tensor(X, requires_grad=True)
    b = x * 1
    b.retain_grad()
    b[0].mul_(3)
    (b * 2).sum().backward()
    assert b.grad.tolist() == [[2.0, 2.0], [2.0, 2.0]]


def test_the_base_may_lie_in_memory_in_any_order() -> None:
    x = gradviz.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
    b = x.t() * 1
    assert not b.is_contiguous()
    b[1].mul_(10)
    b.sum().backward()
    assert x.grad.tolist() == [[1.0, 10.0, 1.0], [1.0, 10.0, 1.0]]


def test_memory_seen_as_two_types_refuses_a_recorded_write_before_it_happens() -> None:
    x = gradviz.tensor([1.0, 2.0], requires_grad=True)
    z = x * (1 + 1j)
    part = z.real
    for tensor in (z, part):
        with pytest.raises(NotImplementedError, match="view of another dtype"):
            tensor.mul_(2)
    assert z.tolist() == [1 + 1j, 2 + 2j]
    assert z._version == 0
