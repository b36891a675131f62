"""The backward pass at full speed says the same as the one that can be stepped, and leaves nothing behind."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.core import quick
from gradviz.core.backward import Backward
from gradviz.core.node import Node
from gradviz.core.op import OPS

Program = Callable[[Any, Any], Any]
PROGRAMS: dict[str, Program] = {
    "chain": lambda x, w: ((x * w).tanh() + x).sum(),
    "spread": lambda x, w: (x * w[0] + w.sum(0)).exp().sum(),
    "several readers": lambda x, w: sum((y := x * w) * i + y.sigmoid() for i in range(4)).sum(),
    "a leaf itself, often": lambda x, w: (x + x + x + w + x).sum(),
    "several outputs": lambda x, w: (lambda a, b: (a * b).sum())(*(x * w).unbind(0)[:2]),
    "one of several outputs": lambda x, w: (x * w).unbind(0)[1].sum(),
    "many inputs": lambda x, w: torch.cat([x, x * w, w]).pow(2).sum(),
    "a number": lambda x, w: ((x * 2 - 1.5) / 3 + (2 - w) ** 3).sum(),
    "two types": lambda x, w: (x.double() * w).float().sum(),
    "complex": lambda x, w: torch.complex(x, w).exp().abs().sum(),
    "matrices": lambda x, w: torch.nn.functional.linear(x, w).relu().mean(),
    "a view": lambda x, w: (x.t()[1:] * w.t()[:-1]).reshape(-1).sum(),
    "written in place": lambda x, w: (x * w).mul_(2).exp_().sum(),
    "numbers alone": lambda x, w: x.sum() * w.mean() + 1,
}


def leaves() -> tuple[Any, Any]:
    draw = np.random.default_rng(3)
    x, w = (torch.tensor(draw.standard_normal((3, 3)).astype(np.float32), requires_grad=True) for _ in range(2))
    return x, w


def same(a: Any, b: Any) -> None:
    assert (a is None) == (b is None)
    if a is not None:
        assert a.dtype is b.dtype
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def nodes_of(root: Any) -> list[Node]:
    found, stack = {}, [root._edge.node]
    while stack:
        node = stack.pop()
        if node not in found:
            found[node] = None
            stack += [e.node for e in node.parents if e is not None]
    return list(found)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each pass was one at full speed."""
    seen, run = [], quick.run

    def call(*args: Any) -> bool:
        seen.append(run(*args))
        return seen[-1]

    monkeypatch.setattr(quick, "run", call)
    return seen


@pytest.mark.parametrize("times", [1, 2], ids=["once", "twice"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_same_bits_as_step_by_step(name: str, times: int) -> None:
    (x, w), (a, b) = leaves(), leaves()
    for _ in range(times):
        PROGRAMS[name](x, w).backward()
        Backward([PROGRAMS[name](a, b)]).run()
    same(x.grad, a.grad)
    same(w.grad, b.grad)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_graph_that_is_kept_can_run_again_and_nothing_stays_on_it(name: str) -> None:
    x, w = leaves()
    loss = PROGRAMS[name](x, w)
    loss.backward(retain_graph=True)
    first = x.grad.clone()
    assert all(node.incoming is None for node in nodes_of(loss))
    x.grad = w.grad = None
    torch.autograd.grad(loss, [w], retain_graph=True, allow_unused=True)
    assert x.grad is None
    assert all(node.incoming is None for node in nodes_of(loss))
    loss.backward()
    same(x.grad, first)


@pytest.mark.parametrize(
    ("name", "fast"), [("chain", True), ("several outputs", True), ("many inputs", True), ("complex", False)]
)
def test_what_is_usual_runs_at_full_speed(name: str, fast: bool, counted: list[bool]) -> None:
    x, w = leaves()
    PROGRAMS[name](x, w).backward()
    assert counted == [fast]


UNUSUAL: dict[str, Callable[[Any, Any, Any], Any]] = {
    "a hook on a leaf": lambda x, w, y: x.register_hook(lambda g: g * 2),
    "a hook on a result": lambda x, w, y: y.register_hook(lambda g: g * 2),
    "a hook after accumulation": lambda x, w, y: x.register_post_accumulate_grad_hook(lambda p: None),
    "a hook on a node": lambda x, w, y: y.grad_fn.register_hook(lambda given, arrived: None),
    "a gradient to retain": lambda x, w, y: y.retain_grad(),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_unusual_is_left_to_the_general_pass(name: str, counted: list[bool]) -> None:
    x, w = leaves()
    y = x * w
    UNUSUAL[name](x, w, y)
    y.tanh().sum().backward()
    assert counted == [False]
    a, b = leaves()
    (a * b).tanh().sum().backward()
    same(x.grad, a.grad * 2 if name in ("a hook on a leaf", "a hook on a result") else a.grad)


def test_gradients_do_not_share_memory() -> None:
    """A leaf owns its gradient, even where it is the very gradient that arrived elsewhere too."""
    x, w = leaves()
    given = torch.ones(3, 3)
    (x + w).backward(given)
    x.grad.mul_(5)
    assert w.grad.tolist() == given.tolist() == [[1.0] * 3] * 3


# -- when something raises -----------------------------------------------------------------------------------------
@pytest.fixture
def broken_sin(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[BaseException]]:
    """A sine whose rule raises."""
    yield from _broken(monkeypatch, ZeroDivisionError)


@pytest.fixture
def interrupted_sin(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[BaseException]]:
    yield from _broken(monkeypatch, KeyboardInterrupt)


def _broken(monkeypatch: pytest.MonkeyPatch, kind: type[BaseException]) -> Iterator[type[BaseException]]:
    def push(node: Any, g: Any, freed: Any) -> None:
        raise kind

    new = OPS["sin"].call

    def sin(x: Any) -> Any:
        y = new(x)
        y._edge.push = push
        return y

    monkeypatch.setattr(torch.Tensor, "sin", sin)
    yield kind


@pytest.mark.parametrize("fixture", ["broken_sin", "interrupted_sin"])
def test_leaves_that_were_done_have_their_gradient_and_others_none(fixture: str, request: Any) -> None:
    """As in PyTorch: w is fed by what ran before the sine failed; x would have got more from behind it."""
    kind = request.getfixturevalue(fixture)
    x, w = leaves()
    v = torch.ones(3, 3, requires_grad=True)
    loss = (((x * v).sin() * w) + x).sum()
    with pytest.raises(kind):
        loss.backward(retain_graph=True)
    assert w.grad is not None
    assert x.grad is None
    assert v.grad is None
    assert all(node.incoming is None for node in nodes_of(loss))
    assert not any(node.claim.running for node in nodes_of(loss))


def test_a_write_is_noticed_after_the_result_left_the_graph() -> None:
    x, w = leaves()
    y = x.exp()
    z = (y + w).sum()
    y.detach_().zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


def test_a_write_is_noticed_before_the_rule_runs() -> None:
    x, w = leaves()
    y = x.exp()
    z = (y * w).sum()
    y.detach().mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()
    assert x.grad is None


# -- several passes at once ----------------------------------------------------------------------------------------
def test_a_pass_inside_a_pass_over_the_same_nodes() -> None:
    x, w = leaves()
    shared = x * w
    inner = shared.tanh().sum()

    class Again(torch.autograd.Function):
        @staticmethod
        def forward(_: Any, y: Any) -> Any:
            return y.clone()

        @staticmethod
        def backward(_: Any, g: Any) -> Any:
            inner.backward(retain_graph=True)
            return g

    Again.apply(shared).sum().backward(retain_graph=True)
    a, b = leaves()
    ((a * b).tanh().sum() + (a * b).sum()).backward()
    np.testing.assert_allclose(x.grad.numpy(), a.grad.numpy(), rtol=1e-6)
    np.testing.assert_allclose(w.grad.numpy(), b.grad.numpy(), rtol=1e-6)


def test_a_pass_meets_the_nodes_of_one_that_is_running() -> None:
    x, w = leaves()
    loss = (x * w).tanh().sum()
    session = quick.Pass()
    assert session.claim(loss._edge) is not None
    assert quick.run(loss, None, True) is False
    loss.backward(retain_graph=True)  # by the general pass, with a dict
    session.running = False
    first = x.grad.clone()
    x.grad = w.grad = None
    assert quick.run(loss, None, True) is True
    same(x.grad, first)


def test_threads_share_a_graph() -> None:
    """Each thread goes through the same nodes for a loss of its own."""
    x, _ = leaves()
    y = x
    for _ in range(100):
        y = (y * 1.01).tanh() + x
    losses = [(y * i).sum() for i in range(1, 9)]
    failed: list[BaseException] = []
    found: list[Any] = [None] * len(losses)

    def work(i: int) -> None:
        try:
            for _ in range(10):
                found[i] = torch.autograd.grad(losses[i], [x], retain_graph=True)[0]
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(losses))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed
    for i, loss in enumerate(losses):
        same(found[i], torch.autograd.grad(loss, [x], retain_graph=True)[0])


def test_a_deep_graph_needs_no_recursion_and_is_freed() -> None:
    x = torch.ones(2, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y + x
    gc.disable()
    try:
        y.sum().backward()
    finally:
        gc.enable()
    assert x.grad.tolist() == [100_001.0] * 2
    del y


# -- gradients of leaves that are views of what a rule made ---------------------------------------------------------
VIEWS: dict[str, Program] = {
    "of new memory": lambda x, w: (torch.nn.functional.linear(x, w, w[0].detach()) * 2).sum(),
    "both of the same": lambda x, w: (x.reshape(9) + w.reshape(9)).mul(2).sum(),
    "of what is spread": lambda x, w: (x.reshape(9).sum() * w.view(9)).sum(),
    "of a part": lambda x, w: torch.cat([x, w]).mul(3).sum(),
    "and a sum": lambda x, w: (x.reshape(9) * w.reshape(9) + x.view(9)).sum(),
}


@pytest.mark.parametrize("name", VIEWS)
def test_gradients_that_are_views_are_nobody_elses(name: str) -> None:
    (x, w), (a, b) = leaves(), leaves()
    VIEWS[name](x, w).backward()
    Backward([VIEWS[name](a, b)]).run()
    same(x.grad, a.grad)
    same(w.grad, b.grad)
    assert not np.shares_memory(x.grad.numpy(), w.grad.numpy())
    assert x.grad.is_contiguous()
    assert x.grad.numpy().flags.writeable
    for leaf in (x, w):
        whole = leaf.grad.numpy() if leaf.grad.numpy().base is None else leaf.grad.numpy().base
        assert whole.nbytes == leaf.grad.numpy().nbytes  # no larger array is kept alive


def test_a_gradient_that_came_from_outside_is_copied() -> None:
    x, _ = leaves()
    seed = torch.ones(9)
    x.reshape(9).backward(seed)
    assert not np.shares_memory(x.grad.numpy(), seed.numpy())
    seed.zero_()
    assert x.grad.sum() == 9


def test_a_layers_weights_keep_the_array_that_was_made_for_them() -> None:
    x, w = leaves()
    torch.nn.functional.linear(x.detach(), w, w[0].detach()).sum().backward()
    assert w.grad.numpy().base is not None


def test_hooks_get_an_array_of_their_own() -> None:
    x, w = leaves()
    w.register_hook(lambda g: g.mul_(2))
    y = torch.nn.functional.linear(x, w, w[0].detach()) * 3
    y.sum().backward()
    a, b = leaves()
    (torch.nn.functional.linear(a, b, b[0].detach()) * 3).sum().backward()
    same(x.grad, a.grad)
    np.testing.assert_array_equal(w.grad.numpy(), 2 * b.grad.numpy())


# -- writes in place -------------------------------------------------------------------------------------------------
WRITES: dict[str, Program] = {
    "a result": lambda x, w: (x * w).add_(x).relu_().sum(),
    "overwritten by numbers": lambda x, w: ((x * w).zero_() + x).sum(),
    "seen by a view": lambda x, w: (v := (y := x * w)[0]).sum() + y.mul_(2).sum() + v.sum(),
}


@pytest.mark.parametrize("name", WRITES)
def test_writes_in_place_do_not_slow_a_pass_down(name: str, counted: list[bool]) -> None:
    (x, w), (a, b) = leaves(), leaves()
    WRITES[name](x, w).backward()
    Backward([WRITES[name](a, b)]).run()
    assert counted == [True]
    same(x.grad, a.grad)
    same(w.grad, b.grad)
