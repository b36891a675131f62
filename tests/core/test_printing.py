"""Tensors print as PyTorch prints them, character for character."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.core.dtype import DTYPES
from gradviz.core.printing import number, printoptions

torch = pytest.importorskip("torch")
NAN, INF = float("nan"), float("inf")


@pytest.fixture(autouse=True)
def _default_options() -> Any:
    yield
    torch.set_printoptions(profile="default")
    gradviz.set_printoptions(profile="default")


def both(values: Any, dtype: str) -> tuple[Any, Any]:
    """The same tensor here and in torch; bfloat16 goes by way of float32, which NumPy and torch share."""
    array = np.asarray(values).astype(DTYPES[dtype].numpy)
    if dtype != "bfloat16":
        return gradviz.from_numpy(array.copy()), torch.from_numpy(array.copy())
    exact = array.astype(np.float32)
    return gradviz.from_numpy(array.copy()), torch.from_numpy(exact).bfloat16()


def assert_same(values: Any, dtype: str, options: dict[str, Any] | None = None, requires_grad: bool = False) -> None:
    options = options or {}
    ours, theirs = both(values, dtype)
    if requires_grad:
        ours, theirs = ours.requires_grad_(), theirs.requires_grad_()
    torch.set_printoptions(profile="default")
    torch.set_printoptions(**options)
    gradviz.set_printoptions(profile="default")
    gradviz.set_printoptions(**options)
    assert repr(ours) == repr(theirs)


VALUES = {
    "scalar": 3.0,
    "fraction": 0.1,
    "whole": [1.0, 2.0, -3.0],
    "mixed": [1.0, 2.5, -3.0],
    "zeros": [0.0, -0.0, 0.0],
    "nan and inf": [NAN, INF, -INF, 1.0],
    "only nan": [NAN, NAN],
    "nan and fraction": [NAN, -0.25, 12.5],
    "large": [1e9, 1.0],
    "small": [1e-5, 1.0],
    "wide": [1e-3, 10.0],
    "thousand": [1.0, 1000.0],
    "beyond a thousand": [1.0, 1001.0],
    "empty": [],
    "empty rows": np.zeros((2, 0)),
    "matrix": [[1.0, -2.0], [3.5, 4.0]],
    "cube": np.arange(12.0).reshape(2, 2, 3) / 7,
    "four": np.arange(16.0).reshape(2, 2, 2, 2),
    "long": np.arange(2000.0),
    "long matrix": np.arange(3000.0).reshape(50, 60) / 13,
    "long cube": np.arange(8000.0).reshape(20, 20, 20),
    "tall": np.arange(2002.0).reshape(1001, 2),
    "wraps": np.linspace(-1, 1, 40),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "short": {"profile": "short"},
    "full": {"profile": "full"},
    "precision": {"precision": 2},
    "many digits": {"precision": 10},
    "no digits": {"precision": 0},
    "scientific": {"sci_mode": True},
    "never scientific": {"sci_mode": False},
    "narrow": {"linewidth": 40},
    "one edge item": {"edgeitems": 1, "threshold": 5},
    "no edge items": {"edgeitems": 0, "threshold": 5},
    "short with digits": {"profile": "short", "precision": 6},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_floating(values: Any, dtype: str, options: dict[str, Any]) -> None:
    with np.errstate(over="ignore"):
        assert_same(values, dtype, options)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (5, "int64"),
        ([1, -20, 300], "int64"),
        ([1, -20, 300], "int32"),
        ([1, 20], "uint8"),
        ([], "int64"),
        (np.arange(1500), "int16"),
        ([True, False], "bool"),
        (True, "bool"),
        ([], "bool"),
        ([1 + 2j, -0.5 - 1j], "complex64"),
        ([1 + 2j, 3 - 4j], "complex128"),
        (1 - 2j, "complex64"),
        ([complex(NAN, INF), 1j], "complex64"),
    ],
)
def test_other_types(values: Any, dtype: str, options: dict[str, Any]) -> None:
    assert_same(values, dtype, options)


@pytest.mark.parametrize("n", [1, 5, 9, 10, 11, 40])
@pytest.mark.parametrize("linewidth", [20, 79, 80, 81])
def test_suffixes_move_to_a_new_line_when_they_do_not_fit(n: int, linewidth: int) -> None:
    assert_same(np.linspace(0, 1, n), "float64", {"linewidth": linewidth}, requires_grad=True)


def test_grad_fn() -> None:
    x, y = gradviz.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    assert repr(x * 2) == repr(y * 2) == "tensor([2., 2.], grad_fn=<MulBackward0>)"
    assert repr((x * 2).sum()) == repr((y * 2).sum())


def test_parameter() -> None:
    ours, theirs = gradviz.nn.Parameter(gradviz.ones(2, 2)), torch.nn.Parameter(torch.ones(2, 2))
    assert repr(ours) == repr(theirs)


def test_default_dtype_decides_which_dtype_is_told() -> None:
    try:
        for library in (gradviz, torch):
            library.set_default_dtype(library.float64)
        for dtype in ("float32", "float64", "complex64", "complex128"):
            assert_same([1.5], dtype)
    finally:
        for library in (gradviz, torch):
            library.set_default_dtype(library.float32)


RANDOM_DTYPES = [*DTYPES]


def _numbers(kind: str, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    if kind == "magnitudes":
        return 10.0 ** rng.uniform(-12, 12, shape) * rng.choice([-1, 1], shape)
    if kind == "whole":
        return rng.integers(-(10**6), 10**6, shape).astype(float)
    if kind == "special":
        return rng.choice([0, -0.0, NAN, INF, -INF, 1, 1.5, -2], shape)
    return rng.standard_normal(shape)


def _sweep_case(choose: random.Random, rng: np.random.Generator) -> tuple[Any, str, dict[str, Any], bool]:
    dtype = choose.choice(RANDOM_DTYPES)
    sizes = [0, 1, 2, 3, 5, 7, 12, 30]
    shape = tuple(choose.choice(sizes) for _ in range(choose.choice([0, 1, 1, 2, 2, 3])))
    values = np.asarray(_numbers(choose.choice(["magnitudes", "whole", "special", "normal"]), rng, shape))
    if dtype.startswith("complex"):
        values = np.asarray(values + 1j * np.asarray(_numbers("normal", rng, shape)))
    if DTYPES[dtype].category < 2:
        values = np.clip(np.nan_to_num(values, posinf=9, neginf=-9), 0, 100)
    choices = {"precision": [0, 1, 2, 8], "threshold": [0, 5, 20], "edgeitems": [0, 1, 2, 5], "linewidth": [1, 40, 120]}
    options = {name: choose.choice(found) for name, found in choices.items() if choose.random() < 0.4}
    if choose.random() < 0.3:
        options["sci_mode"] = choose.choice([True, False])
    return values, dtype, options, DTYPES[dtype].category >= 2 and choose.random() < 0.4


@pytest.mark.parametrize("seed", range(10))
def test_sweep(seed: int) -> None:
    choose, rng = random.Random(seed), np.random.default_rng(seed)
    for _ in range(300):
        values, dtype, options, requires_grad = _sweep_case(choose, rng)
        with np.errstate(over="ignore", invalid="ignore"):
            assert_same(values, dtype, options, requires_grad)


def test_printoptions_end_with_their_block() -> None:
    x = gradviz.tensor([0.123456])
    with printoptions(precision=2):
        assert repr(x) == "tensor([0.12])"
    assert repr(x) == "tensor([0.1235])"


def test_unknown_profile() -> None:
    with pytest.raises(ValueError, match="profile must be one of default, short, full"):
        gradviz.set_printoptions(profile="tiny")


@pytest.mark.parametrize(("value", "text"), [(0.5, "0.5"), (1 / 3, "0.333333"), (1e-9, "1e-09"), (2.0, "2")])
def test_number(value: float, text: str) -> None:
    assert number(value) == text
