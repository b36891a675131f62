"""Run by test_accelerator.py where the accelerator is: every operation does the same both ways."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.core import accelerator, events
from gradviz.core.device import CPU
from gradviz.core.op import FUNCTIONS, METHODS, OPS, override

from ..oracle.same import evaluate, functional, leaves
from ..oracle.samples import params
from .outcome import of_call, same, taken

KINDS = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "uint8", "bool", "complex64")
LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "few": lambda x: x[:3],
    "none": lambda x: x[:0],
    "rows": lambda x: x[:6].reshape(2, 3),
    "no rows": lambda x: x[:0].reshape(0, 3),
    "turned": lambda x: x[:6].reshape(2, 3).t(),
    "cube": lambda x: x[:24].reshape(2, 3, 4).permute(2, 0, 1),
    "every other": lambda x: x[:8:2],
    "repeated": lambda x: x[:3].reshape(3, 1).expand(3, 4),
    "one": lambda x: x[0],
    "single": lambda x: x[:1].reshape(1, 1),
    "many": lambda x: x[:2000].reshape(40, 50),
}
ONE = sorted(name for name, op in OPS.items() if op.one_tensor)
TWO = sorted(name for name, op in OPS.items() if op.simple_call)


def tensor(kind: str, layout: str, seed: int, wants: bool = False, *, leaf: bool = True) -> Any:
    """A tensor of small numbers of both signs (none negative where there are no signs) in some type and layout."""
    numbers = np.random.default_rng(seed).uniform(-2.5, 2.5, 2000)
    if kind in ("uint8", "bool"):
        numbers = np.abs(numbers)
    x = torch.tensor(numbers).to(getattr(torch, kind))
    made = LAYOUTS[layout](x).detach()
    if wants and kind in ("float32", "float64", "float16", "bfloat16", "complex64"):
        made.requires_grad_()
        made = made if leaf else made.clone()
    return made


def call_of(name: str) -> Any:
    return OPS[name].call


@pytest.mark.parametrize("name", ONE)
def test_one_tensor(name: str) -> None:
    call = call_of(name)
    for kind in KINDS:
        for layout in LAYOUTS:
            for wants, leaf in ((False, True), (True, True), (True, False)):
                where = f"{name}({kind}, {layout}, {wants}, {leaf})"
                same(lambda: (tensor(kind, layout, 1, wants, leaf=leaf),), call, where, backward=layout == "rows")  # noqa: B023


@pytest.mark.parametrize("name", TWO)
def test_two_tensors(name: str) -> None:
    call = call_of(name)
    for kind in KINDS:
        for layout in LAYOUTS:
            for a, b in ((False, False), (True, False), (False, True), (True, True)):

                def make() -> Any:
                    return tensor(kind, layout, 1, a), tensor(kind, layout, 2, b, leaf=not a)  # noqa: B023

                same(make, call, f"{name}({kind}, {layout}, {a}, {b})", backward=layout == "rows")


APART = [("rows", "few"), ("few", "rows"), ("rows", "one"), ("one", "rows"), ("few", "one"), ("rows", "turned"),
         ("rows", "single"), ("few", "every other"), ("every other", "every other"), ("one", "single")]  # fmt: skip


@pytest.mark.parametrize("name", TWO)
def test_two_tensors_that_differ(name: str) -> None:
    call = call_of(name)
    for first, second in APART:
        for a, b in ((False, False), (True, False), (False, True), (True, True)):
            same(
                lambda: (tensor("float32", first, 1, a), tensor("float32", second, 2, b)),  # noqa: B023
                call,
                f"{name}({first}, {second}, {a}, {b})",
            )
    for one, other in (("float32", "float64"), ("int64", "float32"), ("float16", "float32"), ("bool", "int32")):
        same(lambda: (tensor(one, "few", 1), tensor(other, "few", 2, True)), call, f"{name}({one}, {other})")  # noqa: B023


NUMBERS = [0.0, -0.0, 1, 1.0, -2, 2.5, True, float("inf"), float("nan"), 2**70, 10**400, 1e300, 1e-46, 2j, None, "x",
           np.float32(2), np.int64(3)]  # fmt: skip


@pytest.mark.parametrize("name", TWO)
def test_a_tensor_and_a_number(name: str) -> None:
    call = call_of(name)
    numbers = [1, 2.5, True] if "polynomial" in name else NUMBERS  # a degree: the time it takes grows with it
    for kind in ("float32", "float64", "int64", "bool"):
        for number in numbers:
            for wants in (False, True):
                for _ in range(2):  # the second time the number is held
                    same(lambda: (tensor(kind, "rows", 1, wants), number), call, f"{name}({kind}, {number!r})")  # noqa: B023


OPERATORS = [
    "a + b", "a - b", "a * b", "a / b", "a ** b", "a % b", "a // b", "a @ b", "-a", "abs(a)", "a < b", "a == b",
    "2 - a", "2 / a", "a + 'x'", "a * None", "'x' + a", "a + [1]", "a * n", "n * a", "a - 1", "a & b", "~a", "a != b",
    "a == None",
    "torch.add(a, b)", "torch.add(a, b, alpha=2)", "torch.mul(input=a, other=b)", "torch.exp(a, out=b)", "a.exp(1)",
    "torch.exp()", "torch.exp(input=a)", "torch.add(a)", "a.mul(other=b)", "torch.exp(a, dtype=1)", "a.add(b, b)",
    "torch.matmul(a, b, c=1)", "torch.cat([a, b])", "torch.where(a > 0, a, b)", "a.sum(dim=0)", "a[1:]", "a.relu()",
]  # fmt: skip


@pytest.mark.parametrize("code", OPERATORS)
@pytest.mark.parametrize("kind", ["float32", "int64", "bool"])
def test_operators_and_spellings(code: str, kind: str) -> None:
    def call(a: Any, b: Any) -> Any:
        return eval(code, {"torch": torch, "a": a, "b": b, "n": np.ones(3, np.float32)})

    for layout, wants in (("few", False), ("few", True), ("rows", True)):
        same(lambda: (tensor(kind, layout, 1, wants), tensor(kind, "few", 2)), call, code)  # noqa: B023


@pytest.mark.parametrize("row", params()[::2])
def test_a_sample(row: Any) -> None:
    """Every other snippet of the oracle: settings, several inputs, views, in-place twins."""

    def make() -> Any:
        return tuple(leaves(torch, row.made).values())

    def call(*tensors: Any) -> Any:
        names = {"torch": torch, "F": functional(torch), "np": np}
        torch.manual_seed(0)
        return evaluate(row.code, names | dict(zip(row.made, tensors, strict=True)))

    same(make, call, row.code)


def test_calls_are_taken() -> None:
    """What all this is about: were every call left to Python, every comparison above would hold too."""
    x, w = tensor("float32", "rows", 1, True), tensor("float32", "rows", 2)
    programs: list[tuple[int, Callable[[], Any]]] = [
        (1, lambda: x + w), (1, lambda: x * 2.0), (1, lambda: x - 1), (1, lambda: torch.exp(w)), (1, lambda: x.relu()),
        (1, lambda: w < x), (1, lambda: 2 - w), (1, lambda: x.sigmoid()), (1, lambda: x.mm(w.t())),
        (2, lambda: x @ w.t()), (2, torch.no_grad()(lambda: (x * w, x.exp()))),
        (0, lambda: x + w.double()), (0, lambda: w.to("cpu")),
    ]  # fmt: skip
    for least, program in programs:
        program()
        before = taken()
        program()
        assert taken() - before >= least
    for name in ("add", "mul", "exp", "tanh", "sub", "div", "sqrt", "neg"):
        inputs = (x.abs(), w.abs())[: len(OPS[name].inputs)]  # the root of -1 is left to NumPy, which may warn
        before = taken()
        OPS[name].call(*inputs)
        assert taken() == before + 1, name
        with accelerator.switched(False):
            OPS[name].call(*inputs)
        assert taken() == before + 1, name


MODES: dict[str, Callable[[], Any]] = {
    "no_grad": torch.no_grad,
    "enable_grad": torch.enable_grad,
    "inference": torch.inference_mode,
    "watched": lambda: events.observe(lambda event: None),
    "autocast": lambda: torch.autocast("cpu"),
    "errors raised": lambda: np.errstate(all="raise"),
    "errors ignored": lambda: np.errstate(all="ignore"),
    "saved hooks": lambda: torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t),
    "as usual": contextlib.nullcontext,
}
EXTREME = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 3e38, -3e38, 1e-30, 88.8, -104, 1], np.float32)
ODD_RESULTS = [
    "a * b", "a / b", "a + 3e38", "a - a", "a.exp()", "a.log()", "a.sqrt()", "a @ b", "a.tanh()", "torch.pow(a, 2)",
    "torch.reciprocal(a)", "a.sum()", "a * 1e-30", "a.sigmoid()",
]  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("code", ODD_RESULTS)
@pytest.mark.parametrize("wants", [False, True])
def test_modes_and_extreme_numbers(mode: str, code: str, wants: bool) -> None:
    """Infinities, NaN, underflow: the same bits, no warning, and the same error where errors were asked for."""

    def call(a: Any, b: Any) -> Any:
        with MODES[mode]():
            return eval(code, {"torch": torch, "a": a, "b": b})

    def make() -> Any:
        return torch.tensor(EXTREME, requires_grad=wants), torch.tensor(EXTREME)

    same(make, call, f"{mode}: {code}", backward=mode != "inference")


@pytest.mark.parametrize("name", ["mul", "exp", "mm"])
@pytest.mark.parametrize("problem", [ValueError("no"), TypeError("no"), KeyError("no"), FloatingPointError("no"), None])
def test_an_overridden_forward(name: str, problem: Exception | None) -> None:
    raw, count = CPU.forwards[name], len(OPS[name].inputs)

    def forward(*arrays: Any) -> Any:
        if problem is not None:
            raise problem
        return raw(*arrays) * 2

    override(CPU, name, forward)
    try:
        same(
            lambda: tuple(tensor("float32", "rows", i, True).reshape(2, 3)[:, :2] for i in range(count)),
            OPS[name].call,
            name,
        )
    finally:
        override(CPU, name, OPS[name].forward)
    said = of_call(lambda: tuple(torch.ones(2, 2) for _ in range(count)), OPS[name].call, on=True)
    assert said[0] == "returned"


def test_public_functions_lead_to_the_same_calls() -> None:
    """Nothing that the tables registered is lost on the way: same names, same places."""
    for name, function in FUNCTIONS.items():
        if isinstance(function, accelerator.TYPES):
            assert callable(function.__wrapped__)
            assert function.__name__, name
    assert sum(isinstance(f, accelerator.TYPES) for f in METHODS.values()) > 100
