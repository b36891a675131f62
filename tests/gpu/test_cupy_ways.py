"""Where CuPy computes otherwise than NumPy and SciPy (tests/cupy_ways.py): the CPU's numbers all the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradviz.core.device import as_device
from tests.oracle.same import Sample, complexes, floats, given, ints, same_on_device

from .run_kernel import needs_compiler

pytestmark = [needs_compiler, pytest.mark.usefixtures("machine")]
NAN, INF = np.nan, np.inf
EDGES = [-INF, -800.0, -8.0, -2.5, -1.0, -0.0, 0.0, 1e-300, 0.5, 8.0, 8.5, 95.0, 720.0, INF, NAN]


def alike(row: Sample) -> None:
    with np.errstate(all="ignore"):
        same_on_device(row, as_device("cuda"))


@pytest.mark.parametrize("function", ["max", "min", "argmax", "argmin"])
@pytest.mark.parametrize("options", ["dim=0", "dim=-1, keepdim=True"])
def test_extremes_of_a_single_number(function: str, options: str) -> None:
    alike(Sample(f"x.{function}({options})", {"x": floats()}))


@pytest.mark.parametrize("x", [given(EDGES), complexes(5)], ids=["real", "complex"])
def test_angles(x: Any) -> None:
    alike(Sample("torch.angle(x)", {"x": x}))


KINDS = [
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64",
    "complex128",
]  # fmt: skip
ADDING = [
    "x.index_add(0, i, y)", "x.scatter_add(0, i, y)", "x.index_put((i,), y, accumulate=True)", "x[i]",
    "x.put(i, y, accumulate=True)", "torch.gather(x, 0, i)", "x.as_strided((4, 2), (1, 1))",
]  # fmt: skip


def typed(code: str, kind: str, **options: Any) -> Sample:
    numbers = {name: f"{name} = {name}.to(torch.{kind})\n" for name in "xy"}
    grown = floats(6, low=-90, high=90)
    rounding = {"float16": 1e-3, "bfloat16": 1e-2}.get(kind)  # they are added up in another order
    inputs = {"x": grown, "y": grown, "i": ints(6, high=3)}
    return Sample(f"{numbers['x']}{numbers['y']}{code}", inputs, rtol=rounding, **options)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("code", ADDING)
def test_every_type_is_added_up(code: str, kind: str) -> None:
    alike(typed(code, kind, text="float16" not in kind))


@pytest.mark.parametrize("kind", [k for k in KINDS if "complex" not in k])
@pytest.mark.parametrize("which", ["amax", "amin"])
@pytest.mark.parametrize("whole", [True, False])
def test_every_type_has_extremes(which: str, kind: str, whole: bool) -> None:
    alike(typed(f"x.scatter_reduce(0, i, y, '{which}', include_self={whole}), x, y", kind, order=0))


@pytest.mark.parametrize("which", ["amax", "amin"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_extremes_know_no_number_and_infinity(which: str, kind: Any) -> None:
    x = given([1 / 3, NAN, -INF, INF, 0.0, -1e-3], kind, requires_grad=False)
    y = given([NAN, 2 / 3, -1e300 if kind is np.float64 else -1e30, 5.0, -0.1, -INF], kind, requires_grad=False)
    alike(Sample(f"x.index_reduce(0, i, y, '{which}')", {"x": x, "y": y, "i": ints(6, high=6)}, text=False))


FLOATS = ["float16", "bfloat16", "float32", "float64"]
FUNCTIONS = [
    "i0",
    "special.i0e",
    "special.i1",
    "special.i1e",
    "special.modified_bessel_i0",
    "special.modified_bessel_i1",
]


@pytest.mark.parametrize("kind", [*FLOATS, "int64"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_bessel_functions(function: str, kind: str) -> None:
    x = given(EDGES if kind in FLOATS else [-2, 0, 9], np.float64, requires_grad="modified" not in function)
    order = 0 if "float16" in kind else 1  # gradients are rounded after every step
    alike(Sample(f"torch.{function}(x.to(torch.{kind}))", {"x": x}, order=order))


@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize(
    "code", ["x // y", "torch.div(x, y, rounding_mode='floor')", "x // 0.3", "-7 // y", "x.T // y"]
)
def test_division_rounded_down(code: str, kind: str) -> None:
    numbers = np.array([*EDGES, -1e-30, 1e30, 3.0, 0.1, 7.0, -7.0])
    x, y = (given(v, np.float64, requires_grad=False) for v in np.meshgrid(numbers, numbers))
    alike(Sample(f"x, y = x.to(torch.{kind}), y.to(torch.{kind})\nz = {code}\nz, 1 / z", {"x": x, "y": y}))


@pytest.mark.parametrize("code", ["7 // x", "x // -3", "torch.div(x, 3, rounding_mode='floor')", "x // x"])
def test_division_of_whole_numbers(code: str) -> None:
    alike(Sample(code, {"x": given([-7, 2, 9], np.int64)}))


@pytest.mark.parametrize("function", ["xlogy", "xlog1py"])
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("arguments", ["x, y", "0, y", "x, 0.5", "x, math.nan"])
def test_products_with_logarithms(function: str, kind: str, arguments: str) -> None:
    x = given([0.0, 0.0, -0.0, 0.0, 1.5, NAN, INF], requires_grad=False)
    y = given([NAN, INF, -3.0, -1.0, 0.5, 2.0, NAN], requires_grad=False)
    code = f"import math\nx, y = x.to(torch.{kind}), y.to(torch.{kind})\ntorch.special.{function}({arguments})"
    alike(Sample(code, {"x": x, "y": y}))


LAID_OUT = [
    "x + 1", "x * x", "x / x.mean((0, 2, 3), keepdim=True)", "x.relu()", "F.gelu(x)", "x.exp()", "x.clamp(0, 1)",
    "torch.where(x > 0, x, 0.0)", "torch.maximum(x, -x)", "x.mT + 1", "x.permute(3, 1, 0, 2) * 2", "x[:, :, ::2] + 1",
    "x + x.contiguous()[:, :1].mT.mT", "x[:1] * 2", "torch.cat((x, x * 2), 1)", "torch.cat((x, x), 2)",
    "torch.cat((x, x))", "torch.cat((x, x), -1)", "x * torch.ones(5, device=x.device)", "x + x.contiguous()",
    "x.contiguous() + x", "x[:, :1].expand(2, 3, 4, 5) + 1", "x.mT[:, :, :, 1] + 1",
    "x * torch.ones(3, 1, 1, device=x.device)", "x * x[:1, :, :1, :1].expand(2, 3, 4, 5)",
]  # fmt: skip


@pytest.mark.parametrize("code", LAID_OUT)
def test_results_lie_as_their_inputs(code: str) -> None:
    last = "x = x.contiguous(memory_format=torch.channels_last)\n"
    for what in ("z", "z.stride()"):
        alike(Sample(f"{last}z = {code}\n{what}", {"x": floats(2, 3, 4, 5)}))
