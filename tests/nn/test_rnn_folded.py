"""Recurrent layers in one piece: the same numbers as step by step, and the same graph as soon as somebody looks."""

from __future__ import annotations

import contextlib
import gc
import re
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.core import events
from gradviz.core.backward import Backward
from gradviz.core.fold import Fold
from gradviz.core.node import Freed
from gradviz.core.ops.layers import recurrent_backward

from .both import both, equal, plain

torch = pytest.importorskip("torch")
MODES = ["LSTM", "GRU", "RNN"]


def net(lib: Any, mode: str, **options: Any) -> Any:
    lib.manual_seed(0)
    return getattr(lib.nn, mode)(3, 4, **options)


def drawn(lib: Any, *shape: int, needs: bool = True) -> Any:
    made = lib.from_numpy(np.random.RandomState(len(shape)).randn(*shape).astype("float32"))
    return made.requires_grad_(needs)


class Watched:
    """Somebody who watches: nothing is folded meanwhile."""

    def __enter__(self) -> None:
        self.seen: list[Any] = []
        self.watch = events.observe(self.seen.append)
        self.watch.__enter__()

    def __exit__(self, *error: object) -> None:
        self.watch.__exit__(*error)  # type: ignore[arg-type]


def node_of(tensor: Any) -> Any:
    """The node behind a tensor, without looking at the graph."""
    return tensor._edge.node


def grads(layer: Any, x: Any) -> list[np.ndarray]:
    return [t.grad.numpy().copy() for t in (*layer.parameters(), x)]


@pytest.mark.parametrize("mode", MODES)
def test_one_node_and_the_same_numbers(mode: str) -> None:
    layer, x = net(gradviz, mode), drawn(gradviz, 6, 2, 3)
    y, _ = layer(x)
    assert isinstance(node_of(y), Fold)
    y.pow(2).sum().backward()
    once = grads(layer, x)
    layer.zero_grad()
    x.grad = None
    with Watched():
        z, _ = layer(x)
        assert not isinstance(node_of(z), Fold)
    np.testing.assert_allclose(y.detach(), z.detach(), atol=1e-6)
    z.pow(2).sum().backward()
    for a, b in zip(once, grads(layer, x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("reads", ["outputs", "last state"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("mode", [*MODES, "relu"])
def test_steps_in_groups_give_the_same(
    mode: str, bidirectional: bool, reads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for rounding: the weights' gradients are added up by group."""
    kind, options = ("RNN", {"nonlinearity": "relu"}) if mode == "relu" else (mode, {})
    layer, x = net(gradviz, kind, bidirectional=bidirectional, **options), drawn(gradviz, 7, 2, 3)
    found = []
    for together in (recurrent_backward.TOGETHER, 1, 3 * 16 * 2):  # one group, a group a step, some steps and a rest
        monkeypatch.setattr(recurrent_backward, "TOGETHER", together)
        layer.zero_grad()
        x.grad = None
        y, last = layer(x)
        (y if reads == "outputs" else last[0] if kind == "LSTM" else last).pow(2).sum().backward()
        found.append(grads(layer, x))
    for a, *others in zip(*found, strict=True):
        for b in others:
            np.testing.assert_allclose(b, a, rtol=1e-6, atol=1e-6 * np.abs(a).max())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("options", [{}, {"num_layers": 2}, {"bidirectional": True, "bias": False}], ids=str)
def test_leaves_are_ready_in_the_same_order(mode: str, options: dict[str, Any]) -> None:
    orders = []
    for watched in (False, True):
        layer, x, seen = net(gradviz, mode, **options), drawn(gradviz, 6, 2, 3), []
        for name, p in [*layer.named_parameters(), ("x", x)]:
            p.register_post_accumulate_grad_hook(lambda p, name=name, seen=seen: seen.append(name))
        if watched:
            with Watched():
                y = layer(x)[0]
        else:
            y = layer(x)[0]
        y.sum().backward()
        orders.append(seen)
    assert orders[0] == orders[1]


def steps_of(make: Callable[[], Any]) -> list[str]:
    return [node.name() for node in Backward([make()]).plan]


def test_stepping_sees_every_step() -> None:
    layer, x = net(gradviz, "LSTM"), drawn(gradviz, 5, 2, 3)
    program = lambda: layer(x)[0].pow(2).sum()
    found = steps_of(program)
    with Watched():
        wanted = steps_of(program)
    assert found == wanted
    assert found.count("SigmoidBackward0") == 15


def test_stepping_computes_what_running_does() -> None:
    layer, x = net(gradviz, "GRU"), drawn(gradviz, 5, 2, 3)
    loss = layer(x)[0].pow(2).sum()
    loss.backward(retain_graph=True)
    want = grads(layer, x)
    layer.zero_grad()
    x.grad = None
    Backward([loss]).run()
    for a, b in zip(want, grads(layer, x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_numbers_of_unfolded_nodes_lie_where_the_layer_ran() -> None:
    layer, x = net(gradviz, "RNN"), drawn(gradviz, 3, 2, 3)
    before = x * 1
    y = layer(before)[0]
    after = y * 1
    first, last = before.grad_fn._sequence_nr(), after.grad_fn._sequence_nr()
    stack = [after.grad_fn.next_functions[0][0]]
    count = 0
    while stack:
        node = stack.pop()
        if node is None or node is before.grad_fn or "AccumulateGrad" in node.name():
            continue
        count += 1
        assert first < node._sequence_nr() < last
        stack.extend(n for n, _ in node.next_functions)
    assert count > 9


# -- hooks and gradients on the way --------------------------------------------------------------------------------
@pytest.mark.parametrize("looks", [False, True])
def test_hooks_and_retained_gradients(looks: bool) -> None:
    results = []
    for lib in (torch, gradviz):
        layer, x = net(lib, "LSTM"), drawn(lib, 4, 2, 3)
        y, (h, c) = layer(x)
        y.retain_grad()
        seen: list[Any] = []
        y.register_hook(lambda g, seen=seen: seen.append(g.sum().item()))
        y.register_hook(lambda g: g * 2)
        if looks:
            assert y.grad_fn is not None
        (y.sum() + (h * c).sum()).backward()
        results.append([seen[0], y.grad.numpy(), x.grad.numpy()])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_looking_at_one_of_two_results() -> None:
    """A hook on a step inside hears of both results that hang on the layer."""
    totals = []
    for both_looked in (False, True):
        layer, x = net(gradviz, "RNN"), drawn(gradviz, 4, 2, 3)
        y = layer(x)[0]
        a, b = y.pow(2).sum(), (y * 3).sum()
        step = a.grad_fn.next_functions[0][0].next_functions[0][0].next_functions[-1][0]
        assert step.name() == "TanhBackward0"
        if both_looked:
            assert b.grad_fn.next_functions[0][0].next_functions[0][0].name() == "StackBackward0"
        seen: list[Any] = []
        step.register_prehook(lambda gs, seen=seen: seen.append(gs[0].numpy().copy()))
        (a + b).backward()
        assert len(seen) == 1
        totals.append(seen[0])
    np.testing.assert_array_equal(*totals)


def test_gradients_of_inner_results() -> None:
    results = []
    for lib in (torch, gradviz):
        layer, x = net(lib, "GRU", num_layers=2), drawn(lib, 4, 2, 3)
        y, h = layer(x * 1)
        results.append([g.numpy() for g in lib.autograd.grad((y.pow(2).sum() + h.sum()), [y, h, x], allow_unused=True)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_second_gradients(mode: str) -> None:
    results = []
    for lib in (torch, gradviz):
        layer, x = net(lib, mode), drawn(lib, 4, 2, 3)
        loss = layer(x)[0].pow(3).sum()
        wanted = [x, *layer.parameters()]
        first = lib.autograd.grad(loss, wanted, create_graph=True)
        second = lib.autograd.grad(sum((g**2).sum() for g in first), wanted)
        results.append([g.detach().numpy() for g in (*first, *second)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_frozen_weights() -> None:
    results = []
    for lib in (torch, gradviz):
        layer, x = net(lib, "GRU").requires_grad_(False), drawn(lib, 4, 2, 3)
        layer(x)[0].pow(2).sum().backward()
        assert layer.weight_ih_l0.grad is None
        results.append(x.grad.numpy())
    np.testing.assert_allclose(*results, rtol=1e-5, atol=1e-6)


# -- writes between forward and backward ---------------------------------------------------------------------------
def written(lib: Any, name: str, looks: bool) -> list[Any]:
    """The gradients where a tensor of this name was written in place before backward."""
    layer, x = net(lib, "GRU"), drawn(lib, 4, 2, 3)
    inner = x * 1
    y = layer(inner)[0]
    loss = y.pow(2).sum() if name != "y" else y.sum()
    target = {"x": inner, "y": y}.get(name)
    with lib.no_grad():
        (getattr(layer, name) if target is None else target).add_(1)
    if looks and lib is gradviz:
        assert loss.grad_fn.next_functions[0][0].next_functions
    loss.backward()
    return [p.grad for p in (*layer.parameters(), x)]


@pytest.mark.parametrize("looks", [False, True])
@pytest.mark.parametrize("name", ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "x", "y"])
def test_in_place_writes(name: str, looks: bool) -> None:
    """What is allowed gives the same gradients as in operations, what is not the same error."""
    found = []
    for watched in (True, False):
        with Watched() if watched else contextlib.nullcontext():
            try:
                found.append(plain(written(gradviz, name, looks)))
            except RuntimeError as error:
                found.append(re.sub(r"output 0 of \w+", "", str(error)))  # a view that is written is seen anew
    assert isinstance(found[0], str) == (name.startswith("weight") or name == "x")
    equal(found[1], found[0])


def test_biases_may_be_written_before_somebody_looks() -> None:
    """The steps are run again with the values that the layer was run with."""
    layer, x = net(gradviz, "LSTM"), drawn(gradviz, 4, 2, 3)
    loss = layer(x)[0].pow(2).sum()
    loss.backward(retain_graph=True)
    want = grads(layer, x)
    layer.zero_grad()
    x.grad = None
    with gradviz.no_grad():
        layer.bias_ih_l0.mul_(5)
        layer.bias_hh_l0.add_(1)
    Backward([loss]).run()
    for a, b in zip(want, grads(layer, x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


# -- memory --------------------------------------------------------------------------------------------------------
def test_a_graph_that_was_freed_still_has_its_shape() -> None:
    layer, x = net(gradviz, "GRU"), drawn(gradviz, 4, 2, 3)
    with Watched():
        wanted = names(layer(x)[0].sum().grad_fn)
    loss = layer(x)[0].sum()
    loss.backward()
    inner = loss.grad_fn.next_functions[0][0]
    assert names(loss.grad_fn) == wanted
    step = inner.next_functions[0][0]
    assert step.saved.__class__ is Freed or not step.keeps_tensors
    both(lambda lib: twice(lib))


def twice(lib: Any) -> None:
    loss = net(lib, "LSTM")(drawn(lib, 4, 2, 3))[0].sum()
    loss.backward()
    loss.backward()


def names(node: Any) -> list[str]:
    found, stack, seen = [], [node], set()
    while stack:
        node = stack.pop()
        if node is not None and node not in seen:
            seen.add(node)
            found.append(node.name())
            stack.extend(n for n, _ in node.next_functions)
    return found


@pytest.mark.parametrize("looks", [False, True])
def test_freed_by_counting(looks: bool) -> None:
    gc.collect()
    gc.disable()
    try:
        layer, x = net(gradviz, "LSTM"), drawn(gradviz, 4, 2, 3)
        y, _ = layer(x)
        loss = y.sum()
        if looks:
            assert names(loss.grad_fn)
        node, memory = weakref.ref(node_of(y)), weakref.ref(y)
        del loss, y, _
        assert node() is None
        assert memory() is None
    finally:
        gc.enable()


def test_no_graph_keeps_no_steps() -> None:
    layer, x = net(gradviz, "LSTM"), drawn(gradviz, 6, 2, 3, needs=False)
    with gradviz.no_grad():
        y, (h, c) = layer(x)
    assert y.grad_fn is None
    assert not y.requires_grad
    z, (h2, c2) = layer(x)
    for a, b in ((y, z), (h, h2), (c, c2)):
        np.testing.assert_array_equal(a, b.detach())
        assert a.is_contiguous()


def test_saved_tensor_hooks_see_the_steps() -> None:
    layer, x, packed = net(gradviz, "RNN"), drawn(gradviz, 4, 2, 3), []
    with gradviz.autograd.graph.saved_tensors_hooks(lambda t: (packed.append(t), t)[1], lambda t: t):
        layer(x)[0].sum().backward()
    assert len(packed) > 8


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_anomaly_names_the_step() -> None:
    layer, x = net(gradviz, "RNN"), drawn(gradviz, 4, 2, 3)
    y = layer(x)[0]
    y.register_hook(lambda g: g * float("nan"))
    with gradviz.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="'StackBackward0' returned nan"):
        y.sum().backward()


def test_looking_once_does_not_unfold_what_comes_later() -> None:
    layer, x = net(gradviz, "GRU", num_layers=2), drawn(gradviz, 4, 2, 3)
    looked = layer(x)[0].sum()
    assert names(looked.grad_fn)
    y = layer(x)[0]
    (y.sum() + looked).backward()
    assert isinstance(node_of(y), Fold)
    assert node_of(y).parts is None


def test_unfolding_keeps_the_inputs_of_upper_layers() -> None:
    layer, x = net(gradviz, "RNN", num_layers=2), drawn(gradviz, 4, 2, 3)
    step = layer(x)[0].grad_fn.next_functions[0][0]
    while step.name() != "AddmmBackward0" or step.next_functions[1][0].name() != "ViewBackward0":
        step = step.next_functions[-1 if step.name() == "AddBackward0" else 0][0]
    view = step.next_functions[1][0]
    assert view.next_functions[0][0].name() == "StackBackward0"


# -- cells ---------------------------------------------------------------------------------------------------------
CELLS = ["LSTMCell", "GRUCell", "RNNCell"]


def loop(cell: Any, xs: Any, steps: int = 4) -> Any:
    """The last state of a cell's loop, and all states on the way."""
    state: Any = None
    seen = []
    for t in range(steps):
        state = cell(xs[t], state)
        seen.append(state[0] if isinstance(state, tuple) else state)
    return seen[-1], seen


@pytest.mark.parametrize("mode", CELLS)
@pytest.mark.parametrize("bias", [True, False])
def test_a_cell_in_a_loop(mode: str, bias: bool) -> None:
    results = []
    for lib in (torch, gradviz):
        cell, xs = net(lib, mode, bias=bias), drawn(lib, 4, 2, 3)
        last, seen = loop(cell, xs)
        if lib is gradviz:
            assert all(isinstance(node_of(h), Fold) for h in seen)
        (last.pow(2).sum() + seen[1].sum()).backward()
        results.append([p.grad.numpy() for p in (*cell.parameters(), xs)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", CELLS)
def test_a_cell_unfolds(mode: str) -> None:
    cell, xs = net(gradviz, mode), drawn(gradviz, 4, 2, 3)
    program = lambda: loop(cell, xs)[0].sum()
    found = steps_of(program)
    with Watched():
        wanted = steps_of(program)
    assert found == wanted


@pytest.mark.parametrize("mode", CELLS)
def test_second_gradients_of_a_cell(mode: str) -> None:
    results = []
    for lib in (torch, gradviz):
        cell, xs = net(lib, mode), drawn(lib, 4, 2, 3)
        wanted = [xs, *cell.parameters()]
        first = lib.autograd.grad(loop(cell, xs)[0].pow(3).sum(), wanted, create_graph=True)
        second = lib.autograd.grad(sum((g**2).sum() for g in first), wanted)
        results.append([g.detach().numpy() for g in (*first, *second)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)


def test_looking_at_a_long_loop_needs_no_deep_stack() -> None:
    cell, xs = gradviz.nn.RNNCell(1, 1), gradviz.zeros(3000, 1, 1)
    last, _ = loop(cell, xs, 3000)
    assert last.grad_fn.name() == "TanhBackward0"
    assert len(names(last.grad_fn)) > 9000


@pytest.mark.parametrize("looks", [False, True])
@pytest.mark.parametrize("mode", CELLS)
@pytest.mark.parametrize("name", ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "x", "h"])
def test_in_place_writes_around_a_cell(mode: str, name: str, looks: bool) -> None:
    found = []
    for watched in (True, False):
        cell, x = net(gradviz, mode), drawn(gradviz, 2, 3)
        inner = x * 1
        with Watched() if watched else contextlib.nullcontext():
            made = cell(inner)
            loss = (made[1] if isinstance(made, tuple) else made).sum()
            target = {"x": inner, "h": made[0] if isinstance(made, tuple) else made}.get(name)
            with gradviz.no_grad():
                (getattr(cell, name) if target is None else target).add_(1)
            if looks:
                assert loss.grad_fn.next_functions[0][0].name()
            try:
                loss.backward()
                found.append([p.grad for p in (*cell.parameters(), x)])
            except RuntimeError as error:
                found.append(re.sub(r"output 0 of \w+", "", str(error)))
    assert type(found[0]) is type(found[1])
    equal(plain(found[1]), plain(found[0]))


def test_a_step_whose_weights_were_written_stays_folded() -> None:
    """What the operations do not keep, and is no more what it was, cannot be computed again."""
    cell, x = net(gradviz, "LSTMCell"), drawn(gradviz, 2, 3, needs=False)
    loss = cell(x)[0].sum()
    loss.backward(retain_graph=True)
    want = [p.grad.numpy().copy() for p in cell.parameters()]
    cell.zero_grad()
    with gradviz.no_grad():
        cell.weight_ih.mul_(3)
    assert loss.grad_fn.next_functions[0][0].name() == "LstmCellBackward0"
    Backward([loss]).run()
    for a, p in zip(want, cell.parameters(), strict=True):
        np.testing.assert_array_equal(a, p.grad.numpy())


def test_written_biases_in_a_loop_of_steps() -> None:
    """Backward goes through the operations of every step then, and meets the steps before it folded."""
    cell, xs = net(gradviz, "GRUCell"), drawn(gradviz, 4, 2, 3)
    found = []
    for write in (False, True):
        last, _ = loop(cell, xs)
        if write:
            with gradviz.no_grad():
                cell.bias_ih.add_(1)
        last.sum().backward()
        found.append([p.grad.numpy().copy() for p in (*cell.parameters(), xs)])
        cell.zero_grad()
        xs.grad = None
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-6)
