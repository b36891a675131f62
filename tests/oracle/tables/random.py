"""Random numbers: from one seed, PyTorch's values; gradients that are zero; errors."""

from __future__ import annotations

import numpy as np

from ..same import F16, F64, Sample, const, floats, given, ints, positive, sample

_PROBABILITIES = floats(5, low=0.1, high=0.9)
_ROW = given([[0.1, 0.2, 0.3, 0.4], [4.0, 3.0, 2.0, 0.0]])


def seeded(code: str, **inputs: object) -> Sample:
    return sample(f"torch.manual_seed(3)\n{code}", **inputs)  # type: ignore[arg-type]


STEERED = [
    seeded("torch.bernoulli(x)", x=_PROBABILITIES),
    seeded("torch.bernoulli(x, 0.3)", x=const(4, 3)),
    seeded("torch.bernoulli(x, 0.3).sum().backward()", x=(4, 3)),
    seeded("torch.binomial(x, x).sum().backward()", x=positive(4)),
    seeded("x.bernoulli()", x=floats(low=0.2, high=0.8)),
    seeded("torch.bernoulli(x)", x=floats(0, 3)),
    seeded("torch.normal(x, 1.0)", x=(5,)),
    seeded("torch.normal(x, 2)", x=(4, 5)),
    seeded("torch.normal(0.0, x)", x=positive(5)),
    seeded("torch.normal(x, y)", x=(5,), y=positive(5)),
    seeded("torch.normal(x, y)", x=(3, 1), y=positive(7)),
    seeded("torch.normal(x, y)", x=floats(3, dtype=F64), y=positive(3, dtype=F64)),
    seeded("torch.normal(1, 2.0, (2, 3))"),
    seeded("torch.normal(mean=0.5, std=1.0, size=(20,))"),
    seeded("torch.poisson(x)", x=floats(30, low=0.1, high=30.0)),
    seeded("torch.poisson(x)", x=floats(2, 3, low=0.1, high=4.0, dtype=F64)),
    seeded("torch.poisson(x)", x=given(0.0)),
    seeded("torch.binomial(x, y)", x=given([1.0, 5.0, 50.0], requires_grad=False), y=given(0.4, requires_grad=False)),
    seeded("torch.multinomial(x, 2)", x=_ROW),
    seeded("x.multinomial(1)", x=_ROW),
    seeded("torch.multinomial(x, 9, replacement=True)", x=_ROW),
    seeded("torch.multinomial(x, 3, True)", x=floats(6, low=0.1, high=1.0, dtype=F64)),
    seeded("torch.multinomial(x, 5)", x=floats(5, low=0.1, high=1.0, dtype=F16)),
]
# In place on a value that was computed: what made it gets zeros.
FILLS = [
    seeded(f"y = x * 2\ny.{call}\ny + x", x=shape)
    for call in (
        "normal_()", "normal_(1, 3)", "uniform_()", "uniform_(-1, 2)", "exponential_(2)", "cauchy_()",
        "cauchy_(1, 0.5)", "log_normal_()", "log_normal_(0, 0.3)", "geometric_(0.3)", "random_()", "random_(7)",
        "random_(-3, 7)", "bernoulli_()", "bernoulli_(0.2)",
    )
    for shape in ((3,), (4, 5), (), (0,))
] + [
    seeded("y = x * 1\ny.bernoulli_(p)", x=(2, 5), p=_PROBABILITIES),
    seeded("y = torch.ones(2, 5)\ny.bernoulli_(p)", p=_PROBABILITIES),
    seeded("y = x.clone()\ny.t().normal_()\ny", x=const(4, 6)),
    seeded("y = x.clone()\ny[:, ::2].uniform_()\ny", x=const(4, 6)),
    seeded("x.clone().geometric_(0.1)", x=ints(40, dtype=np.uint8)),
    seeded("x.clone().geometric_(0.4)", x=ints(20)),
    seeded("x.clone().cauchy_()", x=const(20, dtype=F16)),
    seeded("x.clone().log_normal_()", x=const(20, dtype=F64)),
    seeded("y = x * 1\ny.normal_()\nrepr(y)", x=(2,)),
    seeded("y = x * 1\ny.random_()\ny.grad_fn.name()", x=(2,)),
    seeded("y = x * 1\ny.random_(5)\ny.grad_fn.name()", x=(2,)),
    seeded("y = x * 1\ny.random_(2, 5)\ny.grad_fn.name()", x=(2,)),
]  # fmt: skip
NEW = [
    seeded(code)
    for code in (
        "torch.rand(2, 3)", "torch.rand((2, 3), dtype=torch.float64)", "torch.rand(5, dtype=torch.complex64)",
        "torch.randn(2, 3)", "torch.randn(3, dtype=torch.complex64)", "torch.randn(20, dtype=torch.complex128)",
        "torch.randn(5, requires_grad=True)", "torch.randint(10, (5,))", "torch.randint(-3, 4, (2, 2))",
        "torch.randint(0, 9, (3,), dtype=torch.float32)", "torch.randint(9, (3,), dtype=torch.uint16)",
        "torch.randperm(10)", "torch.randperm(0)", "torch.randperm(12, dtype=torch.int32)",
        "torch.rand_like(torch.zeros(2, 3, dtype=torch.float64))", "torch.randn_like(torch.zeros(4))",
        "torch.rand_like(torch.zeros(2, 3), dtype=torch.complex64)", "torch.randint_like(torch.zeros(4), 3)",
        "torch.randint_like(torch.zeros(4, dtype=torch.int32), 3, 30)",
        "torch.empty(5, dtype=torch.complex64).normal_(0.5, 2)", "torch.empty(5, dtype=torch.complex64).uniform_(1, 3)",
        "[torch.randn(3), torch.rand(2), torch.randn(2)]",
        "torch.nn.functional.dropout(torch.ones(20), 0.4)",
    )
]  # fmt: skip
REFUSED = [
    sample(code)
    for code in (
        "torch.empty(3).cauchy_(0, -1)", "torch.empty(3).cauchy_(0, 0)", "torch.empty(3).cauchy_(1j)",
        "torch.empty(3, dtype=torch.int64).cauchy_()", "torch.empty(3, dtype=torch.bool).cauchy_()",
        "torch.empty(3, dtype=torch.complex64).cauchy_()", "torch.empty(3, dtype=torch.complex64).exponential_()",
        "torch.empty(3).geometric_(0)", "torch.empty(3).geometric_(1)", "torch.empty(3).geometric_(1.5)",
        "torch.empty(3, dtype=torch.bool).geometric_(0.5)", "torch.empty(3).geometric_('a')",
        "torch.empty(3).log_normal_(0, 0)", "torch.empty(3, dtype=torch.int64).log_normal_()",
        "torch.empty(3).normal_('a')", "torch.empty(3).normal_(0, 'a')", "torch.empty(3).uniform_('a')",
        "torch.empty(3).uniform_(from_=2)", "torch.empty(3).uniform_(0, float('nan'))",
        "torch.empty(3, dtype=torch.uint16).uniform_()", "torch.empty(3, dtype=torch.uint16).random_()",
        "torch.empty(3, dtype=torch.complex64).random_()", "torch.empty(3, dtype=torch.complex64).bernoulli_()",
        "torch.randint(3, (2,), dtype=torch.complex64)", "torch.randint(0, 2**17, (2,), dtype=torch.uint16)",
        "torch.randint(0, 2**33, (2,), dtype=torch.uint32)", "torch.randint(-1, 3, (2,), dtype=torch.uint64)",
        "torch.randperm(3, dtype=torch.uint16)", "torch.randperm(3, dtype=torch.complex64)",
        "torch.poisson(torch.tensor([-1.0]))", "torch.poisson(torch.tensor([1]))",
        "torch.binomial(torch.tensor([1]), torch.tensor([0.5]))", "torch.binomial(torch.ones(2), torch.ones(3))",
        "torch.binomial(torch.tensor([1.5]), torch.tensor([0.5]).double())",
        "torch.zeros(3).expand(2, 3).uniform_()", "torch.ones(3, requires_grad=True).cauchy_()",
        "torch.ones(3, requires_grad=True).geometric_(0.5)", "torch.ones(3, requires_grad=True).log_normal_()",
    )
]  # fmt: skip

TABLE = [*STEERED, *FILLS, *NEW, *REFUSED]
