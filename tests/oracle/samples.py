"""What the oracle tests run: at least one snippet for every operation in gradviz's table, most under several inputs.

The tables are sorted like gradviz/core/ops: elements, reductions, shapes, indices, products, activations, pictures.
"""

from __future__ import annotations

# ruff: noqa: E501, SIM905  (tables)
import importlib
import pkgutil
from typing import Any

import numpy as np
import pytest

from .same import F16, F32, F64, Sample, bools, const, floats, given, ints, positive, sample, unit

NAN, INF = float("nan"), float("inf")

# -- two operands: every row runs over every pair of shapes --------------------------------------------------------
PAIRS = [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2,)), ((), ()), ((2, 0), (1,)), ((4, 1, 2), (3, 1))]
BINARY = {
    "x + y": floats, "x - y": floats, "x * y": floats, "x / y": positive, "torch.maximum(x, y)": floats,
    "torch.minimum(x, y)": floats, "torch.atan2(x, y)": positive, "torch.hypot(x, y)": positive, "x ** y": positive,
    "torch.remainder(x, y)": positive, "torch.fmod(x, y)": positive, "torch.lerp(x, y, 0.25)": floats,
    "torch.where(x > y, x, y)": floats, "torch.add(x, y, alpha=3)": floats, "torch.sub(x, y, alpha=0.5)": floats,
    "torch.rsub(x, y)": floats,
}  # fmt: skip
TWO = [sample(code, x=make(*a), y=make(*b)) for code, make in BINARY.items() for a, b in PAIRS]

KINDS = [
    # PyTorch has no derivative of `//`, and rounds mixed types' gradients in the narrower one.
    sample(code, x=x, y=y, order=0 if "//" in code else 2, text="//" not in code, rtol=None if x.dtype == y.dtype else 1e-5)
    for code in ("x + y", "x * y", "x - y", "x / y", "x // y", "x == y", "x < y", "torch.maximum(x, y)")
    for x, y in (
        (ints(2, 3, low=1), floats(3, low=1, high=3)),
        (ints(3, low=1), ints(3, low=1, dtype=np.int32)),
        (ints(3, low=1, dtype=np.uint8), ints(3, low=1, dtype=np.int8)),
        (floats(3, low=1, high=2, dtype=F16), floats(3, low=1, high=2)),
        (floats(3, low=1, high=2, dtype=F64), floats(low=1, high=2)),
        (floats(3, low=1, high=2), floats(low=1, high=2, dtype=F64)),
        (floats(3, low=1, high=2, dtype=F16), ints(3, low=1)),
        (bools(3), floats(3, low=1, high=2)),
    )
] + [
    sample(code, x=ints(3, low=1), **extra)
    for code, extra in {
        "x + 1.5": {}, "x * 2": {}, "x / 2": {}, "x // 2": {}, "2 / x": {}, "x ** 2": {}, "x % 3": {}, "-x": {},
        "x > 2": {},
        "x & 3": {}, "x | 4": {}, "x ^ 1": {}, "~x": {}, "x << 1": {}, "x >> 1": {}, "x.abs()": {}, "x.sum()": {},
        "x.float().mean()": {}, "x.max()": {}, "x.prod()": {}, "x.cumsum(0)": {}, "x.sqrt()": {}, "x.sigmoid()": {},
    }.items()
]  # fmt: skip

NUMBERS = [
    sample(code, x=positive(2, 3), order=0 if "//" in code else 2, text="//" not in code)
    for code in (
        "x + 2", "2 + x", "x - 2", "2 - x", "x * 3", "3.5 * x", "x / 2", "2 / x", "x ** 2", "x ** 3", "x ** 0.5",
        "x ** -1",
        "x ** 0", "x ** 1", "2 ** x", "x // 0.3", "x % 0.7", "-x", "abs(x)", "x * True", "x + 1e-3",
        "1 + x * x - 1 / x",
        "torch.pow(x, 2.5)", "torch.square(x)", "torch.rsub(x, 1.5)", "torch.rsub(x, 1.5, alpha=2)",
    )
]  # fmt: skip

# -- one operand ---------------------------------------------------------------------------------------------------
ANY = """exp exp2 expm1 sin cos atan sinh cosh tanh asinh sigmoid erf erfc neg abs sign floor ceil trunc round frac
    square relu selu""".split()
POSITIVE = "log log2 log10 log1p sqrt rsqrt reciprocal".split()
BOUNDED = "tan asin acos atanh".split()
UNARY = [
    sample(f"torch.{name}(x)", x=make(*shape, dtype=dtype))
    for names, make in ((ANY, floats), (POSITIVE, positive), (BOUNDED, unit))
    for name in names
    for shape, dtype in (((2, 3), F32), ((), F32), ((0, 2), F32), ((3,), F64), ((2, 2), F16))
] + [
    sample("torch.acosh(x)", x=floats(3, low=1.5, high=3)),
    sample("torch.round(x, decimals=2)", x=(5,)),
    sample("torch.relu(x)", x=given([-1.0, 0.0, 2.0])),
    sample("torch.relu(x)", x=given([1.0, NAN]), order=0),
    sample("x.abs()", x=given([-1.0, 0.0, 2.0])),
    sample("x.sign()", x=given([-1.0, 0.0, 2.0])),
    sample("x.exp().log()", x=floats(2, 3, layout="F")),
    sample("x.sin()", x=floats(3, 4, layout="step")),
]

PIECES = [
    sample("torch.clamp(x, -0.5, 0.5)", x=(3, 4)),
    sample("x.clamp(min=0.1)", x=(3, 4)),
    sample("x.clamp(max=0.1)", x=(3, 4)),
    sample("torch.clamp(x, y, z)", x=(5,), y=floats(5, low=-1, high=-0.5), z=floats(5, low=0.5, high=1)),
    sample("torch.where(x > 0, x, 0.0)", x=(2, 3)),
    sample("torch.where(c, x, y)", c=bools(2, 3), x=(2, 3), y=(3,)),
    sample("torch.addcmul(x, y, z, value=0.5)", x=(2, 3), y=(2, 3), z=(3,)),
    sample("torch.addcdiv(x, y, z, value=0.5)", x=(2, 3), y=(2, 3), z=positive(3)),
    sample("torch.lerp(x, y, w)", x=(3,), y=(3,), w=(3,)),
    sample("torch.div(x, y, rounding_mode='floor')", x=positive(3), y=positive(3)),
    sample("torch.div(x, y, rounding_mode='trunc')", x=positive(3), y=positive(3)),
    sample("x.maximum(x)", x=(3,)),
    sample("torch.floor_divide(x, y)", x=positive(3), y=positive(3), order=0, text=False),
    sample("torch.isnan(x), torch.isinf(x), torch.isfinite(x)", x=given([1.0, NAN, INF, -INF])),
    sample("torch.signbit(x)", x=given([1.0, -1.0, 0.0])),
    sample("x == y, x != y, x < y, x <= y, x > y, x >= y", x=ints(3, 2), y=ints(2)),
    sample("x & y, x | y, x ^ y, ~x", x=bools(2, 3), y=bools(3)),
    sample(
        "torch.logical_and(x, y), torch.logical_or(x, y), torch.logical_xor(x, y), torch.logical_not(x)",
        x=(3,),
        y=ints(3),
    ),
    sample("torch.bitwise_left_shift(x, y), torch.bitwise_right_shift(x, y)", x=ints(3), y=ints(3)),
    sample("torch.allclose(x, x + 1e-9), torch.equal(x, x)", x=(3,)),
    sample("torch.isclose(x, x)", x=(3,)),
]

# -- reductions ----------------------------------------------------------------------------------------------------
REDUCE = [
    sample(f"x.{name}({args})", x=make(2, 3, 4))
    for name, make in {"sum": floats, "mean": floats, "prod": positive, "amax": floats, "amin": floats}.items()
    for args in ("", "1", "-1, keepdim=True")
    if (name, args) not in {("amax", ""), ("amin", "")}
] + [
    sample(code, x=(2, 3, 4))
    for code in (
        "x.sum((0, 2))", "x.mean((0, 2), keepdim=True)", "x.sum(dim=(0, 1, 2))", "x.sum(axis=1)", "x.amax((0, 1))",
        "torch.amax(x, 0), torch.amin(x, 0)", "x.var()", "x.var(1)", "x.var(0, unbiased=False)",
        "x.var((0, 2), correction=0)",
        "x.std()", "x.std(1, keepdim=True)", "x.std(dim=2, unbiased=False)", "x.max()", "x.min()", "x.max(1)",
        "x.min(2)",
        "x.max(1, keepdim=True).values", "torch.max(x, x * 2)", "torch.min(x, x * 2)", "x.argmax()", "x.argmax(1)",
        "x.argmin(2, keepdim=True)", "torch.logsumexp(x, 1)", "x.logsumexp((0, 1), keepdim=True)", "x.cumsum(1)",
        "x.norm()",
        "x.norm(dim=1)", "torch.norm(x, 1)", "torch.norm(x, float('inf'))", "x.norm(3, dim=2)", "(x > 0).all()",
        "(x > 0).any(1)", "torch.count_nonzero(x > 0)", "x.sum(dtype=torch.float64)", "x.prod(2).sum()",
        "x.sum(1).mean()",
    )
] + [
    sample("x.sum()", x=()), sample("x.mean()", x=()), sample("x.sum(0)", x=(0, 3)), sample("x.prod()", x=(0,)),
    sample("x.max()", x=given([1.0, 3.0, 3.0])), sample("x.amax(0)", x=given([1.0, 3.0, 3.0])),
    sample("x.max(0)", x=given([1.0, 3.0, 3.0])), sample("x.prod(0)", x=given([2.0, 0.0, 3.0])),
    sample("x.prod()", x=given([0.0, 0.0, 3.0])), sample("x.prod(1)", x=given([[0.0, 2.0], [3.0, 4.0]])),
    sample("x.max()", x=given([1.0, NAN])), sample("x.sum()", x=floats(3, dtype=F16)),
    sample("x.mean(0)", x=floats(3, 2, dtype=F64)), sample("x.sum()", x=bools(3)), sample("x.sum(0)", x=ints(3, 2)),
    sample("x.norm()", x=given([0.0, 0.0]), order=1), sample("x.std()", x=floats(4, layout="step")),
]  # fmt: skip

# -- shapes --------------------------------------------------------------------------------------------------------
SHAPE = [
    sample(code, x=(2, 3, 4))
    for code in (
        "x.view(6, 4)", "x.view(-1, 2)", "x.reshape(4, 6)", "x.reshape(-1)", "x.transpose(0, 1).reshape(6, 4)",
        "x.flatten()",
        "x.flatten(1)", "torch.flatten(x, 0, 1)", "x.permute(2, 0, 1)", "x.transpose(1, 2)", "x.mT", "x[0].t()",
        "x[0].T",
        "x.unsqueeze(1).expand(2, 5, 3, 4)", "x.unsqueeze(0)", "x.unsqueeze(-1).squeeze(-1)", "x[:1].squeeze()",
        "x[:1].squeeze(0)", "x.unbind(1)", "x.split(2, dim=2)", "x.split([1, 2], dim=1)", "x.chunk(2, dim=2)[0]",
        "torch.chunk(x, 3, 2)", "x.diagonal()", "torch.diagonal(x, 1, 1, 2)", "torch.diag(x[0, 0])",
        "torch.diag(x[0], 1)",
        "x.clone()", "x.contiguous()", "x.transpose(0, 1).contiguous()", "x.double()", "x.to(torch.float16).float()",
        "torch.cat([x, x * 2])", "torch.cat([x, x[:, :1]], dim=1)", "torch.stack([x, x + 1], dim=1)",
        "torch.stack([x[0], x[1]])",
        "torch.flip(x, [0, 2])", "torch.roll(x, 1, 0)", "torch.roll(x, (1, 2), (0, 1))", "torch.roll(x, 5)",
        "x.repeat(2, 1, 1)",
        "x.tile(2)", "x.tril()", "x.triu(1)", "torch.movedim(x, 0, 2)", "x.narrow(1, 1, 2)", "x.select(2, 1)",
        "torch.broadcast_to(x[0], (5, 3, 4))", "torch.ravel(x)", "x.unflatten(2, (2, 2))", "x.detach() * x",
        "x.expand(-1, -1, 4)",
        "torch.meshgrid(x[0, 0], x[0, 1], indexing='ij')", "torch.broadcast_tensors(x, x[:, :1])", "x.swapaxes(0, 2)",
        "x.view_as(x)", "x.unbind()[1][0]",
    )
] + [
    sample("torch.cat([x, y])", x=(2, 3), y=ints(1, 3)), sample("torch.cat([x, y], 1)", x=(2, 3), y=(2, 0)),
    sample("x.squeeze()", x=(1, 2, 1)), sample("x.squeeze(1)", x=(1, 2, 1)), sample("x.squeeze((0, 2))", x=(1, 2, 1)),
    sample("x.t()", x=(3,)), sample("x.reshape(3, 2)", x=floats(2, 3, layout="F")),
    sample("x.view(2)", x=floats(2, layout="step")),
    sample("x.reshape(-1)", x=()), sample("x.view(0, 4)", x=(0, 2)), sample("x.expand(4, 2)", x=(2,)),
    sample("F.pad(x, (1, 2))", x=(2, 3)), sample("F.pad(x, (1, 0, 0, 2), value=1.5)", x=(2, 3)),
    sample("F.pad(x, (-1, 1))", x=(2, 3)),
]  # fmt: skip

# -- indices -------------------------------------------------------------------------------------------------------
INDEX = [
    sample(code, x=(3, 4, 2))
    for code in (
        "x[0]", "x[-1]", "x[1, 2]", "x[1, 2, 0]", "x[:, 1]", "x[1:]", "x[:, ::2]", "x[..., 0]", "x[None]",
        "x[:, None, 1]",
        "x[[0, 2]]", "x[[0, 0, 2]]", "x[:, [1, 1]]", "x[torch.tensor([2, 0])]", "x[[0, 1], [2, 3]]",
        "x[torch.tensor([[0, 1], [1, 2]])]",
        "x[x > 0]", "x[torch.tensor([True, False, True])]", "x[0:2, 1:3, 1]", "x[1][2]", "x[-2:, -1]", "x[...]", "x[:]",
        "torch.index_select(x, 1, torch.tensor([0, 3, 3]))", "torch.take(x, torch.tensor([0, 5, 5]))", "x[2:1]",
        "torch.gather(x, 1, torch.tensor([[[0, 1], [3, 3]]]))", "x.masked_fill(x > 0, -1.0)",
        "torch.masked_select(x, x > 0)",
        "y = x * 1\ny[0] = 5.0\ny", "y = x * 1\ny[:, 1] = x[:, 2]\ny * y", "y = x * 1\ny[x > 0] = 0.0\ny",
        "y = x * 1\ny[[0, 2]] = x[1]\ny", "y = torch.zeros(3, 4, 2)\ny[1] = x[1]\ny", "torch.sort(x, 1)",
        "x.sort(descending=True)",
        "x.topk(2, dim=1)", "torch.topk(x, 1, largest=False)", "x.argsort(1)", "torch.nonzero(x > 0)",
        "x[torch.tensor([0, 1]), :, torch.tensor([0, 1])]", "x[(x > 0).nonzero(as_tuple=True)]",
        "x.take(torch.tensor([[0], [1]]))",
    )
] + [
    sample("torch.scatter(x, 1, i, s)", x=(2, 4), i=given([[0, 2], [1, 3]], np.int64), s=(2, 2)),
    sample("x.scatter(0, i, 2.5)", x=(3, 2), i=given([[0, 2]], np.int64)),
    sample("torch.scatter_add(x, 1, i, s)", x=(2, 4), i=given([[0, 0], [1, 3]], np.int64), s=(2, 2)),
    sample("F.embedding(i, w)", i=given([[0, 2], [2, 1]], np.int64), w=(4, 3)),
    sample("F.embedding(i, w, padding_idx=2)", i=given([[0, 2], [2, 1]], np.int64), w=(4, 3)),
    sample("x[i]", x=(3,), i=given(1, np.int64)), sample("x[m]", x=(2, 3), m=bools(2, 3)),
    sample("x[:, m]", x=(2, 3), m=bools(3)), sample("x.masked_fill(m, y)", x=(2, 3), m=bools(3), y=()),
]  # fmt: skip

IN_PLACE = [
    sample(f"y = x * 1\ny.{call}\ny * 2", x=positive(2, 3))
    for call in (
        "add_(1)", "sub_(x)", "mul_(3)", "div_(2)", "pow_(2)", "exp_()", "relu_()", "sigmoid_()", "clamp_(0.5, 1.0)",
        "neg_()",
        "sqrt_()", "zero_()", "fill_(2.0)", "copy_(x * 3)", "masked_fill_(x > 1, 0.0)", "abs_()", "addcmul_(x, x)",
        "tanh_()",
        "lerp_(x * 2, 0.5)", "squeeze_()", "t_()",
    )
]  # fmt: skip

# -- products ------------------------------------------------------------------------------------------------------
MATMUL = [
    sample("x @ y", x=a, y=b)
    for a, b in (
        ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((5, 2, 3), (3,)), ((5, 2, 3), (3, 4)),
        ((3,), (5, 3, 4)),
        ((2, 3), (5, 3, 4)), ((5, 2, 3), (5, 3, 4)), ((1, 2, 3), (5, 3, 4)), ((5, 2, 3), (1, 3, 4)),
        ((6, 1, 2, 3), (5, 3, 4)),
        ((2, 5, 2, 3), (2, 5, 3, 4)), ((2, 2, 2, 3), (3,)), ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((0, 2, 3), (3, 4)),
        (floats(2, 3, layout="F"), floats(3, 4, layout="step")), (floats(2, 3, dtype=F64), floats(3, 4, dtype=F64)),
        (floats(2, 3, dtype=F16), floats(3, 2, dtype=F16)), (ints(2, 3), ints(3, 2)), (const(5, 2, 3), floats(3, 4)),
        (const(2, 3), floats(5, 3, 4)), (floats(5, 2, 3), const(3, 4)), (floats(5, 2, 3), const(1, 3, 4)),
    )
] + [
    sample("torch.mm(x, y)", x=(2, 3), y=(3, 4)), sample("torch.bmm(x, y)", x=(5, 2, 3), y=(5, 3, 4)),
    sample("torch.mv(x, y)", x=(2, 3), y=(3,)), sample("torch.dot(x, y)", x=(3,), y=(3,)),
    sample("torch.outer(x, y)", x=(3,), y=(2,)), sample("x.ger(y)", x=(3,), y=(2,)),
    sample("torch.addmm(b, x, y)", b=(4,), x=(2, 3), y=(3, 4)),
    sample("torch.addmm(b, x, y, beta=0.5, alpha=2)", b=(2, 1), x=(2, 3), y=(3, 4)),
    sample("torch.addmm(b, x, y, beta=0)", b=(2, 4), x=(2, 3), y=(3, 4)),
    sample("torch.baddbmm(b, x, y)", b=(2, 1, 4), x=(2, 3, 3), y=(2, 3, 4)),
    sample("torch.baddbmm(b, x, y, beta=2, alpha=0.5)", b=(2, 3, 4), x=(2, 3, 3), y=(2, 3, 4)),
    sample("torch.addmv(b, x, y)", b=(2,), x=(2, 3), y=(3,)),
    sample("torch.addmv(b, x, y, beta=0.5, alpha=3)", b=(), x=(2, 3), y=(3,)),
    sample("F.linear(x, w, b)", x=(2, 3), w=(4, 3), b=(4,)), sample("F.linear(x, w)", x=(2, 3), w=(4, 3)),
    sample("F.linear(x, w, b)", x=(3,), w=(4, 3), b=(4,)), sample("F.linear(x, w, b)", x=(5, 2, 3), w=(4, 3), b=(4,)),
    sample("F.linear(x, w)", x=(5, 2, 3), w=(4, 3)), sample("x.t() @ y.t()", x=(3, 2), y=(4, 3)),
    sample("x.transpose(0, 1) @ y", x=(2, 5, 3), y=(3, 4)), sample("x @ y.transpose(1, 2)", x=(5, 2, 3), y=(5, 4, 3)),
]  # fmt: skip

# -- activations ---------------------------------------------------------------------------------------------------
# At the corners -3, 0, 3 too, where the slopes of the pieces meet.
CORNERS = given([-4.0, -3.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 6.0, 25.0])
CALLS = """F.relu(x) F.leaky_relu(x) F.leaky_relu(x,0.2) F.elu(x) F.elu(x,0.5) F.gelu(x) F.gelu(x,approximate='tanh') F.silu(x)
    F.softplus(x) F.softplus(x,2,10) F.hardtanh(x) F.hardtanh(x,-2,0.5) F.relu6(x) F.selu(x) F.mish(x) F.logsigmoid(x)
    F.hardsigmoid(x) F.hardswish(x) F.softsign(x) F.celu(x) F.celu(x,0.7) F.tanhshrink(x) F.softshrink(x) F.softshrink(x,0.2)
    F.hardshrink(x) F.hardshrink(x,0.2) F.threshold(x,0.1,2.0) F.sigmoid(x) F.tanh(x)""".split()
ACTIVATION = [
    sample(code, x=x, rtol=3e-2 if x.dtype is F16 else 1e-4 if "gelu" in code or "mish" in code else 1e-7 if x.dtype is F64 else None,
           order=min(o, 1) if "hardsigmoid" in code else o, text=x.dtype is not F16 and x is not CORNERS)
    for code in CALLS
    for x,
    o in ((floats(2, 3), 2), (CORNERS, 1), (floats(), 2), (floats(0, 3), 2), (floats(4, dtype=F64), 2), (floats(4, dtype=F16), 1))
] + [
    sample("F.prelu(x, w)", x=(2, 3, 2), w=(3,)), sample("F.prelu(x, w)", x=(4,), w=(1,)),
    sample("torch.prelu(x, w)", x=(2, 3), w=(1,)),
]  # fmt: skip

# -- softmax and losses --------------------------------------------------------------------------------------------
SOFTMAX = [
    sample(f"{f}(x, {dim})", x=x)
    for f in ("torch.softmax", "torch.log_softmax")
    for x, dim in (
        (floats(2, 3), 1), (floats(2, 3), 0), (floats(2, 3, 4), -1), (floats(2, 3, 4), 1), (floats(), 0),
        (floats(0, 3), 1),
        (floats(2, 3, dtype=F64), 1), (floats(2, 3, dtype=F16), 1), (given([[1000.0, 0.0], [-1000.0, 3.0]]), 1),
    )
] + [
    sample("F.softmax(x, dim=1)", x=(2, 3)), sample("F.log_softmax(x, dim=-1, dtype=torch.float64)", x=(2, 3)),
    sample("x.softmax(0)", x=(3,)),
]  # fmt: skip
CLASSES, GRID = given([1, 0, 2, 1], np.int64), given([[1, 0, 2], [2, 2, 0]], np.int64)
LOSS = [
    sample(f"F.{f}(x, t{options})", x=(4, 3), t=CLASSES)
    for f in ("nll_loss", "cross_entropy")
    for options in ("", ", reduction='sum'", ", reduction='none'", ", ignore_index=1", ", ignore_index=-100")
] + [
    sample(f"F.{f}(x, t, w{options})", x=(4, 3), t=CLASSES, w=floats(3, low=0.2, high=2.0, requires_grad=False))
    for f in ("nll_loss", "cross_entropy")
    for options in ("", ", reduction='sum'", ", reduction='none'", ", ignore_index=0")
] + [
    sample("F.nll_loss(x, t)", x=(2, 3, 3), t=GRID),
    sample("F.cross_entropy(x, t, reduction='none')", x=(2, 3, 3), t=GRID),
    sample("F.nll_loss(x, t)", x=(2, 3, 1, 3), t=given([[[1, 0, 2]], [[2, 2, 0]]], np.int64)),
    sample("F.cross_entropy(x, t, ignore_index=2)", x=(2, 3, 1, 3), t=given([[[1, 0, 2]], [[2, 2, 0]]], np.int64)),
    sample("F.nll_loss(x, t)", x=(3,), t=given(2, np.int64)),
    sample("F.cross_entropy(x, t)", x=(3,), t=given(0, np.int64)),
    sample("F.nll_loss(x, t)", x=(2, 3), t=given([-100, -100], np.int64)),
    sample("F.nll_loss(x, t)", x=floats(2, 3, dtype=F64), t=given([1, 2], np.uint8)),
    sample("F.cross_entropy(x, p)", x=(4, 3), p=const(4, 3)),
    sample("F.cross_entropy(x, t, label_smoothing=0.1)", x=(4, 3), t=CLASSES),
    sample("F.binary_cross_entropy(x, y)", x=floats(4, low=0.1, high=0.9), y=floats(4, low=0.1, high=0.9, requires_grad=False)),
    sample("F.binary_cross_entropy_with_logits(x, y)", x=(4,), y=floats(4, low=0, high=1, requires_grad=False)),
    sample("F.smooth_l1_loss(x, y, beta=0.5)", x=(5,), y=(5,)), sample("F.huber_loss(x, y, delta=0.5)", x=(5,), y=(5,)),
    sample("F.l1_loss(x, y)", x=(5,), y=(5,), order=1),
    sample("F.kl_div(x, y, reduction='sum')", x=(5,), y=positive(5)),
    sample("F.batch_norm(x, None, None, w, b, True)", x=(4, 3, 2, 2), w=(3,), b=(3,), rtol=1e-3),
    sample("F.batch_norm(x, m, v, w, b)", x=(4, 3), m=const(3), v=floats(3, low=0.5, high=1, requires_grad=False), w=(3,), b=(3,), rtol=1e-4),
    sample("F.layer_norm(x, (3,), w, b)", x=(4, 3), w=(3,), b=(3,), rtol=1e-3),
    sample("F.mse_loss(x, y)", x=(2, 3), y=(2, 3)),
    sample("F.mse_loss(x, y, reduction='sum')", x=(2, 3), y=const(2, 3)),
]  # fmt: skip

# -- pictures ------------------------------------------------------------------------------------------------------
CONVOLVE = [
    sample(f"F.conv2d(x, w, b{options})", x=x, w=w, b=(4,), rtol=1e-4)
    for options, x, w in (
        ("", (2, 3, 6, 7), (4, 3, 3, 2)), (", stride=2", (2, 3, 7, 7), (4, 3, 3, 3)),
        (", padding=1", (1, 3, 5, 5), (4, 3, 3, 3)),
        (", stride=(2, 1), padding=(0, 2)", (2, 3, 7, 5), (4, 3, 3, 3)), (", dilation=2", (2, 3, 8, 7), (4, 3, 3, 2)),
        (", groups=2", (2, 4, 5, 5), (4, 2, 3, 3)), (", groups=4, padding=1, stride=3", (2, 4, 7, 7), (4, 1, 3, 3)),
        (", stride=2, padding=1, dilation=(2, 3)", (1, 3, 9, 11), (4, 3, 3, 3)),
        (", padding='same'", (1, 3, 5, 5), (4, 3, 3, 3)),
        ("", (3, 5, 5), (4, 3, 3, 3)), ("", (2, 3, 1, 1), (4, 3, 1, 1)),
        (", padding='valid'", (1, 3, 5, 5), (4, 3, 5, 5)),
    )
] + [
    sample("F.conv2d(x, w)", x=(2, 3, 5, 5), w=(4, 3, 3, 3), rtol=1e-4),
    sample("F.conv2d(x, w)", x=const(2, 3, 5, 5), w=(4, 3, 3, 3), rtol=1e-4),
    sample("F.conv2d(x, w)", x=(2, 3, 5, 5), w=const(4, 3, 3, 3), rtol=1e-4),
    sample("F.conv2d(x, w)", x=floats(2, 3, 5, 5, dtype=F64), w=floats(4, 3, 3, 3, dtype=F64)),
    sample("F.conv2d(x, w)", x=floats(1, 2, 4, 4, dtype=F16), w=floats(2, 2, 3, 3, dtype=F16), order=1, rtol=2e-2),
    sample("F.conv2d(x, w)", x=floats(2, 3, 5, 5, layout="step"), w=floats(4, 3, 3, 3, layout="F"), rtol=1e-4),
    sample("F.conv2d(x, w)", x=(0, 3, 5, 5), w=(4, 3, 3, 3), order=0),
]  # fmt: skip
EDGES = given([[[[1.0, NAN, 3.0, NAN], [2.0, 5.0, NAN, 4.0], [-INF, -INF, 0.0, -0.0], [-INF, -INF, -0.0, 0.0]]]])
POOL = [
    sample(f"F.max_pool2d(x, {options})", x=x)
    for options, x in (
        ("2", (2, 3, 4, 6)), ("2", (2, 3, 5, 7)), ("3, 2", (2, 3, 7, 7)), ("2, 1", (1, 2, 4, 4)),
        ("3, 2, 1", (2, 2, 5, 6)), ("(2, 3)", (1, 1, 4, 6)),
        ("2, ceil_mode=True", (1, 2, 5, 5)), ("3, 2, 1, ceil_mode=True", (1, 2, 6, 6)), ("2, 1, 0, 2", (1, 2, 5, 5)),
        ("2", (3, 4, 4)), ("2", (0, 3, 4, 4)),
        ("2", floats(2, 1, 4, 4, dtype=F64)), ("2", floats(1, 2, 4, 4, layout="step")), ("1", (1, 1, 3, 3)),
        ("3, 1, 1, 1", (1, 1, 4, 4)),
        ("2, return_indices=True", (2, 3, 4, 6)), ("3, 2, 1, return_indices=True", (1, 2, 6, 6)),
        ("2, return_indices=True", EDGES),
        ("2, padding=1, return_indices=True", given(np.full((1, 1, 2, 2), -INF))),
        ("3, 1, 1, return_indices=True", given(np.ones((1, 1, 4, 4)))),
        ("2", floats(1, 2, 4, 4, dtype=F16)), ("2", ints(1, 2, 4, 4)),
    )
] + [
    sample(f"F.avg_pool2d(x, {options})", x=x)
    for options, x in (
        ("2", (2, 3, 4, 6)), ("3, 2", (2, 3, 7, 7)), ("3, 2, 1", (2, 2, 5, 6)),
        ("3, 2, 1, count_include_pad=False", (1, 2, 5, 5)), ("2, ceil_mode=True", (1, 2, 5, 5)),
        ("3, 2, 1, ceil_mode=True, count_include_pad=False", (1, 1, 6, 6)), ("2, divisor_override=3", (1, 1, 4, 4)),
        ("2", (3, 4, 4)), ("2, 1", (1, 1, 4, 4)),
    )
] + [
    sample(f"F.adaptive_avg_pool2d(x, {size})", x=x)
    for size,
    x in (("2", (2, 3, 4, 6)), ("(3, 2)", (1, 2, 7, 5)), ("1", (2, 3, 4, 4)), ("(None, 2)", (1, 1, 3, 4)), ("5", (1, 2, 3, 3)), ("2", (3, 4, 4)))
]  # fmt: skip

TABLES: dict[str, list[Sample]] = {
    "two": TWO, "kinds": KINDS, "numbers": NUMBERS, "unary": UNARY, "pieces": PIECES, "reduce": REDUCE, "shape": SHAPE,
    "index": INDEX,
    "in_place": IN_PLACE, "matmul": MATMUL, "activation": ACTIVATION, "softmax": SOFTMAX, "loss": LOSS,
    "convolve": CONVOLVE, "pool": POOL,
}  # fmt: skip


def _more() -> None:
    """Every module of tests/oracle/tables adds its TABLE of rows, named after the module."""
    from . import tables

    for module in sorted(m.name for m in pkgutil.iter_modules(tables.__path__)):
        TABLES[module] = importlib.import_module(f"{tables.__name__}.{module}").TABLE


_more()


def params(skip: tuple[str, ...] = ()) -> list[Any]:
    """Every row as a pytest parameter, named after its table and place."""
    rows = ((name, i, row) for name, table in TABLES.items() if name not in skip for i, row in enumerate(table))
    return [pytest.param(row, id=f"{name}-{i}: {row}") for name, i, row in rows]
