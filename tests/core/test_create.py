"""Tensors from data and of a given size: values, dtypes, shapes, memory and errors as in PyTorch."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import gradviz

torch = pytest.importorskip("torch")


def outcome(expression: str, library: Any) -> tuple[str, ...]:
    """What an expression gives: the text of its value, or type and first line of its error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ("value", repr(eval(expression, {"torch": library, "np": np})))
        except Exception as error:
            return (type(error).__name__, str(error).split("\n")[0])


FROM_DATA = [
    "torch.tensor([1, 2])",
    "torch.tensor([1.0, 2])",
    "torch.tensor((1, 2.0))",
    "torch.tensor(range(4))",
    "torch.tensor([True, False])",
    "torch.tensor([True, 2])",
    "torch.tensor([True, 2.5])",
    "torch.tensor(3)",
    "torch.tensor(3.5)",
    "torch.tensor(True)",
    "torch.tensor(2j)",
    "torch.tensor([1, 2j])",
    "torch.tensor([])",
    "torch.tensor([[]])",
    "torch.tensor([[], []])",
    "torch.tensor([[], [1]])",
    "torch.tensor([[1, 2], [3, 4]])",
    "torch.tensor([(1, 2), [3, 4]])",
    "torch.tensor([[[1.0], [2.0]]])",
    "torch.tensor(np.float64(1.5))",
    "torch.tensor(np.float16(2))",
    "torch.tensor([np.float64(1.5)])",
    "torch.tensor([np.float32(1.5), 2.0])",
    "torch.tensor([np.int32(1)])",
    "torch.tensor([np.bool_(True)])",
    "torch.tensor(np.array(5))",
    "torch.tensor(np.array([], dtype=np.float64))",
    "torch.tensor([np.array([1, 2], np.int32), np.array([1, 2], np.int32)])",
    "torch.tensor([np.array([1.0, 2]), [1, 2]])",
    "torch.tensor([torch.tensor(1.0), torch.tensor(2.0)])",
    "torch.tensor([torch.tensor(1), 2.0])",
    "torch.tensor([torch.tensor(1, dtype=torch.int16), True])",
    "torch.tensor([torch.ones(1), 2])",
    "torch.tensor([[torch.tensor(1.0), 2], [3, 4]])",
    "torch.tensor(torch.ones(2))",
    "torch.tensor([1.5, -1.5], dtype=torch.int64)",
    "torch.tensor([-1], dtype=torch.uint8)",
    "torch.tensor([2], dtype=torch.bool)",
    "torch.tensor([1e40])",
    "torch.tensor([1e40], dtype=torch.float16)",
    "torch.tensor([0.1], dtype=torch.bfloat16)",
    "torch.tensor(-2**63)",
    "torch.tensor(np.array([300]), dtype=torch.uint8)",
    "torch.tensor([1.0, 2], dtype=float)",
    "torch.tensor([1.0, 2], dtype=int)",
    "torch.tensor([1.0], dtype=torch.float64, requires_grad=True)",
    "torch.tensor(data=[1])",
    "torch.tensor([1], device='cpu').device",
    "torch.as_tensor(3)",
    "torch.as_tensor([1, 2.0])",
    "torch.as_tensor(np.float32(3))",
    "torch.as_tensor(np.ones(2), dtype=torch.float32)",
    "torch.as_tensor(torch.ones(2, requires_grad=True))",
    "torch.asarray([1, 2])",
    "torch.from_numpy(np.ones(3))",
    "torch.from_numpy(np.zeros((2, 3), np.int16).T)",
    "torch.scalar_tensor(3)",
    "torch.scalar_tensor(True)",
    "torch.tensor([1]).new_tensor([1.5])",
    "torch.ones(2).new_tensor([1])",
]
SIZED = [
    "torch.zeros(2, 3)",
    "torch.zeros((2, 3))",
    "torch.zeros([2, 3])",
    "torch.zeros(size=(2,))",
    "torch.zeros(())",
    "torch.zeros([])",
    "torch.zeros(0, 3)",
    "torch.zeros(np.int64(2))",
    "torch.zeros(torch.tensor(2), 3)",
    "torch.zeros(torch.Size([2]), dtype=torch.bool)",
    "torch.zeros(2, dtype=float)",
    "torch.zeros(2, pin_memory=False, layout=torch.strided)",
    "torch.ones(2, dtype=torch.bfloat16)",
    "torch.ones(2, requires_grad=True)",
    "torch.empty(2, 3).shape",
    "torch.full((2,), 3)",
    "torch.full((2,), 3.5)",
    "torch.full((2,), True)",
    "torch.full((2,), 1j)",
    "torch.full([2], 3, dtype=torch.uint8)",
    "torch.full([2], -1, dtype=torch.uint8)",
    "torch.full([2], torch.tensor(3.5))",
    "torch.full((2,), 3.7, dtype=torch.int64)",
    "torch.full((2,), fill_value=2)",
    "torch.full((2,), float('inf'))",
    "torch.zeros_like(torch.ones(2, 3, requires_grad=True))",
    "torch.zeros_like(torch.ones(2), dtype=torch.int64)",
    "torch.zeros_like(torch.ones(2, 3).t()).stride()",
    "torch.ones_like(torch.ones(4, 6)[::2, ::2]).stride()",
    "torch.ones_like(torch.tensor([1, 2]))",
    "torch.empty_like(torch.ones(2, 3)).shape",
    "torch.full_like(torch.ones(2), 3)",
    "torch.full_like(torch.tensor([1]), 3.7)",
    "torch.full_like(torch.tensor([1]), 3.7, dtype=torch.float32)",
    "torch.ones(2).new_zeros(2, 3)",
    "torch.ones(2).new_zeros((2, 3), dtype=torch.int64)",
    "torch.tensor([1]).new_full((2,), 3.5)",
    "torch.ones(2).new_ones(2, requires_grad=True)",
    "torch.ones(2).new_empty(2, 3).shape",
    "torch.eye(3)",
    "torch.eye(2, 3)",
    "torch.eye(2, m=3, dtype=torch.int64)",
    "torch.tril_indices(3, 4, -1)",
    "torch.tril_indices(0, 3)",
    "torch.triu_indices(3, 3, offset=1)",
]
RANGES = [
    "torch.arange(5)",
    "torch.arange(5.0)",
    "torch.arange(2.5)",
    "torch.arange(1, 5, 2)",
    "torch.arange(5, 0, -1)",
    "torch.arange(5, 0, -2)",
    "torch.arange(0, 1, 0.1)",
    "torch.arange(0, 1, 0.25, dtype=torch.float64)",
    "torch.arange(0, 5, 1.5, dtype=torch.int64)",
    "torch.arange(0.5, 5, dtype=torch.int64)",
    "torch.arange(-3.5, 3, dtype=torch.int64)",
    "torch.arange(5, dtype=torch.float16)",
    "torch.arange(start=1, end=3)",
    "torch.arange(end=3)",
    "torch.arange(True)",
    "torch.arange(torch.tensor(3))",
    "torch.arange(3.0, requires_grad=True)",
    "torch.linspace(0, 1, 5)",
    "torch.linspace(0, 1, 1)",
    "torch.linspace(0, 1, 0)",
    "torch.linspace(3, -2, 4)",
    "torch.linspace(0, 10, 4, dtype=torch.int64)",
    "torch.linspace(-5, 10, 7, dtype=torch.int64)",
    "torch.linspace(0, 1, 3, dtype=torch.float16)",
    "torch.linspace(start=0, end=1, steps=3)",
    "torch.linspace(torch.tensor(0.0), torch.tensor(1.0), 3)",
    "torch.logspace(0, 3, 4)",
    "torch.logspace(0, 3, 4, base=2)",
    "torch.logspace(0, 3, 4, base=2, dtype=torch.int64)",
]
ERRORS = [
    "torch.tensor([[1, 2], [1, 2, 3]])",
    "torch.tensor([[[1, 2]], [[1]]])",
    "torch.tensor([[[1], [2, 3]]])",
    "torch.tensor([[1], 2])",
    "torch.tensor([1, [2]])",
    "torch.tensor(None)",
    "torch.tensor([None])",
    "torch.tensor([[1, 2], None])",
    "torch.tensor('a')",
    "torch.tensor(['a'])",
    "torch.tensor([1, 'a'])",
    "torch.tensor(b'ab')",
    "torch.tensor({1: 2})",
    "torch.tensor(iter([1]))",
    "torch.tensor(2**63)",
    "torch.tensor([300], dtype=torch.uint8)",
    "torch.tensor([-300], dtype=torch.uint8)",
    "torch.tensor([-3.7], dtype=torch.uint8)",
    "torch.tensor([300.5], dtype=torch.uint8)",
    "torch.tensor(300, dtype=torch.int8)",
    "torch.tensor([float('nan')], dtype=torch.int64)",
    "torch.tensor([1 + 2j], dtype=torch.float32)",
    "torch.tensor([1, 2], requires_grad=True)",
    "torch.tensor([1.0], dtype=np.float32)",
    "torch.tensor([1.0], dtype='float32')",
    "torch.tensor([torch.ones(2), torch.ones(2)])",
    "torch.tensor([1], foo=3)",
    "torch.from_numpy([1])",
    "torch.from_numpy(np.float32(3))",
    "torch.from_numpy(np.ones(3)[::-1])",
    "torch.from_numpy(np.zeros(3, '>f4'))",
    "torch.zeros()",
    "torch.zeros(2.0)",
    "torch.zeros('a')",
    "torch.zeros(True)",
    "torch.zeros(-1)",
    "torch.ones(2, -3)",
    "torch.zeros([2, 'a'])",
    "torch.zeros([2, 2.5])",
    "torch.zeros(2, [3])",
    "torch.zeros(2, 3, size=(2,))",
    "torch.zeros(2, dtype=torch.int32, requires_grad=True)",
    "torch.zeros_like([1])",
    "torch.zeros_like(torch.tensor([1]), requires_grad=True)",
    "torch.full(2, 3)",
    "torch.full([2], 'a')",
    "torch.full([2], 300, dtype=torch.uint8)",
    "torch.full((2,), 1e10, dtype=torch.int32)",
    "torch.arange(5, 0)",
    "torch.arange(0, 5, -1)",
    "torch.arange(0, 5, 0)",
    "torch.arange('a')",
    "torch.arange(float('inf'))",
    "torch.arange(float('nan'))",
    "torch.arange(0, 1e20)",
    "torch.arange(3, requires_grad=True)",
    "torch.arange(5, dtype=torch.bool)",
    "torch.linspace(0, 1, -1)",
    "torch.eye(-1)",
    "torch.eye(2, -1)",
    "torch.eye(2.0)",
    "torch.tril_indices(-1, 3)",
]


@pytest.mark.parametrize("expression", FROM_DATA + SIZED + RANGES)
def test_values(expression: str) -> None:
    expected = outcome(expression, torch)
    assert expected[0] == "value"
    assert outcome(expression, gradviz) == expected


@pytest.mark.parametrize("expression", ERRORS)
def test_errors(expression: str) -> None:
    expected = outcome(expression, torch)
    assert expected[0] != "value"
    assert outcome(expression, gradviz) == expected


@pytest.mark.parametrize("expression", [
    "torch.full((2,), 1.0, layout='torch.sparse_coo')",
    "torch.empty_like(torch.ones(2), layout='torch.sparse_coo')",
])  # fmt: skip
def test_arguments_that_are_not_supported_are_named(expression: str) -> None:
    assert outcome(expression, gradviz)[0] == "NotImplementedError"


def test_the_default_dtype_is_that_of_python_floats() -> None:
    expressions = ["torch.tensor([1.5])", "torch.zeros(2)", "torch.arange(2.0)", "torch.tensor([1j])"]
    try:
        for library in (gradviz, torch):
            library.set_default_dtype(library.float64)
        for expression in expressions:
            assert outcome(f"{expression}.dtype", gradviz) == outcome(f"{expression}.dtype", torch)
    finally:
        for library in (gradviz, torch):
            library.set_default_dtype(library.float32)


def test_linspace_gives_the_same_bits() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        (start, end), steps = rng.uniform(-5, 5, 2).tolist(), int(rng.integers(2, 200))
        np.testing.assert_array_equal(
            gradviz.linspace(start, end, steps).numpy(), torch.linspace(start, end, steps).numpy()
        )


@pytest.mark.parametrize(("make", "shares"), [("tensor", False), ("as_tensor", True), ("from_numpy", True)])
def test_memory_of_an_array(make: str, shares: bool) -> None:
    array = np.zeros(3, np.float32)
    made = getattr(gradviz, make)(array)
    array[0] = 5
    assert (made[0].item() == 5) is shares
    made[1] = 7
    assert bool(array[1] == 7) is shares


def test_as_tensor_returns_the_tensor_itself_where_nothing_changes() -> None:
    x = gradviz.ones(2)
    assert gradviz.as_tensor(x) is x
    assert gradviz.as_tensor(x, dtype=gradviz.float64).dtype is gradviz.float64


def test_copying_a_tensor_warns_and_detaches() -> None:
    x = gradviz.ones(2, requires_grad=True)
    with pytest.warns(UserWarning, match="To copy construct from a tensor, it is recommended to use"):
        copied = gradviz.tensor(x)
    assert not copied.requires_grad
    copied[0] = 9
    assert x[0].item() == 1


def test_an_array_that_cannot_be_written_warns() -> None:
    array = np.ones(2)
    array.flags.writeable = False
    with pytest.warns(UserWarning, match="The given NumPy array is not writable"):
        gradviz.from_numpy(array)
