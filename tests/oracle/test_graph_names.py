"""The graph itself: `next_functions` trees equal to PyTorch's, node by node, with the leaves they end in."""

from __future__ import annotations

# ruff: noqa: E501  (a graph is a row)
from typing import Any

import pytest

import gradviz

from .graphs import FURTHER, WRITTEN
from .same import Sample, const, evaluate, floats, functional, given, ints, leaves, sample

NET = """
h = F.max_pool2d(F.relu(F.conv2d(x, w, b)), 2)
h = F.relu(F.linear(h.view(1, -1), v, c))
F.cross_entropy(h, t)
"""
LSTM = """
i, f, g, o = F.linear(x, w, b).chunk(4, 1)
c2 = f.sigmoid() * c + i.sigmoid() * g.tanh()
o.sigmoid() * c2.tanh()
"""
ATTENTION = """
q, k, v = F.linear(x, w).chunk(3, -1)
a = torch.softmax(q @ k.transpose(-2, -1) / 2, -1)
a @ v
"""

# fmt: off
GRAPHS = [
    # arithmetic
    sample("x + y", x=(2,), y=(2,)), sample("x + 1", x=(2,)), sample("1 - x", x=(2,)), sample("x - 1", x=(2,)),
    sample("x * y * x", x=(2,), y=(2,)),
    sample("2 * x", x=(2,)), sample("x / y", x=(2,), y=(2,)), sample("x / 2", x=(2,)), sample("1 / x", x=(2,)),
    sample("x ** 2", x=(2,)),
    sample("x ** y", x=floats(2, low=1, high=2), y=(2,)), sample("2 ** x", x=(2,)), sample("-x", x=(2,)),
    sample("x.abs()", x=(2,)), sample("x.sqrt()", x=floats(2, low=1, high=2)),
    sample("x + y.detach()", x=(2,), y=(2,)), sample("x * const", x=(2,), const=const(2)),
    sample("(x * y).sum() + x.mean()", x=(2,), y=(2,)),
    sample("torch.maximum(x, y)", x=(2,), y=(2,)), sample("x.clamp(0, 1)", x=(2,)), sample("x.clamp(min=0)", x=(2,)),
    sample("torch.where(x > 0, x, y)", x=(2,), y=(2,)),
    sample("torch.lerp(x, y, 0.5)", x=(2,), y=(2,)), sample("torch.addcmul(x, y, x)", x=(2,), y=(2,)),
    sample("x + x + x", x=(2,)), sample("a = x * 2\na * a", x=(2,)),
    # elementwise
    sample("x.exp().log()", x=(2,)), sample("x.sin() * x.cos()", x=(2,)), sample("torch.sigmoid(x).tanh()", x=(2,)),
    sample("x.log1p()", x=floats(2, low=1, high=2)),
    sample("torch.relu(x)", x=(2,)), sample("F.gelu(x)", x=(2,)), sample("F.leaky_relu(x)", x=(2,)),
    sample("F.relu6(x)", x=(2,)), sample("F.selu(x)", x=(2,)), sample("F.softsign(x)", x=(2,)),
    sample("F.logsigmoid(x)", x=(2,)), sample("F.silu(x)", x=(2,)), sample("F.softplus(x)", x=(2,)),
    sample("F.elu(x)", x=(2,)), sample("F.hardswish(x)", x=(2,)), sample("F.mish(x)", x=(2,)),
    sample("F.prelu(x, w)", x=(2, 3), w=(1,)), sample("F.tanhshrink(x)", x=(2,)), sample("x.round()", x=(2,)),
    sample("x.double().float()", x=(2,)),
    # reductions
    sample("x.sum()", x=(2, 3)), sample("x.sum(1)", x=(2, 3)), sample("x.mean()", x=(2, 3)),
    sample("x.mean((0, 1))", x=(2, 3)), sample("x.prod()", x=(2, 3)), sample("x.prod(1)", x=(2, 3)),
    sample("x.var(1)", x=(2, 3)), sample("x.std()", x=(2, 3)), sample("x.max()", x=(2, 3)),
    sample("x.max(1)[0]", x=(2, 3)), sample("x.amax(1)", x=(2, 3)), sample("x.logsumexp(1)", x=(2, 3)),
    sample("x.norm()", x=(2, 3)), sample("x.cumsum(0)", x=(2, 3)),
    # shapes and indices
    sample("x.view(6)", x=(2, 3)), sample("x.reshape(3, 2).t()", x=(2, 3)), sample("x.T", x=(2, 3)),
    sample("x.permute(1, 0)", x=(2, 3)), sample("x.transpose(0, 1).reshape(-1)", x=(2, 3)),
    sample("x.flatten()", x=(2, 3)), sample("x.unsqueeze(0).squeeze(0)", x=(2, 3)), sample("x.squeeze()", x=(1, 3)),
    sample("x.expand(4, 3)", x=(1, 3)), sample("x[0]", x=(2, 3)), sample("x[0, 1]", x=(2, 3)),
    sample("x[:, 1:]", x=(2, 3)), sample("x[None]", x=(2, 3)), sample("x[[0, 1]]", x=(2, 3)),
    sample("x[x > 0]", x=(2, 3)), sample("torch.cat([x, y])", x=(2, 3), y=(1, 3)),
    sample("torch.cat([x, const, x])", x=(2, 3), const=const(1, 3)),
    sample("torch.stack([x, y])", x=(2,), y=(2,)), sample("x.split(1)[1] + x.split(1)[0]", x=(2, 3)),
    sample("a, b = x.chunk(2)\nb * a", x=(2, 3)), sample("a, b = x.unbind()\na * b", x=(2, 3)),
    sample("x.repeat(2, 1)", x=(2, 3)),
    sample("torch.gather(x, 1, i)", x=(2, 3), i=ints(2, 1, high=3)), sample("x.masked_fill(x > 0, 0.0)", x=(2, 3)),
    sample("F.embedding(i, w)", i=ints(2, high=3), w=(3, 2)), sample("x.tril()", x=(2, 3)),
    sample("F.pad(x, (1, 1))", x=(2, 3)),
    sample("x.sort()[0]", x=(2, 3)), sample("x.topk(2)[0]", x=(2, 3)), sample("x.clone()", x=(2,)),
    sample("y = x * 1\ny[0] = 3.0\ny", x=(2,)), sample("y = x * 1\ny.add_(2)\ny", x=(2,)),
    sample("y = x * 1\ny.mul_(x)\ny", x=(2,)),
    sample("y = x * 1\ny += x\ny.relu_()\ny", x=(2,)), sample("torch.flip(x, [0])", x=(2,)),
    sample("torch.outer(x, y)", x=(2,), y=(3,)), sample("x.diagonal()", x=(2, 2)),
    # products
    *(sample("x @ y", x=a, y=b) for a, b in (((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)), ((5, 2, 3), (5, 3, 4)), ((5, 2, 3), (3,)), ((3,), (5, 3, 4)), ((1, 2, 3), (5, 3, 4)), ((6, 1, 2, 3), (5, 3, 4)), ((5, 2, 3), (1, 3, 4)))),
    sample("x @ const", x=(2, 3), const=const(3, 4)), sample("const @ x", x=(5, 3, 4), const=const(2, 3)),
    sample("x @ const", x=(5, 2, 3), const=const(3, 4)), sample("torch.addmm(b, x, y)", b=(4,), x=(2, 3), y=(3, 4)),
    sample("F.linear(x, w, b)", x=(2, 3), w=(4, 3), b=(4,)), sample("F.linear(x, w)", x=(2, 3), w=(4, 3)),
    sample("F.linear(x, w, b)", x=(5, 2, 3), w=(4, 3), b=(4,)), sample("F.linear(x, w)", x=(5, 2, 3), w=(4, 3)),
    sample("F.linear(x, w, b)", x=(3,), w=(4, 3), b=(4,)),
    # networks
    sample("F.conv2d(x, w, b)", x=(1, 2, 4, 4), w=(3, 2, 3, 3), b=(3,)),
    sample("F.conv2d(x, w)", x=const(1, 2, 4, 4), w=(3, 2, 3, 3)),
    sample("F.conv2d(x, w, b)", x=(2, 4, 4), w=(3, 2, 3, 3), b=(3,)),
    sample("F.max_pool2d(x, 2)", x=(1, 2, 4, 4)), sample("F.max_pool2d(x, 2)", x=(2, 4, 4)),
    sample("F.avg_pool2d(x, 2)", x=(1, 2, 4, 4)), sample("F.adaptive_avg_pool2d(x, 2)", x=(1, 2, 4, 4)),
    sample("F.adaptive_avg_pool2d(x, 1)", x=(1, 2, 4, 4)),
    sample("torch.softmax(x, 1)", x=(2, 3)), sample("F.log_softmax(x, 1)", x=(2, 3)),
    sample("F.nll_loss(x, t)", x=(2, 3), t=ints(2, high=3)),
    sample("F.cross_entropy(x, t)", x=(2, 3), t=ints(2, high=3)),
    sample("F.cross_entropy(x, t)", x=(2, 3, 4), t=ints(2, 4, high=3)),
    sample("F.cross_entropy(x, p)", x=(2, 3), p=const(2, 3)),
    sample("F.cross_entropy(x, t, label_smoothing=0.1)", x=(2, 3), t=ints(2, high=3)),
    sample("F.mse_loss(x, y)", x=(2, 3), y=const(2, 3)), sample("torch.manual_seed(0)\nF.dropout(x, 0.5)", x=(2, 3)),
    sample("F.batch_norm(x, None, None, w, b, True)", x=(4, 3), w=(3,), b=(3,)),
    sample("F.layer_norm(x, (3,), w, b)", x=(4, 3), w=(3,), b=(3,)),
    sample(NET, x=const(1, 1, 6, 6), w=(2, 1, 3, 3), b=(2,), v=(3, 8), c=(3,), t=given([1], "int64")),
    sample(LSTM, x=(2, 3), w=(8, 3), b=(8,), c=(2, 2)), sample(ATTENTION, x=(2, 5, 4), w=(12, 4)),
    sample("s = torch.zeros(())\nfor i in range(3):\n    s = s + x[i] * w\ns", x=(3,), w=()),
    sample("h = torch.zeros(2)\nfor _ in range(2):\n    h = torch.tanh(w @ h + x)\nh.sum()", x=(2,), w=(2, 2)),
    *WRITTEN, *FURTHER,
]
# fmt: on


def tree(torch: Any, row: Sample) -> str:
    """The graph as a text: names, edges with output numbers, leaves by the name they have in the snippet."""
    tensors = leaves(torch, row.made)
    names = {id(x): name for name, x in tensors.items()}
    out = evaluate(row.code, {"torch": torch, "F": functional(torch), **tensors})

    def told(node: Any) -> str:
        if node is None:
            return "-"
        if node.name().endswith("AccumulateGrad"):
            return f"{node.name()}[{names[id(node.variable)]}]"
        return f"{node.name()}({', '.join(told(n) + (f'#{i}' if i else '') for n, i in node.next_functions)})"

    return told(out.grad_fn)


def test_there_are_enough_snippets() -> None:
    assert len(GRAPHS) >= 200


@pytest.mark.oracle
@pytest.mark.parametrize("row", [pytest.param(row, id=f"{i}: {row}") for i, row in enumerate(GRAPHS)])
def test_graph_equals_torchs(row: Sample) -> None:
    torch = pytest.importorskip("torch")
    assert tree(gradviz, row) == tree(torch, row)
