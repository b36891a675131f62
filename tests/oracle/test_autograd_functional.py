"""`torch.autograd.functional`: every argument and every check."""

from __future__ import annotations

# ruff: noqa: E501  (a program is a row)
import pytest

from .behave import behave

START = """
A = torch.autograd.functional
x, y = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
xg = x.clone().requires_grad_()
one = torch.ones(2)
def square(x): return x ** 2
def cube(x): return (x ** 3).sum()
def linear(x): return 3 * x
def linear_sum(x): return (3 * x).sum()
def constant(x): return torch.ones(2)
def constant_sum(x): return torch.ones(2).sum()
def both(x, y): return x * y, x + y
def both_sum(x, y): return (x * y * y).sum()
def first(x, y): return x ** 2
def first_sum(x, y): return (x ** 2).sum()
def free(x): return xg * x
"""
VECTOR = [
    "square, x, one", "square, x, y", "square, x, torch.ones(3)", "square, x, (one, one)", "square, (x,), (one,)",
    "square, x", "square, 3, one", "square, (x, 3), one", "square, x, 3", "lambda x: 3, x, one",
    "lambda x: [x * 2], x, one", "lambda x: (x * 2, 3), x, one", "constant, x, one", "constant, x, one, strict=True",
    "linear, x, one, strict=True", "linear, xg, one, strict=True, create_graph=True",
    "square, xg, one, create_graph=True", "square, x, one, create_graph=True", "square, xg, one",
    "square, xg, xg, create_graph=True", "free, x, one", "free, x, one, create_graph=True", "(lambda x: x * x), x[:1]",
    "lambda x: x.sum(), x, one", "square, x.double(), one.double()",
]  # fmt: skip
SCALAR = [
    "cube, x, one", "cube, x, y", "cube, x, torch.ones(3)", "cube, x, (one, one)", "cube, (x,), (one,)", "cube, x",
    "cube, 3, one", "cube, x, 3", "lambda x: 3, x, one", "square, x, one", "lambda x: (cube(x),), x, one",
    "constant_sum, x, one", "constant_sum, x, one, strict=True", "linear_sum, x, one", "linear_sum, x, one, strict=True",
    "cube, xg, one, create_graph=True", "cube, x, one, create_graph=True", "cube, x, one, strict=True",
    "both_sum, (x, y), (one, one)", "first_sum, (x, y), (one, one)", "first_sum, (x, y), (one, one), strict=True",
    "cube, x[:1]", "lambda x: cube(x)[None], x, one",
]  # fmt: skip
MATRIX = [
    "square, x", "square, xg", "square, (x,)", "square, 3", "square, x, vectorize=True", "square, x, strict=True",
    "square, x, strict=True, vectorize=True", "square, xg, create_graph=True", "square, x, create_graph=True",
    "square, x, strategy='forward-mode'", "square, x, strategy='forward-mode', vectorize=True", "square, x, strategy='none'",
    "square, x, strategy='forward-mode', vectorize=True, create_graph=True",
    "square, x, strategy='forward-mode', vectorize=True, strict=True", "both, (x, y)", "both, (x, y), vectorize=True",
    "both, (x, y), strict=True", "constant, x", "constant, x, strict=True", "first, (x, y)", "first, (x, y), strict=True",
    "linear, x, strict=True", "linear, x, strict=True, create_graph=True", "lambda x: x.sum(), x", "free, x",
    "lambda x: x.sum(1), torch.ones(2, 3)", "lambda x: (x.sum(0), x * 2), torch.ones(2, 3)", "lambda x: 3, x",
    "torch.no_grad()(square), x", "lambda x: x, x",
]  # fmt: skip
TWICE = [
    "cube, x", "cube, xg", "cube, (x,)", "cube, 3", "square, x", "lambda x: (cube(x),), x", "cube, x, vectorize=True",
    "cube, x, strict=True", "cube, x, strict=True, vectorize=True", "cube, xg, create_graph=True",
    "cube, x, outer_jacobian_strategy='forward-mode'", "cube, x, outer_jacobian_strategy='none'",
    "cube, x, outer_jacobian_strategy='forward-mode', vectorize=True, create_graph=True",
    "both_sum, (x, y)", "first_sum, (x, y)", "first_sum, (x, y), strict=True", "linear_sum, x",
    "linear_sum, x, strict=True", "constant_sum, x", "constant_sum, x, strict=True",
    "lambda x: (x.sin() ** 2).sum(), torch.ones(2, 3)", "lambda x: cube(x)[None], x",
]  # fmt: skip
CALLS = {
    f"{name}({arguments})": name
    for names, rows in (
        (("vjp", "jvp"), VECTOR),
        (("vhp", "hvp"), SCALAR),
        (("jacobian",), MATRIX),
        (("hessian",), TWICE),
    )
    for name in names
    for arguments in rows
}
PROGRAMS = {call: f"{START}log(A.{call})" for call in CALLS} | {
    "vjp of several": START + "log(A.vjp(both, (x, y), (one, y)))",
    "jvp of several": START + "log(A.jvp(both, (x, y), (one, y)))",
    "vjp without the second": START + "log(A.vjp(first, (x, y), one))\nA.vjp(first, (x, y), one, strict=True)",
    "jvp without the second": START
    + "log(A.jvp(first, (x, y), (one, one)))\nA.jvp(first, (x, y), (one, one), strict=True)",
    "jvp, a vector too few": START + "A.jvp(both, (x, y), (one,))",
    "jvp, a vector of another shape": START + "A.jvp(both, (x, y), (one, torch.ones(3)))",
    "vjp, a vector too few": START + "A.vjp(both, (x, y), (one,))",
    "differentiated again": START
    + "j = A.jacobian(square, xg, create_graph=True)\nlog(torch.autograd.grad(j.sum(), xg))\nh = A.hessian(cube, xg, create_graph=True)\nlog(torch.autograd.grad(h.sum(), xg))",
    "under no_grad": START
    + "with torch.no_grad():\n    log(A.jacobian(square, x), A.hessian(cube, x), A.vjp(square, x, one), A.hvp(cube, x, one))\n    log(A.vjp(square, x, one, create_graph=True))",
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", PROGRAMS)
def test_as_pytorch(name: str) -> None:
    pytest.importorskip("torch")
    behave(PROGRAMS[name])
