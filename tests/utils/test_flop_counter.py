"""FlopCounterMode: PyTorch's numbers, by operation and by module."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz
import gradviz.nn
from gradviz.utils.flop_counter import FlopCounterMode, register_flop_formula, sdpa_backward_flop_count, sdpa_flop_count


def grad(t: Any, *shape: int) -> Any:
    return t.ones(*shape, requires_grad=True)


def net(t: Any) -> Any:
    n = t.nn
    return n.Sequential(n.Conv2d(1, 2, 3), n.Flatten(), n.Sequential(n.Linear(8, 3), n.ReLU(), n.Linear(3, 2)))


def shared(t: Any) -> Any:
    n = t.nn

    class Net(n.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = n.Linear(3, 3), n.Linear(3, 3, bias=False)

        def forward(self, x: Any) -> Any:
            return self.second(t.relu(self.first(x))) @ self.first.weight

    return Net()


F = lambda t: t.nn.functional
CASES = {
    "mm": lambda t: (grad(t, 2, 3) @ grad(t, 3, 4)).sum().backward(),
    "mm, one gradient": lambda t: (grad(t, 2, 3) @ t.ones(3, 4)).sum().backward(),
    "mm, no gradient": lambda t: t.ones(2, 3) @ t.ones(3, 4),
    "mv": lambda t: (grad(t, 2, 3) @ grad(t, 3)).sum().backward(),
    "dot": lambda t: (grad(t, 3) @ grad(t, 3)).backward(),
    "outer": lambda t: t.outer(grad(t, 3), grad(t, 4)).sum().backward(),
    "addmm": lambda t: t.addmm(grad(t, 4), grad(t, 2, 3), grad(t, 3, 4)).sum().backward(),
    "linear": lambda t: F(t).linear(grad(t, 2, 3), grad(t, 4, 3), grad(t, 4)).sum().backward(),
    "linear, 3-d": lambda t: F(t).linear(grad(t, 2, 5, 3), grad(t, 4, 3), grad(t, 4)).sum().backward(),
    "linear, 3-d, no bias": lambda t: F(t).linear(grad(t, 2, 5, 3), grad(t, 4, 3)).sum().backward(),
    "linear, 1-d": lambda t: F(t).linear(grad(t, 3), grad(t, 4, 3), grad(t, 4)).sum().backward(),
    "bmm": lambda t: t.bmm(grad(t, 2, 3, 4), grad(t, 2, 4, 5)).sum().backward(),
    "baddbmm": lambda t: t.baddbmm(t.ones(2, 3, 5), grad(t, 2, 3, 4), grad(t, 2, 4, 5)).sum().backward(),
    "addbmm": lambda t: t.addbmm(t.ones(3, 5), grad(t, 2, 3, 4), grad(t, 2, 4, 5)).sum().backward(),
    "matmul, 4-d": lambda t: (grad(t, 2, 2, 3, 4) @ grad(t, 4, 5)).sum().backward(),
    "matmul, broadcast": lambda t: (grad(t, 2, 2, 3, 4) @ grad(t, 2, 1, 4, 5)).sum().backward(),
    "einsum": lambda t: t.einsum("bij,bjk->bik", grad(t, 2, 3, 4), t.ones(2, 4, 5)).sum().backward(),
    "tensordot": lambda t: t.tensordot(grad(t, 2, 3), t.ones(3, 4), 1).sum().backward(),
    "multi_dot": lambda t: t.linalg.multi_dot([t.ones(2, 3), t.ones(3, 4), t.ones(4, 2)]),
    "conv1d": lambda t: F(t).conv1d(grad(t, 2, 2, 5), grad(t, 3, 2, 3)).sum().backward(),
    "conv2d": lambda t: F(t).conv2d(grad(t, 2, 2, 5, 5), grad(t, 3, 2, 3, 3), grad(t, 3)).sum().backward(),
    "conv2d, weights only": lambda t: F(t).conv2d(t.ones(2, 2, 5, 5), grad(t, 3, 2, 3, 3)).sum().backward(),
    "conv2d, groups": lambda t: (
        F(t).conv2d(grad(t, 2, 4, 6, 6), grad(t, 6, 2, 3, 3), groups=2, stride=2, padding=1).sum().backward()
    ),
    "conv2d, unbatched": lambda t: F(t).conv2d(grad(t, 2, 5, 5), grad(t, 3, 2, 3, 3)).sum().backward(),
    "conv2d, same": lambda t: F(t).conv2d(grad(t, 2, 2, 5, 5), grad(t, 3, 2, 3, 3), padding="same").sum().backward(),
    "conv3d": lambda t: F(t).conv3d(grad(t, 2, 2, 5, 5, 5), grad(t, 3, 2, 3, 3, 3), dilation=2).sum().backward(),
    "conv_transpose2d": lambda t: (
        F(t).conv_transpose2d(grad(t, 2, 2, 5, 5), grad(t, 2, 3, 3, 3), stride=2, output_padding=1).sum().backward()
    ),
    "conv_transpose1d, groups": lambda t: (
        F(t).conv_transpose1d(grad(t, 2, 4, 5), grad(t, 4, 3, 3), groups=2).sum().backward()
    ),
    "attention, 3-d": lambda t: F(t).scaled_dot_product_attention(*[grad(t, 2, 4, 8)] * 3).sum().backward(),
    "net": lambda t: net(t)(t.ones(2, 1, 4, 4)).sum().backward(),
    "net, input's gradient": lambda t: net(t)(grad(t, 2, 1, 4, 4)).sum().backward(),
    "net, forward": lambda t: net(t)(t.ones(2, 1, 4, 4)),
    "shared": lambda t: shared(t)(t.ones(2, 3)).sum().backward(),
    "attention layer": lambda t: t.nn.MultiheadAttention(8, 2)(*[t.ones(3, 2, 8)] * 3)[0].sum().backward(),
    "GRU": lambda t: t.nn.GRU(3, 4)(t.ones(5, 2, 3))[0].sum().backward(),
    "RNN": lambda t: t.nn.RNN(3, 4)(t.ones(5, 2, 3))[0].sum().backward(),
    "batch norm": lambda t: t.nn.BatchNorm2d(3)(t.ones(5, 3, 4, 4)).sum().backward(),
    "nothing": lambda t: (t.ones(3) + 1).sum(),
}


def counted(function: Any) -> Any:
    with FlopCounterMode(display=False) as counter:
        function(gradviz)
    return counter


@pytest.mark.parametrize("name", CASES)
def test_the_numbers_are_torchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode as Theirs

    with Theirs(display=False) as theirs:
        CASES[name](torch)
    ours = counted(CASES[name])
    expected = {k: {str(op): n for op, n in v.items() if n} for k, v in theirs.get_flop_counts().items()}
    assert ours.get_total_flops() == theirs.get_total_flops()
    assert {k: v for k, v in ours.get_flop_counts().items() if v} == {k: v for k, v in expected.items() if v}


@pytest.mark.parametrize("name", ["net", "shared", "mm", "nothing", "attention layer"])
@pytest.mark.parametrize("depth", [None, 1, 2, 3])
def test_the_table_is_torchs(name: str, depth: int | None, capsys: pytest.CaptureFixture[str]) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("tabulate", reason="pip install tabulate")
    from torch.utils.flop_counter import FlopCounterMode as Theirs

    options = {} if depth is None else {"depth": depth}
    with Theirs(**options):
        CASES[name](torch)
    expected = capsys.readouterr().out
    with FlopCounterMode(**options):
        CASES[name](gradviz)
    found = capsys.readouterr().out
    # PyTorch indents nested rows, which newer versions of tabulate take away.
    assert [line.split() for line in found.splitlines()] == [
        [("-" * len(f) if set(e) == {"-"} and len(e) > 1 else e) for f, e in zip(fs.split(), es.split(), strict=True)]
        for fs, es in zip(found.splitlines(), expected.splitlines(), strict=True)
    ]


def test_attention_counts_as_on_a_gpu() -> None:
    q, k, v = (2, 4, 10, 8), (2, 4, 12, 8), (2, 4, 12, 6)
    counter = counted(
        lambda t: F(t).scaled_dot_product_attention(grad(t, *q), grad(t, *k), grad(t, *k)).sum().backward()
    )
    forward, backward = "aten._scaled_dot_product_flash_attention", "aten._scaled_dot_product_flash_attention_backward"
    assert counter.get_flop_counts()["Global"] == {
        forward: sdpa_flop_count(q, k, k),
        backward: sdpa_backward_flop_count(q, q, k, k),
    }
    pytest.importorskip("torch")
    from torch.utils import flop_counter as theirs

    assert theirs.sdpa_flop_count(q, k, v) == sdpa_flop_count(q, k, v)
    assert theirs.sdpa_backward_flop_count((*q[:3], 6), q, k, v) == sdpa_backward_flop_count((*q[:3], 6), q, k, v)


def test_gradients_of_gradients() -> None:
    a, b = grad(gradviz, 2, 3), grad(gradviz, 3, 4)

    def twice(t: Any) -> None:
        (first,) = t.autograd.grad((a @ b).square().sum(), a, create_graph=True)
        first.sum().backward()

    counts = counted(twice).get_flop_counts()["Global"]
    assert set(counts) == {"aten.mm"}
    assert counts["aten.mm"] % 48 == 0
    x, w = grad(gradviz, 1, 2, 5, 5), grad(gradviz, 3, 2, 3, 3)

    def convolved(t: Any) -> None:
        t.autograd.grad(F(t).conv2d(x, w).square().sum(), x, create_graph=True)

    one = 2 * 3 * 3 * 54
    assert counted(convolved).get_flop_counts()["Global"] == {
        "aten.convolution": one,
        "aten.convolution_backward": 2 * one,
    }


def test_formulas_of_ones_own() -> None:
    def softmax(x_shape: Any, *, dim: int, out_shape: Any, **settings: Any) -> int:
        assert x_shape == out_shape == (2, 5)
        return 5 * 10 + dim

    with FlopCounterMode(display=False, custom_mapping={"aten.softmax": softmax}) as counter:
        gradviz.softmax(gradviz.ones(2, 5), dim=1)
    assert counter.get_flop_counts() == {"Global": {"aten.softmax": 51}}
    with pytest.raises(ZeroDivisionError):
        with FlopCounterMode(display=False, custom_mapping={"aten.exp": lambda *a, **k: 1 // 0}):
            gradviz.ones(2).exp()
    with pytest.raises(RuntimeError, match=r"^duplicate registrations for aten\.mm$"):
        register_flop_formula("aten.mm")(softmax)
    with pytest.raises(ValueError, match=r"^register_flop_formula\(targets\): expected each target to be"):
        register_flop_formula([gradviz.mm])(softmax)  # type: ignore[list-item]
    with pytest.warns(UserWarning, match="mods argument is not needed anymore"):
        FlopCounterMode(gradviz.nn.Linear(2, 2))


def test_the_block_ends_clean() -> None:
    counter = FlopCounterMode(display=False)
    with pytest.raises(RuntimeError, match="shape"), counter:
        gradviz.nn.Linear(2, 2)(gradviz.ones(1, 3))
    with counter:
        gradviz.ones(2, 3) @ gradviz.ones(3, 1)
    assert counter.get_flop_counts() == {"Global": {"aten.mm": 12}}
    gradviz.ones(2, 3) @ gradviz.ones(3, 1)
    assert counter.get_total_flops() == 12
