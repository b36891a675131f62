"""The printed form of thousands of random tensors, computed, viewed and written, character for character torch's."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gradviz

torch = pytest.importorskip("torch")
LIBRARIES = (gradviz, torch)
NAN, INF = float("nan"), float("inf")
SIZES = [0, 1, 1, 2, 3, 5, 7, 12, 30]
KINDS = ["normal", "uniform", "magnitudes", "whole", "near whole", "special", "tiny", "huge", "constant"]
DTYPES = [
    "float32", "float64", "float16", "bfloat16", "complex64", "complex128", "int64", "int32", "int16", "int8", "uint8",
    "bool", "uint16", "uint32", "uint64",
]  # fmt: skip
OPTIONS: dict[str, list[Any]] = {
    "precision": [0, 1, 2, 3, 6, 8, 12], "threshold": [0, 5, 20, 100, INF], "edgeitems": [0, 1, 2, 3, 5],
    "linewidth": [1, 30, 40, 79, 80, 81, 120, 500], "profile": ["default", "short", "full"],
    "sci_mode": [True, False, None],
}  # fmt: skip


@pytest.fixture(autouse=True)
def _default_options() -> Iterator[None]:
    yield
    for library in LIBRARIES:
        library.set_printoptions(profile="default")


def numbers(kind: str, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    found = {
        "normal": lambda: rng.standard_normal(shape),
        "uniform": lambda: rng.random(shape),
        "magnitudes": lambda: 10.0 ** rng.uniform(-12, 12, shape) * rng.choice([-1, 1], shape),
        "whole": lambda: rng.integers(-(10 ** int(rng.integers(1, 12))), 10**6, shape).astype(float),
        "near whole": lambda: rng.integers(-9, 9, shape) + rng.choice([0, 1e-4, 1e-7, 0.5], shape),
        "special": lambda: rng.choice([0, -0.0, NAN, INF, -INF, 1, 1.5, -2, 99999.5], shape),
        "tiny": lambda: rng.standard_normal(shape) * 10.0 ** -int(rng.integers(3, 40)),
        "huge": lambda: rng.standard_normal(shape) * 10.0 ** int(rng.integers(3, 35)),
        "constant": lambda: np.full(shape, rng.choice([0, 1, -1, 0.1, 100, 12345.678, 1e8, 1e-5])),
    }
    return np.asarray(found[kind]())


def values(choose: random.Random, rng: np.random.Generator, dtype: str) -> np.ndarray[Any, Any]:
    """An array for both libraries, in a type that NumPy, gradviz and torch all have."""
    shape = tuple(choose.choice(SIZES) for _ in range(choose.choice([0, 1, 1, 1, 2, 2, 2, 3, 4])))
    found = numbers(choose.choice(KINDS), rng, shape)
    if dtype.startswith("complex"):
        found = np.asarray(found + 1j * numbers(choose.choice(KINDS), rng, shape))
    if dtype == "bool":
        return np.asarray(found > 0)
    if "int" in dtype:
        info = np.iinfo(dtype)
        bound = 10 ** choose.randint(1, 12)
        low, high = max(int(info.min), -bound), min(int(info.max), bound)
        return np.asarray(rng.integers(low, high, shape)).astype(dtype)
    return found.astype("float32" if dtype == "bfloat16" else dtype)


def tensor(library: Any, array: np.ndarray[Any, Any], dtype: str) -> Any:
    made = library.from_numpy(array.copy())
    return made.to(library.bfloat16) if dtype == "bfloat16" else made


def settings(choose: random.Random) -> dict[str, Any]:
    return {name: choose.choice(found) for name, found in OPTIONS.items() if choose.random() < 0.3}


def assert_same(make: Any, options: dict[str, Any], what: object) -> None:
    texts = []
    for library in LIBRARIES:
        library.set_printoptions(profile="default")
        library.set_printoptions(**options)
        made = make(library)
        texts.append([repr(made), str(made)])
        library.set_printoptions(profile="default")
    assert texts[0] == texts[1], what


@pytest.mark.parametrize("seed", range(16))
def test_random_tensors(seed: int) -> None:
    choose, rng = random.Random(seed), np.random.default_rng(seed)
    for _ in range(250):
        dtype, options = choose.choice(DTYPES), settings(choose)
        with np.errstate(over="ignore", invalid="ignore"):
            array = values(choose, rng, dtype)
        wants = dtype.startswith(("float", "bfloat", "complex")) and choose.random() < 0.3

        def make(library: Any, array: Any = array, dtype: str = dtype, wants: bool = wants) -> Any:
            made = tensor(library, array, dtype)
            return made.requires_grad_() if wants else made

        assert_same(make, options, (seed, dtype, array.shape, options))


# What is done to a tensor before it is printed, so that it has a node, a view, another layout.
CHANGES = [
    "x * 2", "x + 1", "-x", "x.sum()", "x.mean()", "x[0]", "x[..., 1:]", "x[None]", "x.T if x.ndim == 2 else x",
    "x.reshape(-1)", "x.exp()", "x.detach()", "x.clone()", "x.unsqueeze(0)", "x.flip(0)", "x.abs().sqrt()",
    "x.max(0)", "x.sort(0)", "x.unbind(0)", "x.chunk(2)", "x.double()", "x.float()", "x.bfloat16()", "x.half()",
    "x.long()", "x > 0", "x.expand(2, *x.shape)", "x.t() if x.ndim < 3 else x", "x.view(-1)", "x.data",
    "torch.nn.Parameter(x.detach())", "x.sigmoid()", "x.softmax(0)", "x @ x.T if x.ndim == 2 else x", "x.tolist()",
    "[x, x.shape]", "{'a': x}", "x.shape", "x.dtype", "x.size()", "x.stride()", "torch.topk(x.flatten(), 2)[0]",
    "torch.stack([x, x])", "torch.cat([x, x])", "torch.var_mean(x, correction=0)", "x.item()",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_results_of_operations(seed: int) -> None:
    choose, rng = random.Random(seed), np.random.default_rng(seed)
    for _ in range(150):
        shape = tuple(choose.choice([1, 2, 3, 5, 9]) for _ in range(choose.choice([1, 2, 2, 3])))
        # Quarters: what is computed from them is equal to the last bit, or differs visibly.
        array = rng.integers(-8, 8, shape).astype(choose.choice(["float32", "float64"])) / 4
        code, options, wants = choose.choice(CHANGES), settings(choose), choose.random() < 0.7
        options["precision"] = min(options.get("precision", 4), 4)  # beyond, other roundings of exp and its like show

        def make(library: Any, array: Any = array, code: str = code, wants: bool = wants) -> Any:
            x = tensor(library, array, "float32")
            x = x.requires_grad_() if wants else x
            try:
                return eval(code, {"torch": library, "x": x})
            except (RuntimeError, IndexError, ValueError) as error:
                return type(error).__name__

        assert_same(make, options, (seed, code, shape, options))


WRITTEN = """
y = x * 2; y.add_(1); y
y = x * 2; v = y[0]; y.mul_(2); v
y = x * 2; v = y[:1]; v.mul_(3); v
y = x * 2; v = y[:1]; v.mul_(3); y
y = torch.zeros(2); y[0] = x[1]; y
y = x * 2; y[0] = 5; y
y = x * 2; y.detach_(); y
y = x.detach(); y.requires_grad_(); y
Twice.apply(x)
torch.no_grad().__enter__(); torch.set_grad_enabled(True); x * 2
y = x * 2; y.retain_grad(); y.sum().backward(); y.grad
x.sum().backward(); x.grad
torch.autograd.grad((x ** 3).sum(), x, create_graph=True)
y = x * 2; y.normal_(); y.grad_fn.name()
y = x * 2; y.zero_(); y
y = x * 2; y.fill_(3); y
torch.nn.Linear(1, 1, bias=False).weight.data.fill_(2)
torch.nn.Parameter(torch.tensor(1.5))
torch.nn.Parameter(torch.zeros(2, 2), requires_grad=False)
torch.nn.ParameterList([torch.zeros(2)])
"""


@pytest.mark.parametrize("code", WRITTEN.strip().split("\n"))
def test_written_and_recorded(code: str) -> None:
    def make(library: Any) -> Any:
        class Twice(library.autograd.Function):  # type: ignore[name-defined, misc]
            @staticmethod
            def forward(_: Any, x: Any) -> Any:
                return x * 2

            @staticmethod
            def backward(_: Any, g: Any) -> Any:
                return g * 2

        names = {"torch": library, "x": library.tensor([1.0, 2.5], requires_grad=True), "Twice": Twice}
        *before, last = code.split("; ")
        exec("\n".join(before), names)
        return eval(last, names)

    assert_same(make, {}, code)


TEXTS = """
format(torch.tensor(1.5), '.3f')
f'{torch.ones(2)}'
f'{torch.tensor(3)}|{torch.tensor(3.14159)}|{torch.tensor(3):5d}|{torch.tensor(True)}|{torch.tensor(1 + 2j)}'
f'{torch.tensor(1.5, requires_grad=True)}|{torch.tensor(1.5, requires_grad=True):.2f}'
f'{torch.nn.Parameter(torch.tensor(1.5))}'
'%s %.2f' % (torch.tensor(1.5), torch.tensor(1.5))
f'{torch.tensor(1.5)!r} {torch.tensor([1.5])}'
format(torch.ones(2), '.3f')
format(torch.nn.Parameter(torch.tensor(1.5)), '.2f')
torch.Size([])
torch.Size([2])
torch.Size([2, 3])[0:1]
torch.Size([2]) + (3,)
(3,) + torch.Size([2])
torch.Size([2]) * 2
2 * torch.Size([2])
torch.Size(2)
torch.Size('a')
torch.Size([2.5])
torch.Size([True])
torch.Size([torch.tensor(2)])
torch.Size((2, 3)).numel(), torch.Size((2, 3)).index(3), torch.Size((2, 3))[-1]
f'{torch.Size((2, 3))}'
hash(torch.Size([2])) == hash((2,)), torch.Size([2]) == (2,)
torch.device('cpu')
str(torch.device('cpu'))
f"{torch.device('cpu')}"
torch.device('cpu').type, torch.device('cpu').index
torch.float32
torch.half, torch.long, torch.double, torch.cfloat, torch.short, torch.int
torch.strided
torch.contiguous_format, torch.preserve_format, torch.channels_last
torch.finfo(torch.float16)
torch.finfo(torch.bfloat16)
torch.finfo(torch.float32)
torch.finfo(torch.float64)
torch.finfo(torch.complex64)
torch.iinfo(torch.int8)
torch.iinfo(torch.int32)
torch.iinfo(torch.int64)
torch.iinfo(torch.uint64)
torch.max(torch.ones(2, 2), 0)
torch.sort(torch.tensor([2.0, 1.0]))
torch.typename(torch.ones(2))
torch.typename(3)
torch.typename('a')
torch.typename(torch.nn.Linear(1, 1))
torch.typename(torch.nn.Linear)
torch.ones(2).type()
torch.ones(2, dtype=torch.uint16).type()
torch.ones(2, dtype=torch.complex64).type()
torch.ones(0), torch.ones(0, 3), torch.ones(2, 0, requires_grad=True), torch.zeros(0, dtype=torch.int32)
"""


@pytest.mark.parametrize("code", TEXTS.strip().split("\n"))
def test_texts(code: str) -> None:
    found = []
    for library in LIBRARIES:
        try:
            found.append(repr(eval(code, {"torch": library})))
        except TypeError as error:
            found.append(f"TypeError {str(error).splitlines()[0]}")
    assert found[0] == found[1]


def test_every_option_is_kept_and_reset_as_in_torch() -> None:
    from torch import _tensor_str as theirs

    from gradviz.core.printing import get_printoptions

    choose = random.Random(0)
    for _ in range(200):
        options = settings(choose)
        for library in LIBRARIES:
            library.set_printoptions(**options)
        expected = theirs.get_printoptions()
        assert {name: getattr(get_printoptions(), name) for name in expected} == expected


def test_a_generator_says_what_it_is() -> None:
    assert re.fullmatch(r"Generator\(device='cpu', seed=5\)", repr(gradviz.Generator().manual_seed(5)))
