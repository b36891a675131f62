"""Where no gradient passes it is 0, whatever comes from above: NaN and infinities against PyTorch, op by op.

A function of several pieces stops the gradient on some of them. A rule that multiplies by 0 there turns infinity and
NaN into NaN; PyTorch chooses, and gives 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz

torch = pytest.importorskip("torch")
INF, NAN = float("inf"), float("nan")
X = [-INF, -7.0, -3.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 3.0, 6.0, 7.0, INF, NAN]
Y = [0.5, 1.0, -2.0, 3.0, 0.0, 0.0, -0.5, 1.0, 1.0, -4.0, 6.0, 2.0, 1.0, 0.3]
ACTIVATIONS = (
    "relu relu6 leaky_relu hardtanh hardswish hardsigmoid elu selu celu softshrink hardshrink softplus silu mish "
    "logsigmoid rrelu softsign tanhshrink"
)
PROGRAMS = [
    *(f"F.{name}(x)" for name in ACTIVATIONS.split()),
    "F.threshold(x, 0.5, 2.0)", "F.elu(x, 0.0)", "F.leaky_relu(x, 0.0)", "F.hardtanh(x, -3.0, 3.0)",
    "F.prelu(x, t.tensor([0.25]))", "(x * 1).relu_()", "F.hardswish(x * 1, inplace=True)",
    "F.threshold_(x * 1, 0.5, 0.0)",
    "x.abs()", "x.clamp(-1, 1)", "x.clamp(min=0.0)", "x.clamp(max=0.0)", "t.clamp(x, y - 1, y + 1)", "x.clip(-1, 1)",
    "t.maximum(x, y)", "t.minimum(x, y)", "t.fmax(x, y)", "t.fmin(x, y)", "t.where(x > 0, x, y)", "t.nan_to_num(x)",
    "x.masked_fill(x > 0, 2.0)", "x.masked_select(x > 0)", "x.masked_scatter(x > 0, y)", "x.reshape(2, -1).tril()",
    "x.sign()", "x.floor()", "x.frac()", "t.fmod(x, 2.0)", "t.copysign(x, y)", "x.sigmoid()", "x.tanh()", "x.pow(0)",
    "t.pow(x, y)", "t.xlogy(x, y.abs())", "t.special.xlog1py(x, y.abs())", "t.atan2(x, y)", "t.logit(x, 0.1)",
    "x[:13].max()", "x[:13].amax()", "x[:12].reshape(2, 6).max(1)[0]", "x[:12].reshape(2, 6).amin(1)", "x.cummax(0)[0]",
    "x[:13].sort()[0]", "x[:13].topk(3)[0]", "x[:13].median()", "F.max_pool1d(x[1:13].reshape(1, 1, 12), 3)",
    "F.dropout(x, 0.5, True)", "F.dropout(x, 1.0, True)", "F.alpha_dropout(x, 0.5, True)",
    "F.smooth_l1_loss(x, y, reduction='none')", "F.huber_loss(x, y, reduction='none')",
    "F.l1_loss(x, y, reduction='none')",
    "F.hinge_embedding_loss(x, t.ones_like(y) - 2 * (y > 0).float(), reduction='none')",
    "F.margin_ranking_loss(x, y, t.ones_like(y), reduction='none')",
    "F.multi_margin_loss(x[1:13].reshape(3, 4), t.tensor([0, 1, 2]), reduction='none')",
    "F.nll_loss(x[1:13].reshape(3, 4), t.tensor([0, -100, 2]), reduction='none')",
]  # fmt: skip


def gradients(t: Any, program: str, upstream: float, times: int) -> list[Any]:
    t.manual_seed(0)
    x, y = (t.tensor(np.tile(np.array(v, np.float32), times), requires_grad=True) for v in (X, Y))
    out = eval(program, {"t": t, "F": t.nn.functional, "x": x, "y": y})
    found = t.autograd.grad(out, [x, y], t.full(tuple(out.shape), upstream), allow_unused=True)
    return [None if g is None else np.array(g.detach().tolist()) for g in found]


@pytest.mark.parametrize("upstream", [NAN, INF, -INF, 1.0, 0.0])
@pytest.mark.parametrize("program", PROGRAMS)
def test_as_in_torch(program: str, upstream: float) -> None:
    for theirs, ours in zip(*(gradients(t, program, upstream, 1) for t in (torch, gradviz)), strict=True):
        assert (theirs is None) == (ours is None)
        if theirs is not None:
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


# Large arrays take another way through `where` on the CPU. What PyTorch answers to a NaN in x depends on where it lies:
# elements it takes several at a time stop the gradient, the last few let it pass. Here all let it pass.
@pytest.mark.parametrize("upstream", [NAN, INF, -INF, -1.0])
@pytest.mark.parametrize("program", ["F.relu(x)", "F.hardtanh(x)", "F.hardshrink(x)", "F.threshold(x, 0.5, 2.0)"])
def test_large(program: str, upstream: float) -> None:
    (theirs, _), (ours, _) = (gradients(t, program, upstream, 400) for t in (torch, gradviz))
    known = np.tile(np.isfinite(X), 400)
    np.testing.assert_array_equal(ours[known], theirs[known])


def test_zero_is_not_negative() -> None:
    """A stopped gradient is 0, not -0: multiplied by 0, a negative one would be -0."""
    for many in (4, 5000):
        x = gradviz.tensor(np.full(many, -1.0, np.float32), requires_grad=True)
        x.relu().backward(gradviz.full((many,), -1.0))
        assert not np.signbit(x.grad.numpy()).any()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_where_is_numpys_where(dtype: str) -> None:
    """The way without branches gives the same bits, for any layout and for -0.0 too."""
    rng = np.random.default_rng(0)
    F = gradviz.core.device.CPU.F
    for shape in ((1030,), (40, 50), (5000,)):
        a = rng.standard_normal(shape).astype(dtype)
        a.reshape(-1)[:3] = (np.nan, np.inf, -0.0)
        for array in (a, a.T, a[::-1]):
            condition = array > 0
            for number in (0.0, -0.0, 1.5, 0):
                for one, other in ((array, number), (number, array)):
                    made, known = F.where(condition, one, other), np.where(condition, one, other)
                    assert made.dtype == known.dtype
                    assert made.tobytes() == known.tobytes()
