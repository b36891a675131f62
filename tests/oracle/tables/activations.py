"""Activations: every one, with its settings, in place, and under its names in `torch` and in `torch.nn.functional`."""

from __future__ import annotations

# ruff: noqa: E501, SIM905  (tables)
from ..same import F16, F64, floats, given, ints, sample

# At the corners, where the slopes of the pieces meet.
CORNERS = given([-4.0, -3.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 6.0, 25.0])
# What can be written over its input, with its settings.
OVER = """relu() relu6() elu(0.7) selu() celu(0.7) leaky_relu(0.2) hardtanh(-0.5,1) hardswish() hardsigmoid() silu()
    mish() threshold(0.1,2) rrelu()""".split()
TWINS = "relu_() elu_(0.7) selu_() celu_(0.7) leaky_relu_(0.2) hardtanh_(-0.5,1) threshold_(0.1,2) rrelu_()".split()
TORCH = """relu_() selu() selu_() celu(0.7) celu_(0.7) threshold(0.1,2) threshold_(0.1,2) rrelu() rrelu(0.1,0.3)
    rrelu_(0.1,0.3) hardshrink(0.3)""".split()


def _called(space: str, call: str, more: str = "") -> str:
    """`F.elu(y, 0.7)` from `elu(0.7)`."""
    name, _, rest = call.partition("(")
    return f"{space}.{name}({', '.join(part for part in ('y', rest[:-1], more) if part)})"


TABLE = [
    *(
        sample(f"y = x * 1\n{_called('F', call, 'inplace=True')}\ny * 2", x=(2, 3), order=1 if "hard" in call else 2)
        for call in OVER
    ),
    *(sample(f"y = x * 1\n{_called('F', call)}\ny * 2", x=(2, 3)) for call in TWINS),
    *(sample(f"y = x * 1\nz = {_called('torch', call)}\nz + y", x=(2, 3)) for call in TORCH),
    *(
        sample(f"F.{call}", x=x, rtol=1e-4, text=False)
        for call in ("elu(x, 2.0)", "celu(x, 2.0)", "selu(x)", "rrelu(x, 0.1, 0.3)", "hardshrink(x)", "threshold(x, 0.0, -1.0)")
        for x in (CORNERS, floats(2, 2, dtype=F64), floats(0, 3), floats())
    ),
    # random slopes: the same draws in the same order
    sample("torch.manual_seed(0)\nF.rrelu(x, training=True)", x=(4, 5)),
    sample("torch.manual_seed(3)\nF.rrelu(x, 0.0, 1.0, True)", x=floats(7, dtype=F64)),
    sample("torch.manual_seed(3)\ny = x * 1\nF.rrelu(y, 0.2, 0.7, True, True)\ny", x=(3, 2)),
    sample("torch.manual_seed(3)\nF.rrelu(x, 0.2, 0.7, True), torch.rand(2)", x=(3, 2)),
    # gated
    sample("F.glu(x)", x=(2, 4)),
    sample("F.glu(x, 0)", x=(2, 3)),
    sample("F.glu(x, 1)", x=floats(2, 4, 3, dtype=F64)),
    sample("F.glu(x, 1)", x=floats(0, 4)),
    sample("F.glu(x)", x=floats(4, dtype=F16), order=1, text=False),
    # slopes learned
    sample("F.prelu(x, w)", x=(2, 3, 2), w=(3,)),
    sample("F.prelu(x, w)", x=(3, 2), w=()),
    sample("F.prelu(x, w)", x=(), w=()),
    # softmax and its relatives
    *(
        sample(f"F.{name}(x, {options})", x=(2, 3))
        for name in ("softmax", "log_softmax", "softmin")
        for options in ("1", "dim=0", "-1, dtype=torch.float64")
    ),
    sample("F.softmax(x, 0, dtype=torch.float32)", x=ints(3)),
    sample("torch.softmax(x, 0, torch.float64), torch.log_softmax(x, 0, torch.float64)", x=(3,)),
    sample("torch.manual_seed(0)\nF.gumbel_softmax(x, 0.7)", x=(4, 5)),
    sample("torch.manual_seed(0)\nF.gumbel_softmax(x, 0.7, hard=True, dim=0)", x=(4, 5), order=1),
    sample("torch.manual_seed(0)\nF.gumbel_softmax(x)", x=floats(3, 4, dtype=F64)),
    # what is refused
    *(
        sample(f"F.{call}", x=ints(4))
        for call in """elu(x) celu(x) selu(x) gelu(x) silu(x) mish(x) leaky_relu(x) hardswish(x) hardsigmoid(x)
        hardshrink(x) softshrink(x) softplus(x) logsigmoid(x) glu(x) rrelu(x) rrelu(x,training=True)""".split()
    ),
    sample("F.glu(x)", x=()),
    sample("F.glu(x)", x=(3,)),
    sample("F.glu(x, 2)", x=(4,)),
    sample("F.hardtanh(x, 1, -1)", x=(3,)),
    sample("F.hardtanh(x, -1, 1)", x=given([1, 2], "uint8")),
    sample("F.celu(x, 0.0)", x=(3,)),
    sample("F.softshrink(x, -1.0)", x=(3,)),
    sample("F.gelu(x, approximate='no')", x=(3,)),
    sample("F.rrelu(x, 0.5, 0.1)", x=(3,)),
    sample("F.rrelu(x, float('inf'), 0.1)", x=(3,)),
    sample("F.prelu(x, w)", x=(), w=(2,)),
    sample("F.prelu(x, w)", x=(2, 3), w=(2,)),
    sample("F.prelu(x, w)", x=(2, 4), w=(2, 2)),
    sample("F.prelu(x, w)", x=(2, 4), w=floats(1, dtype=F64)),
    sample("F.prelu(x, w)", x=ints(2, 4), w=ints(4)),
    sample("F.relu(x, inplace=True)", x=(3,)),
    sample("F.threshold(x, 1, 2)", x=given([True, False], bool)),
    sample("F.relu6(x)", x=given([True, False], bool)),
]  # fmt: skip
