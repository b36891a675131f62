"""Recurrent layers and cells against PyTorch: starts, outputs, gradients, packed sequences, the graph, errors."""

from __future__ import annotations

import copy
import re
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz

from .both import both, equal, flat, plain

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")

OPTIONS = {
    "plain": "",
    "two layers": "num_layers=2",
    "no bias": "bias=False, num_layers=2",
    "batch first": "batch_first=True",
    "both ways": "bidirectional=True",
    "all": "num_layers=3, batch_first=True, bidirectional=True, dropout=0.4",
    "float64": "dtype=torch.float64, num_layers=2, bidirectional=True, bias=False",
}
KINDS = ["RNN", "RNN relu", "LSTM", "LSTM proj", "GRU"]
EXTRA = {"RNN relu": "nonlinearity='relu'", "LSTM proj": "proj_size=2"}
CELLS = [
    "nn.RNNCell(3, 4)", "nn.RNNCell(3, 4, nonlinearity='relu')", "nn.RNNCell(3, 4, bias=False)", "nn.LSTMCell(3, 4)",
    "nn.LSTMCell(3, 4, False)", "nn.GRUCell(3, 4)", "nn.GRUCell(3, 4, bias=False, dtype=torch.float64)",
]  # fmt: skip


def build(lib: Any, code: str) -> Any:
    return eval(code, {"torch": lib, "nn": lib.nn})


def layer(lib: Any, kind: str, options: str) -> Any:
    name, *_ = kind.split()
    extra = ", ".join(filter(None, (EXTRA.get(kind, ""), options)))
    return build(lib, f"nn.{name}(3, 4, {extra})")


def drawn(lib: Any, *shape: int, dtype: Any = None, seed: int = 0) -> Any:
    made = lib.from_numpy(np.random.RandomState(seed + len(shape)).randn(*shape).astype("float32"))
    return made.to(dtype or lib.float32).requires_grad_()


def states(lib: Any, rnn: Any, batch: tuple[int, ...], dtype: Any) -> Any:
    """First states for a layer; None for no states."""
    rows = rnn.num_layers * (2 if rnn.bidirectional else 1)
    sizes = [rnn.proj_size or 4, 4] if rnn.mode == "LSTM" else [4]
    made = tuple(drawn(lib, rows, *batch, n, dtype=dtype, seed=n) for n in sizes)
    return made if rnn.mode == "LSTM" else made[0]


def pulled(lib: Any, outs: list[Any]) -> None:
    """Backward from all results, each element with a weight of its own."""
    total = 0
    for i, out in enumerate(outs):
        if out is not None and out.requires_grad:
            weights = np.random.RandomState(i).randn(*out.shape).astype("float32")
            total = total + (out * lib.from_numpy(weights).to(out.dtype)).sum()
    total.backward()


def answer(lib: Any, rnn: Any, input: Any, hx: Any, leaves: list[Any]) -> list[Any]:
    """Repr, start, results and gradients as plain values."""
    lib.manual_seed(7)  # for dropout
    result = rnn(input) if hx is None else rnn(input, hx)
    outs = flat(result)
    pulled(lib, outs)
    weights = {k: (v, v.grad) for k, v in rnn.named_parameters()}
    return plain([repr(rnn), outs, weights, [leaf.grad for leaf in leaves]])


@pytest.mark.parametrize("states_too", [False, True], ids=["zeros", "states"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", OPTIONS)
def test_layer(kind: str, options: str, states_too: bool) -> None:
    results = []
    for lib in (torch, gradviz):
        lib.manual_seed(3)
        rnn = layer(lib, kind, OPTIONS[options])
        dtype = next(rnn.parameters()).dtype
        x = drawn(lib, 5, 2, 3, dtype=dtype)
        hx = states(lib, rnn, (5 if rnn.batch_first else 2,), dtype) if states_too else None
        results.append(answer(lib, rnn, x, hx, [x, *flat(hx)]))
        assert rnn.flatten_parameters() is None
        flat_weights = [p for row in rnn.all_weights for p in row]
        assert all(p is q for p, q in zip(flat_weights, rnn.parameters(), strict=True))
    equal(results[1], results[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", ["plain", "batch first", "all"])
def test_one_sequence_alone(kind: str, options: str) -> None:
    results = []
    for lib in (torch, gradviz):
        lib.manual_seed(3)
        rnn = layer(lib, kind, OPTIONS[options])
        x, hx = drawn(lib, 5, 3), states(lib, rnn, (), None)
        results.append(answer(lib, rnn, x, hx, [x, *flat(hx)]) + plain(flat(rnn.eval()(x))))
    equal(results[1], results[0])


@pytest.mark.parametrize("states_too", [False, True], ids=["zeros", "states"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", ["plain", "both ways", "all"])
@pytest.mark.parametrize("lengths", [(5, 4, 2), (2, 5, 5), (3, 3, 3)])
def test_packed(kind: str, options: str, lengths: tuple[int, ...], states_too: bool) -> None:
    results = []
    for lib in (torch, gradviz):
        lib.manual_seed(3)
        rnn = layer(lib, kind, OPTIONS[options])
        parts = [drawn(lib, n, 3, seed=i) for i, n in enumerate(lengths)]
        packed = lib.nn.utils.rnn.pack_sequence(parts, enforce_sorted=False)
        hx = states(lib, rnn, (3,), None) if states_too else None
        results.append(answer(lib, rnn, packed, hx, [*parts, *flat(hx)]))
        out, _ = rnn(packed)
        assert type(out) is lib.nn.utils.rnn.PackedSequence
    equal(results[1], results[0])


def test_packed_and_padded_agree() -> None:
    gradviz.manual_seed(0)
    rnn = gradviz.nn.GRU(3, 4, 2, bidirectional=True, batch_first=True)
    parts = [gradviz.randn(n, 3) for n in (4, 2, 3)]
    packed = gradviz.nn.utils.rnn.pack_sequence(parts, enforce_sorted=False)
    out, last = rnn(packed)
    for i, (part, got) in enumerate(zip(parts, gradviz.nn.utils.rnn.unpack_sequence(out), strict=True)):
        want, end = rnn(part)
        np.testing.assert_allclose(got.detach(), want.detach(), atol=1e-6)
        np.testing.assert_allclose(last[:, i].detach(), end.detach(), atol=1e-6)


@pytest.mark.parametrize("code", CELLS)
@pytest.mark.parametrize("batched", [True, False])
def test_cell(code: str, batched: bool) -> None:
    results = []
    for lib in (torch, gradviz):
        lib.manual_seed(3)
        cell = build(lib, code)
        dtype, batch = cell.weight_ih.dtype, (2,) if batched else ()
        x, h, c = (drawn(lib, *batch, n, dtype=dtype, seed=i) for i, n in enumerate((3, 4, 4)))
        hx = (h, c) if "LSTM" in code else h
        results.append(answer(lib, cell, x, hx, [x, h]) + plain(flat(cell(x))))
    equal(results[1], results[0])


def names(node: Any, seen: dict[Any, tuple[str, str]]) -> tuple[str, str]:
    """The tree of the names of a graph's nodes, as a digest, and its beginning in words."""
    if node is None:
        return "", ""
    if node not in seen:
        below = [names(n, seen) for n, _ in node.next_functions]
        name = re.sub(r"^torch::autograd::", "", node.name())
        digest = zlib.crc32(repr([name, [d for d, _ in below]]).encode())
        seen[node] = str(digest), f"{name}({', '.join(text for _, text in below)})"[:300]
    return seen[node]


@pytest.mark.parametrize(
    "code",
    [
        "nn.RNN(3, 4)(x)[0]", "nn.RNN(3, 4, 2, 'relu', bidirectional=True)(x)[1]", "nn.GRU(3, 4, 2)(x)[0]",
        "nn.GRU(3, 4, bias=False)(x)[0]", "nn.LSTM(3, 4, proj_size=2)(x)[0]",
        "nn.LSTM(3, 4, bidirectional=True, proj_size=2)(x)[1][1]", "nn.RNNCell(3, 4)(x[0])", "nn.GRUCell(3, 4)(x[0])",
        "nn.LSTMCell(3, 4)(x[0])[0]", "nn.LSTMCell(3, 4, bias=False)(x[0])[1]",
        "nn.GRU(3, 4)(nn.utils.rnn.pack_padded_sequence(x, [3, 2]))[0].data",
        "nn.GRU(3, 4)(nn.utils.rnn.pack_padded_sequence(x, [3, 2]))[1]",
        "nn.RNN(3, 4, bidirectional=True)(nn.utils.rnn.pack_padded_sequence(x, [3, 2]))[0].data",
    ],
)  # fmt: skip
def test_graph(code: str) -> None:
    trees = []
    for lib in (torch, gradviz):
        x = drawn(lib, 3, 2, 3)
        trees.append(names(eval(code, {"torch": lib, "nn": lib.nn, "x": x}).grad_fn, {}))
    assert trees[1] == trees[0]


ERRORS = [
    lambda t: t.nn.RNN(3, 4, nonlinearity="sin"),
    lambda t: t.nn.RNN(3, 4, proj_size=2),
    lambda t: t.nn.GRU(3, 4, proj_size=2),
    lambda t: t.nn.GRU(3, 4, bogus=2),
    lambda t: t.nn.LSTM(3, 4, proj_size=4),
    lambda t: t.nn.LSTM(3, 4, proj_size=-1),
    lambda t: t.nn.LSTM(3, 4, dropout=1.5),
    lambda t: t.nn.LSTM(3, 4, dropout=True),
    lambda t: repr(t.nn.LSTM(3, 4, dropout=0.5)),
    lambda t: t.nn.LSTM(3, 4, num_layers=0),
    lambda t: t.nn.LSTM(3.0, 4),
    lambda t: t.nn.LSTM(3, 0),
    lambda t: t.nn.LSTM(-3, 4),
    lambda t: t.nn.LSTM(3, 4, bias=1),
    lambda t: t.nn.LSTM(3, 4, batch_first="yes"),
    lambda t: t.nn.RNNBase("TRU", 3, 4),
    lambda t: t.nn.LSTM(3, 4)(t.ones(2)),
    lambda t: t.nn.RNN(3, 4)(t.ones(2)),
    lambda t: t.nn.GRU(3, 4)(t.ones(2, 2, 2, 3)),
    lambda t: t.nn.LSTM(3, 4)(t.ones(5, 2, 4)),
    lambda t: t.nn.LSTM(3, 4)(t.ones(5, 2, 3).double()),
    lambda t: t.nn.LSTM(3, 4)(t.ones(0, 2, 3)),
    lambda t: t.nn.GRU(3, 4)(t.ones(5, 2, 3), t.ones(1, 3, 4)),
    lambda t: t.nn.GRU(3, 4)(t.ones(5, 2, 3), t.ones(2, 4)),
    lambda t: t.nn.GRU(3, 4)(t.ones(5, 3), t.ones(1, 1, 4)),
    lambda t: t.nn.LSTM(3, 4)(t.ones(5, 2, 3), t.ones(1, 2, 4)),
    lambda t: t.nn.LSTM(3, 4)(t.ones(5, 2, 3), (t.ones(1, 2, 4), t.ones(1, 3, 4))),
    lambda t: t.nn.LSTM(3, 4)(t.ones(5, 2, 3), (t.ones(2, 2, 4), t.ones(1, 2, 4))),
    lambda t: t.nn.LSTM(3, 4)(t.ones(5, 2, 3), (t.ones(2, 4), t.ones(1, 2, 4))),
    lambda t: t.nn.LSTM(3, 4)(t.ones(5, 3), (t.ones(1, 2, 4), t.ones(1, 2, 4))),
    lambda t: t.nn.GRU(3, 4)(t.nn.utils.rnn.pack_sequence([t.ones(2, 4)])),
    lambda t: t.nn.GRU(3, 4)(t.nn.utils.rnn.pack_sequence([t.ones(2, 3)]), t.ones(1, 2, 4)),
    lambda t: t.nn.GRUCell(3, 4)(t.ones(1, 2, 3)),
    lambda t: t.nn.GRUCell(3, 4)(t.ones(2, 4)),
    lambda t: t.nn.GRUCell(3, 4)(t.ones(2, 3), t.ones(3, 4)),
    lambda t: t.nn.RNNCell(3, 4)(t.ones(2, 3), t.ones(2, 5)),
    lambda t: t.nn.RNNCell(3, 4)(t.ones(2, 3), t.ones(1, 2, 4)),
    lambda t: t.nn.RNNCell(3, 4, nonlinearity="sin")(t.ones(2, 3)),
    lambda t: t.nn.LSTMCell(3, 4)(t.ones(2, 3), (t.ones(2, 4), t.ones(1, 2, 4))),
    lambda t: t.nn.LSTMCell(3, 4)(t.ones(2, 3), (t.ones(2, 4), t.ones(3, 4))),
]


@pytest.mark.parametrize("program", ERRORS, ids=[str(i) for i in range(len(ERRORS))])
def test_error(program: Callable[[Any], Any]) -> None:
    both(program)


def test_copies_and_new_weights() -> None:
    gradviz.manual_seed(0)
    rnn = gradviz.nn.LSTM(3, 4)
    x = gradviz.randn(5, 2, 3)
    copied = copy.deepcopy(rnn)
    np.testing.assert_array_equal(copied(x)[0].detach(), rnn(x)[0].detach())
    copied.weight_hh_l0 = gradviz.nn.Parameter(gradviz.zeros(16, 4))
    assert copied.all_weights[0][1] is copied.weight_hh_l0
    assert not bool((copied(x)[0] == rnn(x)[0]).all())
    given = {name: gradviz.zeros_like(p) for name, p in rnn.named_parameters()}
    assert not bool(gradviz.func.functional_call(rnn, given, (x,))[0].any())
    assert rnn.double()(x.double())[0].dtype == gradviz.float64


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("sizes", [(5, 0, 3), (1, 1, 3), (40, 9, 3)])
def test_batches_of_all_sizes(sizes: tuple[int, ...], bias: bool, kind: str) -> None:
    def run(lib: Any) -> Any:
        layer = getattr(lib.nn, kind)(3, 4, bias=bias)
        x = lib.from_numpy(np.random.RandomState(0).randn(*sizes).astype("float32")).requires_grad_()
        y, state = layer(x)
        (y.pow(2).sum() + sum(s.sum() for s in (state if kind == "LSTM" else (state,)))).backward()
        return [y, x.grad, *(p.grad for p in layer.parameters())]

    both(run)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_the_output_may_leave_the_graph_and_be_written(kind: str) -> None:
    """What the layer keeps of it is no longer true then; the last state, a copy, still has its gradient."""
    found = []
    for writes in (False, True):
        gradviz.manual_seed(0)
        layer, x = getattr(gradviz.nn, kind)(3, 4), gradviz.ones(4, 2, 3, requires_grad=True)
        y, state = layer(x)
        loss = (state[0] if kind == "LSTM" else state).pow(2).sum()
        if writes:
            y.detach_().zero_()
        loss.backward()
        found.append([p.grad.numpy() for p in (*layer.parameters(), x)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-6)
