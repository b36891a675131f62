"""Properties that hold for any shapes: broadcasting, reductions and indexing against NumPy and finite differences."""

from __future__ import annotations

from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradviz as torch

# The same examples every time, on any machine.
steady = settings(deadline=None, max_examples=60, derandomize=True, database=None)

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=1, max_side=4)
PAIRS = hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=4)
BINARY = {
    "add": (torch.add, np.add), "sub": (torch.sub, np.subtract), "mul": (torch.mul, np.multiply),
    "div": (torch.div, np.divide),
    "maximum": (torch.maximum, np.maximum), "atan2": (torch.atan2, np.arctan2), "pow": (torch.pow, np.power),
}  # fmt: skip
REDUCTIONS = {
    "sum": np.sum, "mean": np.mean, "prod": np.prod, "amax": np.max, "amin": np.min,
    "var": lambda a, axis, keepdims: np.var(a, axis=axis, keepdims=keepdims, ddof=0),
}  # fmt: skip


def numbers(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Numbers away from 0 and from one another."""
    count = int(np.prod(shape))
    return np.random.default_rng(seed).permutation(np.linspace(0.5, 2.0, count)).reshape(shape)


def slope(f: Any, arrays: list[np.ndarray], which: int, direction: np.ndarray) -> float:
    """The change of `f` when one array moves, by central differences."""
    step = 1e-6
    moved = [[a + s * step * direction if i == which else a for i, a in enumerate(arrays)] for s in (1, -1)]
    return float((f(*moved[0]) - f(*moved[1])) / (2 * step))


def check_gradients(f: Any, arrays: list[np.ndarray], seed: int) -> None:
    """The gradient times a random direction is the slope in that direction, for every input."""
    tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
    f(*tensors).backward()
    rng = np.random.default_rng(seed)

    def value(*moved: np.ndarray) -> float:
        return f(*(torch.tensor(m) for m in moved)).item()  # type: ignore[no-any-return]

    for i, (tensor, array) in enumerate(zip(tensors, arrays, strict=True)):
        assert tensor.grad.shape == array.shape
        direction = rng.standard_normal(array.shape)
        got = float((tensor.grad.numpy() * direction).sum())
        assert got == pytest.approx(slope(value, arrays, i, direction), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", BINARY)
@steady
@given(shapes=PAIRS, seed=st.integers(0, 9))
def test_broadcasting(name: str, shapes: Any, seed: int) -> None:
    ours, numpys = BINARY[name]
    a, b = (numbers(shape, seed + i) for i, shape in enumerate(shapes.input_shapes))
    out = ours(torch.tensor(a), torch.tensor(b))
    assert out.shape == shapes.result_shape
    np.testing.assert_allclose(out.numpy(), numpys(a, b), rtol=1e-12)
    weights = numbers(shapes.result_shape, seed + 2)
    check_gradients(lambda x, y: (ours(x, y) * torch.tensor(weights)).sum(), [a, b], seed)


@steady
@given(shapes=PAIRS, seed=st.integers(0, 9))
def test_shapes_that_do_not_broadcast_say_so(shapes: Any, seed: int) -> None:
    a, b = (torch.ones(s) for s in shapes.input_shapes)
    wrong = torch.ones((5, *b.shape[1:])) if b.ndim and b.shape[0] > 1 else None
    if wrong is None or a.ndim < wrong.ndim or a.shape[-wrong.ndim] in (1, 5):
        return
    with pytest.raises(RuntimeError, match="must match the size of tensor b"):
        a + wrong


@st.composite
def reductions(draw: Any) -> tuple[tuple[int, ...], Any, bool]:
    shape = draw(SHAPES)
    dims = st.integers(-len(shape), len(shape) - 1)
    axes = draw(st.none() | st.lists(dims, unique_by=lambda i: i % len(shape))) if shape else None
    return shape, None if axes is None else tuple(axes) or None, draw(st.booleans())


@pytest.mark.parametrize("name", REDUCTIONS)
@steady
@given(case=reductions(), seed=st.integers(0, 9))
def test_reductions(name: str, case: Any, seed: int) -> None:
    shape, axes, keepdim = case
    a = numbers(shape, seed)
    options: dict[str, Any] = {"unbiased": False} if name == "var" else {}
    if name == "prod" and axes is not None:
        axes = axes[0]
    if axes is None and name in ("amax", "amin"):
        axes = tuple(range(len(shape)))

    def reduce(x: Any) -> Any:
        method = getattr(x, name)
        if axes is None:
            return method(**options)
        return method(axes, keepdim=keepdim, **options)

    want = REDUCTIONS[name](a, axis=axes, keepdims=keepdim and axes is not None)  # type: ignore[operator]
    out = reduce(torch.tensor(a))
    assert out.shape == np.shape(want)
    np.testing.assert_allclose(out.numpy(), want, rtol=1e-10, atol=1e-12)
    weights = torch.tensor(numbers(np.shape(want), seed + 1))
    if name != "var" or a.size > 1:
        check_gradients(lambda x: (reduce(x) * weights).sum(), [a], seed)


@st.composite
def indices(draw: Any) -> tuple[tuple[int, ...], Any]:
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, max_side=4))
    return shape, draw(hnp.basic_indices(shape, allow_newaxis=True))


def forwards(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return all(not isinstance(p, slice) or p.step is None or p.step > 0 for p in parts)


@steady
@given(case=indices(), seed=st.integers(0, 9))
def test_basic_indexing(case: Any, seed: int) -> None:
    shape, index = case
    a = numbers(shape, seed)
    if not forwards(index):
        with pytest.raises(ValueError, match="step must be greater than zero"):
            torch.tensor(a)[index]
        return
    want = a[index]
    out = torch.tensor(a)[index]
    assert out.shape == np.shape(want)
    np.testing.assert_array_equal(out.numpy(), want)
    x = torch.tensor(a, requires_grad=True)
    weights = numbers(np.shape(want), seed + 1)
    (x[index] * torch.tensor(weights)).sum().backward()
    expected = np.zeros(shape)
    expected[index] = weights
    np.testing.assert_array_equal(x.grad.numpy(), expected)


@st.composite
def integer_indices(draw: Any) -> tuple[tuple[int, ...], Any]:
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))
    return shape, draw(hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(max_dims=2, max_side=5)))


@steady
@given(case=integer_indices(), seed=st.integers(0, 9))
def test_indexing_by_integers_adds_where_an_index_repeats(case: Any, seed: int) -> None:
    shape, index = case
    a = numbers(shape, seed)
    want = a[index]
    x = torch.tensor(a, requires_grad=True)
    out = x[tuple(torch.tensor(i) for i in index)]
    assert out.shape == want.shape
    np.testing.assert_array_equal(out.detach().numpy(), want)
    weights = numbers(want.shape, seed + 1)
    (out * torch.tensor(weights)).sum().backward()
    expected = np.zeros(shape)
    np.add.at(expected, index, weights)
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-12)


@steady
@given(shape=SHAPES, seed=st.integers(0, 9))
def test_indexing_by_a_mask(shape: tuple[int, ...], seed: int) -> None:
    a = numbers(shape, seed)
    mask = a > 1.2
    x = torch.tensor(a, requires_grad=True)
    out = x[torch.tensor(mask)]
    np.testing.assert_array_equal(out.detach().numpy(), a[mask])
    (out * 3).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.where(mask, 3.0, 0.0))


@steady
@given(case=indices(), seed=st.integers(0, 9))
def test_writing_by_index(case: Any, seed: int) -> None:
    shape, index = case
    if not forwards(index):
        return
    a = numbers(shape, seed)
    value = numbers(np.shape(a[index]), seed + 1)
    x, v = torch.tensor(a, requires_grad=True), torch.tensor(value, requires_grad=True)
    y = x * 1
    y[index] = v
    want = a.copy()
    want[index] = value
    np.testing.assert_array_equal(y.detach().numpy(), want)
    weights = numbers(shape, seed + 2)
    (y * torch.tensor(weights)).sum().backward()
    left = weights.copy()
    left[index] = 0
    np.testing.assert_array_equal(x.grad.numpy(), left)
    np.testing.assert_array_equal(v.grad.numpy(), weights[index])


@steady
@given(shape=hnp.array_shapes(min_dims=2, max_dims=4, max_side=4), seed=st.integers(0, 9), data=st.data())
def test_moving_dimensions_and_back(shape: tuple[int, ...], seed: int, data: Any) -> None:
    order = data.draw(st.permutations(range(len(shape))))
    a = numbers(shape, seed)
    x = torch.tensor(a, requires_grad=True)
    y = x.permute(*order)
    np.testing.assert_array_equal(y.detach().numpy(), a.transpose(order))
    (y.reshape(-1) * torch.arange(a.size, dtype=torch.float64)).sum().backward()
    expected = np.arange(a.size, dtype=np.float64).reshape(y.shape).transpose(np.argsort(order))
    np.testing.assert_array_equal(x.grad.numpy(), expected)
