"""The CPU generator draws PyTorch's numbers: each kind of draw, mixed sequences of them, and its state."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.core.random import STATE_SIZE

torch = pytest.importorskip("torch")

# On Intel processors torch draws these with the processor maker's library instead, from a stream of its own.
_TIMES = ("bernoulli", "exponential", "multinomial", "dropout", "gumbel", "rrelu")
FLOATS = ["float32", "float64", "float16", "bfloat16"]
# Log, sine and cosine may differ in the last bits from those torch was compiled with.
TOLERANCE = {"float32": 1e-6, "float64": 1e-14, "float16": 2e-3, "bfloat16": 2e-2}


def _portable() -> bool:
    """Whether this torch takes two words of its stream for a bernoulli draw, as it does wherever it uses no library."""
    torch.manual_seed(0)
    torch.empty(100).bernoulli_(0.5)
    after = torch.rand(1)
    torch.manual_seed(0)
    return bool(after == torch.rand(201)[200])


PORTABLE = _portable()


@pytest.fixture(autouse=True)
def _seeded() -> None:
    gradviz.manual_seed(0)
    torch.manual_seed(0)


def values(tensor: Any) -> np.ndarray[Any, Any]:
    if tensor.dtype in (gradviz.bfloat16, torch.bfloat16):
        tensor = tensor.float()
    return np.asarray(tensor.detach().numpy())


def assert_same(expression: str, exact: bool = True) -> None:
    """One expression here and in torch: same numbers, dtype, shape, and the same place in the stream afterwards."""
    if not PORTABLE and any(word in expression for word in _TIMES):
        pytest.skip("this torch draws with the processor maker's library")
    ours, theirs = eval(expression, {"torch": gradviz}), eval(expression, {"torch": torch})
    assert str(ours.dtype) == str(theirs.dtype)
    assert tuple(ours.shape) == tuple(theirs.shape)
    if exact:
        np.testing.assert_array_equal(values(ours), values(theirs))
    else:
        tolerance = TOLERANCE.get(str(ours.dtype).removeprefix("torch."), 0)
        np.testing.assert_allclose(values(ours), values(theirs), rtol=tolerance, atol=tolerance)
    assert gradviz.rand(1).item() == torch.rand(1).item(), "a different number of words was drawn"


SIZES = [0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 100, 1000]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", SIZES)
def test_rand(n: int, dtype: str) -> None:
    assert_same(f"torch.rand({n}, dtype=torch.{dtype})")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", SIZES)
def test_randn(n: int, dtype: str) -> None:
    assert_same(f"torch.randn({n}, dtype=torch.{dtype})", exact=False)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("low", "high"), [(0, 1), (-0.1, 0.1), (1, 2), (1000, 1001), (3.3, 9.1), (2, 2)])
def test_uniform(low: float, high: float, dtype: str) -> None:
    assert_same(f"torch.empty(20000, dtype=torch.{dtype}).uniform_({low}, {high})", exact=dtype != "float64")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", [3, 16, 100])
def test_normal_with_mean_and_deviation(n: int, dtype: str) -> None:
    assert_same(f"torch.empty({n}, dtype=torch.{dtype}).normal_(0.5, 0.02)", exact=False)


@pytest.mark.parametrize("expression", [
    "torch.randint(10, (50,))",
    "torch.randint(-5, 5, (3, 4))",
    "torch.randint(low=2, high=7, size=(9,))",
    "torch.randint(0, 2**28 - 1, (50,))",
    "torch.randint(0, 2**28, (50,))",
    "torch.randint(0, 2**40, (50,))",
    "torch.randint(-2**63, 2**63 - 1, (50,))",
    "torch.randint(0, 100, (50,), dtype=torch.uint8)",
    "torch.randint(0, 100, (50,), dtype=torch.float32)",
    "torch.randint(0, 2, (50,), dtype=torch.bool)",
    "torch.randint_like(torch.zeros(3, 4), 9)",
    "torch.randint_like(torch.zeros(3, 4), 5, 9)",
    "torch.empty(50).random_()",
    "torch.empty(50, dtype=torch.float64).random_()",
    "torch.empty(50, dtype=torch.float16).random_()",
    "torch.empty(50, dtype=torch.bfloat16).random_()",
    "torch.empty(50, dtype=torch.int64).random_()",
    "torch.empty(50, dtype=torch.int32).random_()",
    "torch.empty(50, dtype=torch.uint8).random_()",
    "torch.empty(50, dtype=torch.bool).random_()",
    "torch.empty(50, dtype=torch.int64).random_(7)",
    "torch.empty(50, dtype=torch.int64).random_(3, 7)",
    "torch.empty(50, dtype=torch.int64).random_(-2**63, None)",
    "torch.randperm(0)",
    "torch.randperm(1)",
    "torch.randperm(2)",
    "torch.randperm(1000)",
    "torch.randperm(100, dtype=torch.int32)",
    "torch.bernoulli(torch.linspace(0, 1, 50))",
    "torch.bernoulli(torch.linspace(0, 1, 50, dtype=torch.float64))",
    "torch.bernoulli(torch.linspace(0, 1, 50).half())",
    "torch.bernoulli(torch.zeros(50), 0.3)",
    "torch.empty(50).bernoulli_(0.3)",
    "torch.empty(50).bernoulli_()",
    "torch.empty(50, dtype=torch.bool).bernoulli_(0.3)",
    "torch.empty(2, 3).bernoulli_(torch.tensor([0.1, 0.5, 0.9]))",
    "torch.empty(50).exponential_()",
    "torch.empty(50).exponential_(2.5)",
    "torch.multinomial(torch.tensor([0.1, 0.2, 0.3, 0.4]), 3)",
    "torch.multinomial(torch.tensor([0.1, 0.0, 0.3, 0.4]), 1)",
    "torch.multinomial(torch.arange(1.0, 22).reshape(3, 7), 7)",
    "torch.multinomial(torch.arange(1.0, 22).reshape(3, 7), 50, replacement=True)",
    "torch.multinomial(torch.arange(1.0, 22).double().reshape(3, 7), 5, True)",
    "torch.rand_like(torch.zeros(3, 4))",
    "torch.rand(3, 4, generator=torch.Generator().manual_seed(5))",
    "torch.rand(3, out=torch.empty(3, dtype=torch.float64))",
    "torch.randint(9, (3,), out=torch.empty(3))",
    "torch.randperm(9, out=torch.empty(9, dtype=torch.int32))",
    "torch.bernoulli(torch.full((9,), 0.5), out=torch.empty(9, dtype=torch.int64))",
    "torch.multinomial(torch.ones(3), 2, out=torch.empty(2, dtype=torch.int64))",
    "torch.randperm(9, generator=torch.Generator().manual_seed(5))",
    "torch.rand_like(torch.zeros(3, 4).t())",
    "torch.rand_like(torch.zeros(2, 3, 4, 5), memory_format=torch.channels_last)",
    "torch.randint_like(torch.zeros(3, 4).t(), 9)",
    "torch.zeros(8, 4).t().uniform_()",
    "torch.zeros(8, 8)[:, ::2].uniform_()",
    "torch.nn.functional.dropout(torch.ones(50), 0.3)",
])  # fmt: skip
def test_exact(expression: str) -> None:
    assert_same(expression)


@pytest.mark.parametrize("expression", [
    "torch.randn_like(torch.zeros(3, 4))",
    "torch.randn(3, 7, generator=torch.Generator().manual_seed(5))",
    "torch.normal(torch.arange(20.0), torch.arange(1.0, 21))",
    "torch.normal(torch.arange(20.0), 2.0)",
    "torch.normal(torch.arange(3.0).unsqueeze(1), torch.arange(1.0, 5))",
    "torch.normal(1.0, torch.arange(1.0, 21))",
    "torch.normal(1.0, 2.0, (4, 5))",
    "torch.normal(0, 1, size=(3,))",
    "torch.zeros(8, 4).t().normal_()",
    "torch.zeros(8, 8)[:, ::2].normal_()",
    "torch.empty(50, dtype=torch.float64).exponential_()",
])  # fmt: skip
def test_close(expression: str) -> None:
    assert_same(expression, exact=False)


def test_normal_keeps_its_second_value_for_the_next_call() -> None:
    found = [[x.randn(n).sum().item() for n in (1, 16, 4)] + [x.rand(1).item()] for x in (gradviz, torch)]
    assert found[0] == pytest.approx(found[1], abs=1e-5)


# {n}: a number of elements, {t}: a floating type, {g}: a generator or None. The same in both libraries.
SEQUENCE = [
    "torch.rand({n}, dtype={t}, generator={g})",
    "torch.randn({n}, dtype={t}, generator={g})",
    "torch.randint(0, 1000, ({n},), generator={g})",
    "torch.randint(-7, 2**40, ({n},), generator={g})",
    "torch.randint(0, 200, ({n},), dtype=torch.uint8)",
    "torch.randperm({n}, generator={g})",
    "torch.empty({n}, dtype={t}).bernoulli_(0.4, generator={g})",
    "torch.bernoulli(torch.full(({n},), 0.4, dtype={t}), generator={g})",
    "torch.empty({n}, dtype={t}).exponential_(1.5, generator={g})",
    "torch.empty({n}, dtype={t}).uniform_(-2, 3, generator={g})",
    "torch.empty({n}, dtype={t}).normal_(1, 0.5, generator={g})",
    "torch.empty({n}, dtype={t}).geometric_(0.3, generator={g})",
    "torch.empty({n}, dtype={t}).log_normal_(0, 0.25, generator={g})",
    "torch.empty({n}, dtype=torch.float64).cauchy_(1, 2, generator={g})",
    "torch.empty({n}, dtype={t}).random_(generator={g})",
    "torch.empty({n}, dtype=torch.int64).random_(9, generator={g})",
    "torch.empty((), dtype=torch.int64).random_()",
    "torch.empty({n}, 3).t().normal_(generator={g})",
    "torch.normal(torch.arange({n}, dtype={t}) % 7, 0.5, generator={g})",
    "torch.normal(0.0, torch.full(({n},), 0.5, dtype={t}), generator={g})",
    "torch.rand({n}, dtype=torch.complex64, generator={g})",
    "torch.randn({n}, dtype=torch.complex128, generator={g})",
    "torch.multinomial(torch.arange(1.0, {n} + 3), 2, generator={g})",
    "torch.multinomial(torch.arange(1.0, {n} + 3), {n} + 1, generator={g})",
    "torch.multinomial(torch.arange(1.0, 9).reshape(2, 4), {n} + 1, replacement=True, generator={g})",
    "torch.poisson(torch.arange({n}) % 40 / 2, generator={g})",
    "torch.binomial(torch.arange({n}) * 3.0, torch.full(({n},), 0.3), generator={g})",
    "torch.nn.functional.dropout(torch.ones({n}, dtype={t}), 0.3)",
    "torch.nn.functional.dropout(torch.ones({n}), 0.5, training=False)",
    "torch.nn.functional.alpha_dropout(torch.ones({n}), 0.3, training=True)",
    "torch.nn.functional.dropout2d(torch.ones(2, 5, {n}, 1), 0.4)",
    "torch.nn.functional.gumbel_softmax(torch.zeros(2, {n} + 1))",
    "torch.nn.functional.rrelu(-torch.ones({n}), training=True)",
    "torch.nn.init.xavier_uniform_(torch.empty({n} + 1, 3))",
    "torch.nn.init.xavier_normal_(torch.empty({n} + 1, 3))",
    "torch.nn.init.kaiming_uniform_(torch.empty({n} + 1, 3))",
    "torch.nn.init.kaiming_normal_(torch.empty({n} + 1, 3), mode='fan_out')",
    "torch.nn.init.trunc_normal_(torch.empty({n} + 1, 3), std=0.7, generator={g})",
    "torch.nn.init.sparse_(torch.empty({n} % 20 + 1, 4), 0.3)",
    "torch.nn.Linear({n} % 20 + 1, 3).bias",
    "torch.nn.Conv2d(2, 3, 3).weight",
    "torch.nn.Embedding({n} + 1, 2).weight",
]
ROUGH = {"float16": 4e-3, "bfloat16": 3e-2}


def _words(state: Any) -> bytes:
    """The state without the waiting normal value, whose last bit may differ."""
    return bytes(state.numpy().tobytes()[: STATE_SIZE - 40])


@pytest.mark.parametrize("seed", [0, 1, -1, 2**63, 2**64 - 1, 12345678901234567])
def test_mixed_sequences_stay_together(seed: int) -> None:
    choose = random.Random(seed)
    generators = {}
    for library in (gradviz, torch):
        library.manual_seed(seed)
        generators[library] = library.Generator().manual_seed(seed + 1 if seed < 2**64 - 1 else 3)
    assert gradviz.initial_seed() == torch.initial_seed()
    kinds = [k for k in SEQUENCE if PORTABLE or not any(word in k for word in _TIMES)]
    for _ in range(400):
        dtype = choose.choice(["float32", "float32", "float64", "float16", "bfloat16"])
        expression = choose.choice(kinds).format(
            n=choose.choice(SIZES), t=f"torch.{dtype}", g=choose.choice(["None", "None", "generator"])
        )
        if "binomial" in expression or "poisson" in expression:
            expression = expression.replace("1000", "100")
        ours, theirs = (
            eval(expression, {"torch": library, "generator": generators[library]}) for library in (gradviz, torch)
        )
        assert str(ours.dtype) == str(theirs.dtype), expression
        tolerance = ROUGH.get(str(ours.dtype).removeprefix("torch."), 2e-6)
        np.testing.assert_allclose(values(ours), values(theirs), rtol=tolerance, atol=tolerance, err_msg=expression)
    assert _words(gradviz.get_rng_state()) == _words(torch.get_rng_state())
    assert _words(generators[gradviz].get_state()) == _words(generators[torch].get_state())


@pytest.mark.parametrize("expression", [
    "torch.randn(1_000_003)",
    "torch.rand(1_000_003)",
    "torch.randperm(100_003)",
    "torch.randint(0, 10, (1_000_003,))",
    "torch.bernoulli(torch.full((300_007,), 0.3))",
    "torch.empty(300_007).bernoulli_(0.3)",
    "torch.empty(100_003).exponential_()",
    "torch.empty(100_003, dtype=torch.bfloat16).normal_()",
    "torch.multinomial(torch.rand(100, 1000), 20)",
    "torch.multinomial(torch.rand(10_000), 5000, replacement=True)",
    "torch.multinomial(torch.rand(10_000).half(), 50, replacement=True)",
    "torch.randn(1000, 1000).t().contiguous()",
])  # fmt: skip
def test_large(expression: str) -> None:
    assert_same(expression, exact=False)


def test_fills_count_as_writes() -> None:
    x = gradviz.ones(3)
    x.uniform_(), x.normal_(), x.random_(), x.bernoulli_(), x.exponential_()
    assert x._version == 5
    w = gradviz.ones(3, requires_grad=True)
    y = gradviz.ones(3)
    loss = (w * y).sum()
    y.normal_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_draws_steered_by_parameters_have_zero_gradient() -> None:
    for expression in (
        "torch.bernoulli(x)",
        "torch.normal(x, 1.0)",
        "torch.normal(1.0, x)",
        "torch.normal(x, x)",
    ):
        names, gradients = [], []
        for library in (gradviz, torch):
            x = library.full((3,), 0.5, requires_grad=True)
            y = eval(expression, {"torch": library, "x": x})
            y.sum().backward()
            names.append(y.grad_fn.name())
            gradients.append(x.grad.tolist())
        assert names[0] == names[1]
        assert gradients[0] == gradients[1] == [0, 0, 0]


def test_a_range_that_the_type_cannot_count_warns() -> None:
    with pytest.warns(UserWarning, match=r"to - 1 is out of bounds \[-\(2\^24\), 2\^24\]"):
        gradviz.randint(0, 2**26, (3,), dtype=gradviz.float32)


ERRORS = [
    "torch.empty(3).random_(5, 3)",
    "torch.randint(5, 3, (2,))",
    "torch.randint(0, 300, (2,), dtype=torch.uint8)",
    "torch.randint(-300, 3, (2,), dtype=torch.int8)",
    "torch.randint(0, 2**20, (2,), dtype=torch.int16)",
    "torch.randint(0, 2**33, (2,), dtype=torch.int32)",
    "torch.randint(-1, 1, (2,), dtype=torch.bool)",
    "torch.randint(0, 70000, (2,), dtype=torch.float16)",
    "torch.randint(3.5, (2,))",
    "torch.randint(5, 6)",
    "torch.randint(0, 3, (2,), requires_grad=True)",
    "torch.empty(3).uniform_(2, 1)",
    "torch.empty(3).uniform_(0, float('inf'))",
    "torch.empty(3).uniform_(-3e38, 3e38)",
    "torch.empty(3, dtype=torch.float16).uniform_(-1e6, 1)",
    "torch.empty(3).normal_(0, -1)",
    "torch.normal(torch.ones(2), -torch.ones(2))",
    "torch.normal(torch.ones(2), torch.ones(3))",
    "torch.normal(torch.tensor([1, 2]), 1.0)",
    "torch.empty(3).bernoulli_(1.5)",
    "torch.empty(3).bernoulli_(torch.ones(2))",
    "torch.empty(3).exponential_(0)",
    "torch.empty(3, dtype=torch.int64).exponential_()",
    "torch.empty(3, dtype=torch.int64).normal_()",
    "torch.empty(3, dtype=torch.int64).uniform_()",
    "torch.rand(3, dtype=torch.int64)",
    "torch.randn(-1)",
    "torch.rand(2.5)",
    "torch.rand_like([1])",
    "torch.randperm(-1)",
    "torch.randperm(3.0)",
    "torch.randperm(4, dtype=torch.bool)",
    "torch.randperm(3000, dtype=torch.float16)",
    "torch.bernoulli(torch.tensor([1, 0]))",
    "torch.multinomial(torch.ones(3), 5)",
    "torch.multinomial(torch.ones(3), 0)",
    "torch.multinomial(torch.ones(1, 1, 3), 1)",
    "torch.multinomial(torch.tensor([-1.0, 2]), 1)",
    "torch.multinomial(torch.tensor([float('nan'), 2]), 1, True)",
    "torch.multinomial(torch.zeros(3), 1)",
    "torch.multinomial(torch.tensor([1, 2]), 1)",
    "torch.multinomial(torch.ones(3), 1, out=torch.empty(1))",
    "torch.empty(2, requires_grad=True).uniform_()",
    "torch.manual_seed(2**64)",
    "torch.manual_seed('a')",
    "torch.Generator().manual_seed('a')",
    "torch.Generator().set_state(3)",
    "torch.set_rng_state(torch.zeros(3))",
    "torch.set_rng_state(torch.zeros(3, dtype=torch.uint8))",
]


@pytest.mark.parametrize("expression", ERRORS)
def test_errors(expression: str) -> None:
    found = []
    for library in (torch, gradviz):
        with pytest.raises(Exception) as error:
            eval(expression, {"torch": library})
        found.append((type(error.value), str(error.value).split("\n")[0]))
    assert found[0] == found[1]


@pytest.mark.parametrize("expression", [
    "torch.rand(2, layout='torch.sparse_csr')",
    "torch.randn(2, layout='torch.sparse_coo')",
    "torch.rand_like(torch.ones(2), layout='torch.sparse_coo')",
])  # fmt: skip
def test_arguments_that_are_not_supported_are_named(expression: str) -> None:
    with pytest.raises(NotImplementedError, match=r"argument 'layout' is not supported"):
        eval(expression, {"torch": gradviz})


def _view(library: Any, array: np.ndarray[Any, Any], choose: random.Random) -> tuple[Any, Any]:
    """A tensor, and a view of it with its dimensions in another order, perhaps with gaps."""
    base = library.from_numpy(array.copy())
    order = list(range(base.ndim))
    choose.shuffle(order)
    index = [slice(None)] * base.ndim
    index[choose.randrange(base.ndim)] = slice(choose.choice([0, 0, 1]), None, choose.choice([1, 1, 2, 3]))
    return base, base.permute(order)[tuple(index)]


IN_PLACE = [
    "v.normal_()", "v.uniform_()", "v.random_(100)", "v.bernoulli_(0.5)", "v.exponential_()", "v.geometric_(0.2)",
    "v.cauchy_()", "v.log_normal_()", "v.bernoulli_(torch.full(v.shape, 0.5))",
]  # fmt: skip
NEW = [
    "torch.bernoulli(v)", "torch.poisson(v * 5)", "torch.normal(v, 1.0)", "torch.normal(0.0, v)", "torch.normal(v, v)",
    "torch.binomial(torch.floor(v * 20), v)", "torch.nn.functional.dropout(v, 0.4)", "torch.rand_like(v)",
    "torch.randn_like(v)", "torch.randint_like(v, 50)", "v.clone().normal_()", "torch.empty_like(v).uniform_()",
]  # fmt: skip


@pytest.mark.parametrize("code", IN_PLACE + NEW)
def test_numbers_are_drawn_in_the_order_of_memory(code: str) -> None:
    if not PORTABLE and any(word in code for word in _TIMES):
        pytest.skip("this torch draws with the processor maker's library")
    for seed in range(25):
        found = []
        for library in (gradviz, torch):
            choose = random.Random(seed)
            library.manual_seed(seed)
            shape = [choose.choice([1, 2, 3, 5]) for _ in range(choose.randint(1, 4))]
            array = np.random.default_rng(seed).random(shape).astype(np.float32)
            base, v = _view(library, array, choose)
            out = eval(code, {"torch": library, "v": v})
            found.append([values(base), values(out), library.rand(1).item()])
        np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-5, atol=1e-6, err_msg=f"{code} {seed}")
        np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-5, atol=1e-6, err_msg=f"{code} {seed}")
        assert found[0][2] == found[1][2]
