"""What NumPy computes faster another way: the numbers of the tables' own forwards, at the sizes where ways part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.core.device import CPU
from gradviz.core.op import OPS
from gradviz.core.ops import on_cpu
from gradviz.core.ops.helpers import count_up
from gradviz.core.ops.reductions import extremes

F = CPU.forwards
SIZES = [0, 1, 8, on_cpu.SOME - 1, on_cpu.SOME, on_cpu.MANY - 1, on_cpu.MANY, on_cpu.MANY + 3]
SPECIAL = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-45, 3.0]


def bits(a: Any) -> Any:
    return np.asarray(a).view(f"u{np.asarray(a).dtype.itemsize}")


# -- where ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("number", [0.0, -0.0, 0.5, np.nan])
@pytest.mark.parametrize("count", SIZES)
def test_where_with_a_number(count: int, number: float, kind: Any) -> None:
    g = np.resize(np.array(SPECIAL, kind), count)
    holds = np.resize([True, False, False, True, True], count)
    for found, wanted in (
        (F["where"](holds, g, number), np.where(holds, g, kind(number))),
        (F["where"](holds, number, g), np.where(holds, kind(number), g)),
    ):
        assert found.dtype == kind
        assert found is not g
        assert found.flags.writeable
        np.testing.assert_array_equal(bits(found), bits(wanted))


@pytest.mark.parametrize("shapes", [((3, 1), (3, 4)), ((3, 4), (4,)), ((), (2, 2)), ((2, 2), ())])
def test_where_of_unlike_shapes(shapes: Any) -> None:
    holds = np.resize([True, False, True], shapes[0])
    g = np.arange(np.prod(shapes[1], dtype=int), dtype=np.float32).reshape(shapes[1]) + 1
    np.testing.assert_array_equal(F["where"](holds, g, 0.0), np.where(holds, g, np.float32(0)))
    np.testing.assert_array_equal(F["where"](holds, 0.0, g), np.where(holds, np.float32(0), g))


def test_where_takes_bytes_as_conditions() -> None:
    holds = np.array([2, 0, 1], np.uint8)
    np.testing.assert_array_equal(F["where"](holds, np.float32([1, 2, 3]), 0.0), [1, 0, 3])


# -- mm ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "sizes", [(2, 4, 3), (1, 8, 8), (8, 1, 8), (5, 8, 1), (0, 3, 2), (3, 0, 2), (64, 63, 9), (64, 64, 64)]
)
@pytest.mark.parametrize("lay", ["in order", "turned", "with gaps"])
def test_mm_gives_what_matmul_gives(lay: str, sizes: Any) -> None:
    n, k, m = sizes
    draw = np.random.default_rng(0)
    a, b = draw.standard_normal((n, k)).astype(np.float32), draw.standard_normal((k, m)).astype(np.float32)
    if lay == "turned":
        a, b = np.asfortranarray(a), np.asfortranarray(b)
    elif lay == "with gaps":
        a, b = np.repeat(a, 2, 1)[:, ::2], np.repeat(b, 2, 0)[::2]
    found, wanted = F["mm"](a, b), OPS["mm"].forward(np, a, b)
    assert found.flags.c_contiguous
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shapes", [((2, 3), (4, 2)), ((2,), (2, 2)), ((1, 2, 2), (2, 2))])
def test_mm_says_what_does_not_fit(shapes: Any) -> None:
    with pytest.raises(RuntimeError, match=r"cannot be multiplied|must be a matrix"):
        gradviz.mm(*(gradviz.ones(s) for s in shapes))


# -- parts of arrays -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize("shape", [(3, 5), (1, 4), (4, 1), (300, 2), (2, 300)])
def test_gradients_go_back_to_where_they_were_picked(shape: Any, dim: int, keepdim: bool) -> None:
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    indices = x.argmax(dim, keepdims=keepdim)
    g = np.arange(indices.size, dtype=np.float32).reshape(indices.shape) + 1
    found = F["put_back"](g, indices, shape=shape, dim=dim, keepdim=keepdim)
    wanted = np.zeros(shape, np.float32)
    wide = (lambda a: a) if keepdim else lambda a: np.expand_dims(a, dim)
    np.put_along_axis(wanted, wide(indices), wide(g), dim)
    np.testing.assert_array_equal(found, wanted)


def test_counted_numbers_are_nobodys_to_write() -> None:
    for n in (0, 1, 256, 257):
        np.testing.assert_array_equal(count_up(n), np.arange(n))
    with pytest.raises(ValueError, match="read-only"):
        count_up(5)[0] = 1


# -- the largest of few slices -------------------------------------------------------------------------------------
@pytest.mark.parametrize("values", ["any", "few values", "NaN", "infinities"])
@pytest.mark.parametrize(("shape", "dim"), [((2, 400), 0), ((7, 3000), 0), ((5, 3, 700), 1), ((3, 4, 5, 60), 0)])
def test_the_largest_of_few_slices(shape: Any, dim: int, values: str) -> None:
    """Slices compared as wholes: the same elements and places as along each line, the first of equal ones."""
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    if values == "few values":
        x = np.round(x)
    elif values != "any":
        draw = np.random.default_rng(1)
        x[draw.random(shape) < 0.4] = {"NaN": np.nan, "infinities": np.inf}[values]
        x[draw.random(shape) < 0.3] = -np.inf
    assert extremes._few_and_long(np, x, dim)
    t = gradviz.tensor(x)
    for keepdim in (False, True):
        for name in ("max", "min"):
            found = getattr(t, name)(dim=dim, keepdim=keepdim)
            places = getattr(np, f"arg{name}")(x, axis=dim, keepdims=True)
            lay = (lambda a: a) if keepdim else lambda a: a.squeeze(dim)
            np.testing.assert_array_equal(found.indices.numpy(), lay(places))
            np.testing.assert_array_equal(found.values.numpy(), lay(np.take_along_axis(x, places, dim)))
            assert found.indices.dtype is gradviz.int64
            np.testing.assert_array_equal(getattr(t, f"arg{name}")(dim, keepdim).numpy(), lay(places))
