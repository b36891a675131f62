"""Random indices and random mixtures of types: reading, writing, gradients, result types and errors as PyTorch's."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import gradviz

from .same import first_sentence

torch = pytest.importorskip("torch", reason="torch is not installed")
pytestmark = pytest.mark.oracle
MANY = settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

# -- indices -------------------------------------------------------------------------------------------------------
SHAPES = st.lists(st.integers(1, 4), min_size=0, max_size=4).map(tuple)
NUMBER = st.integers(-3, 3)
SLICE = st.builds(slice, st.none() | NUMBER, st.none() | NUMBER, st.none() | st.integers(1, 3))


@st.composite
def indices(draw: Any, shape: tuple[int, ...]) -> list[tuple[str, Any]]:
    """Parts of an index as (kind, plain value), mostly fitting the shape."""
    parts: list[tuple[str, Any]] = []
    dim = 0
    for _ in range(draw(st.integers(1, 4))):
        dots = () if any(kind == "dots" for kind, _ in parts) else ("dots",)
        kind = draw(st.sampled_from(("int", "slice", "slice", "none", *dots, "list", "tensor", "mask", "int tensor")))
        if kind == "int":
            parts.append((kind, draw(NUMBER)))
        elif kind == "slice":
            parts.append((kind, draw(SLICE)))
        elif kind == "list":
            parts.append((kind, draw(st.lists(NUMBER, min_size=1, max_size=3))))
        elif kind == "tensor":
            rows = draw(st.sampled_from(((2,), (3,), (2, 1), (1, 3), (0,))))
            parts.append(
                (kind, np.array(draw(st.lists(NUMBER, min_size=9, max_size=9)))[: int(np.prod(rows))].reshape(rows))
            )
        elif kind == "mask":
            size = shape[dim] if dim < len(shape) else 2
            parts.append((kind, np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)), bool)))
        elif kind == "int tensor":
            parts.append((kind, np.array(draw(NUMBER))))
        else:
            parts.append((kind, None))
        dim += kind not in ("none", "dots")
    return parts


@st.composite
def cases(draw: Any) -> tuple[tuple[int, ...], list[tuple[str, Any]], bool]:
    shape = draw(SHAPES)
    return shape, draw(indices(shape)), draw(st.booleans())


def built(library: Any, parts: list[tuple[str, Any]]) -> Any:
    made = tuple(
        Ellipsis if kind == "dots" else library.tensor(value) if kind in ("tensor", "mask", "int tensor") else value
        for kind, value in parts
    )
    return made if len(made) > 1 else made[0]


def attempt(action: Any) -> tuple[Any, str]:
    """A result, or the type of the error."""
    try:
        return action(), ""
    except Exception as error:
        return None, f"{type(error).__name__}: {first_sentence(str(error))}"


def read(library: Any, shape: tuple[int, ...], parts: Any) -> Any:
    x = library.tensor(np.arange(np.prod(shape), dtype=float).reshape(shape), requires_grad=True)
    out = x[built(library, parts)]
    (out * out).sum().backward()
    return out.detach().numpy(), x.grad.numpy()


def written(library: Any, shape: tuple[int, ...], parts: Any, recorded: bool) -> Any:
    x = library.tensor(np.arange(np.prod(shape), dtype=float).reshape(shape), requires_grad=recorded)
    value = library.tensor(3.0, dtype=library.float64, requires_grad=recorded)
    y = x * 1
    y[built(library, parts)] = value
    if recorded:
        (y * y).sum().backward()
    return y.detach().numpy(), *((x.grad.numpy(), value.grad.numpy()) if recorded else ())


def nothing_there(shape: tuple[int, ...], parts: Any) -> bool:
    """Whether the index shows no elements: PyTorch then does not look at the numbers in it."""
    shown, wrong = attempt(lambda: torch.zeros(shape)[built(torch, parts)])
    return not wrong and shown.numel() == 0


def agree(action: Any) -> None:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        (want, wrong), (got, our_wrong) = (attempt(lambda lib=library: action(lib)) for library in (torch, gradviz))
    assert wrong.partition(":")[0] == our_wrong.partition(":")[0], f"PyTorch: {wrong}\ngradviz: {our_wrong}"
    for w, g in zip(want or (), got or (), strict=True):
        assert w.dtype == g.dtype
        assert w.shape == g.shape
        np.testing.assert_array_equal(g, w)


@MANY
@given(cases())
def test_reading_by_any_index(case: Any) -> None:
    shape, parts, _ = case
    assume(not nothing_there(shape, parts))
    agree(lambda library: read(library, shape, parts))


@MANY
@given(cases())
def test_writing_by_any_index(case: Any) -> None:
    shape, parts, recorded = case
    assume(not nothing_there(shape, parts))
    agree(lambda library: written(library, shape, parts, recorded))


# -- types ---------------------------------------------------------------------------------------------------------
TYPES = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128".split()  # noqa: SIM905
OPERATIONS = {
    "+": lambda t, a, b: a + b, "-": lambda t, a, b: a - b, "*": lambda t, a, b: a * b, "/": lambda t, a, b: a / b,
    "//": lambda t, a, b: a // b, "%": lambda t, a, b: a % b, "**": lambda t, a, b: a**b, "&": lambda t, a, b: a & b,
    "==": lambda t, a, b: a == b, "<": lambda t, a, b: a < b, "maximum": lambda t, a, b: t.maximum(a, b),
    "where": lambda t, a, b: t.where(a == a, a, b), "cat": lambda t, a, b: t.cat([a.reshape(-1), b.reshape(-1)]),
    "+=": lambda t, a, b: a.add_(b), "*=": lambda t, a, b: a.mul_(b), "/=": lambda t, a, b: a.div_(b),
    "result_type": lambda t, a, b: t.zeros(1, dtype=t.result_type(a, b)), "atan2": lambda t, a, b: t.atan2(a, b),
    "lerp": lambda t, a, b: t.lerp(a, b, 0.5), "addcmul": lambda t, a, b: t.addcmul(a, b, b),
    "fmod": lambda t, a, b: t.fmod(a, b),
}  # fmt: skip


def operand(library: Any, kind: str, layout: str) -> Any:
    if layout == "number":
        value: Any = {"b": True, "u": 2, "i": 2, "f": 1.5, "c": 1 + 2j}[kind[0]]
        return value
    return library.tensor([2, 1, 3] if layout == "row" else 2).to(getattr(library, kind))


def outcome(library: Any, name: str, first: tuple[str, str], second: tuple[str, str]) -> str:
    a, b = operand(library, *first), operand(library, *second)
    try:
        out = OPERATIONS[name](library, a, b)
    except Exception as error:
        return type(error).__name__
    values = out.to(library.complex128).tolist()
    rounded = np.round(np.array(values) + 1e-4, 2)
    return f"{out.dtype} {tuple(out.shape)} {rounded if np.isfinite(rounded).all() else ''}"


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_pair_of_types(name: str) -> None:
    wrong = []
    layouts = [("row", "row"), ("row", "single"), ("single", "row"), ("row", "number"), ("number", "row")]
    for (one, two), a, b in itertools.product(layouts, TYPES, TYPES):
        if ("number" in (one, two)) and name not in ("+", "-", "*", "/", "//", "%", "**", "==", "<", "+=", "*=", "/="):
            continue
        if one == "number" and (name.endswith("=") or a not in ("bool", "int64", "float32", "complex64")):
            continue
        if two == "number" and b not in ("bool", "int64", "float32", "complex64"):
            continue
        if {a, b} & {"float16"} and (a + b).count("complex"):  # complex32, which NumPy does not have
            continue
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            want, got = (outcome(library, name, (a, one), (b, two)) for library in (torch, gradviz))
        if want != got:
            wrong.append(f"{a} {one} {name} {b} {two}: {got}, PyTorch {want}")
    assert not wrong, "\n".join([f"{len(wrong)} pairs differ", *wrong[:40]])
