"""Norms and attention on large arrays, where the CPU goes another way: PyTorch's numbers, all the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.core import parallel
from gradviz.core.device import CPU
from gradviz.core.ops.layers import attention, normalise, normalise_cpu

from .both import equal, plain

torch = pytest.importorskip("torch")


def drawn(lib: Any, *shape: int, seed: int = 0, away: float = 0.0, kind: str = "float32") -> Any:
    made = np.random.RandomState(seed).randn(*shape) * 1.5 + away
    return lib.from_numpy(made.astype(kind)).requires_grad_()


def answers(program: Callable[[Any], Any]) -> None:
    results = []
    for lib in (torch, gradviz):
        lib.manual_seed(0)
        results.append(plain(program(lib)))
    for a, b in zip(*results, strict=True):
        if a is not None:  # sums over thousands of numbers: measured by the largest
            equal(b[0], a[0])
            np.testing.assert_allclose(b[1], a[1], rtol=1e-5, atol=2e-6 * max(1, np.abs(a[1]).max()))


def trained(lib: Any, layer: Any, x: Any, *more: Any) -> list[Any]:
    """Result, gradients and buffers, each element of the result with a weight of its own."""
    r = np.random.RandomState(7)
    for p in layer.parameters():
        p.data.copy_(lib.from_numpy(r.randn(*p.shape).astype("float32")).to(p.dtype))
    out = layer(x, *more)
    weights = lib.from_numpy(r.randn(*out.shape).astype("float32")).to(out.dtype)
    (out * weights).sum().backward()
    return [out, x.grad, *(p.grad for p in layer.parameters()), *layer.buffers()]


LAYERS = {
    "batch norm": ("nn.BatchNorm2d(8)", (6, 8, 16, 20)),
    "long rows": ("nn.BatchNorm2d(3)", (4, 3, 32, 32)),
    "one sample": ("nn.BatchNorm1d(4)", (1, 4, 3000)),
    "three dims": ("nn.BatchNorm3d(4)", (3, 4, 8, 12, 10)),
    "a column": ("nn.BatchNorm2d(40)", (300, 40, 1, 1)),
    "not affine": ("nn.BatchNorm2d(8, affine=False)", (6, 8, 16, 20)),
    "no running": ("nn.BatchNorm2d(8, track_running_stats=False)", (6, 8, 16, 20)),
    "evaluation": ("nn.BatchNorm2d(8).eval()", (6, 8, 16, 20)),
    "layer norm": ("nn.LayerNorm(32)", (5, 70, 32)),
    "two dims": ("nn.LayerNorm((20, 32))", (9, 20, 32)),
    "wide": ("nn.LayerNorm(5000)", (2, 5000)),
    "no bias": ("nn.LayerNorm(32, bias=False)", (5, 70, 32)),
    "bare": ("nn.LayerNorm(32, elementwise_affine=False)", (5, 70, 32)),
}


@pytest.mark.parametrize(("code", "shape"), LAYERS.values(), ids=LAYERS)
def test_norms(code: str, shape: tuple[int, ...]) -> None:
    answers(lambda lib: trained(lib, eval(code, {"nn": lib.nn}), drawn(lib, *shape)))


@pytest.mark.parametrize(("code", "shape"), LAYERS.values(), ids=LAYERS)
def test_a_mean_far_from_zero(code: str, shape: tuple[int, ...]) -> None:
    def program(lib: Any, kind: str) -> list[Any]:
        x = drawn(lib, *shape, away=30.0).detach().to(getattr(lib, kind)).requires_grad_()
        return trained(lib, eval(code, {"nn": lib.nn}).to(x.dtype), x)

    as_near(program)


def as_near(program: Callable[[Any, str], list[Any]]) -> None:
    """Single precision is as near to PyTorch's double precision as PyTorch's single precision is."""
    runs = ((torch, "float64"), (torch, "float32"), (gradviz, "float32"))
    found = [[None if t is None else t.detach().numpy() for t in program(*run)] for run in runs]
    for i, (exact, theirs, ours) in enumerate(zip(*found, strict=True)):
        if exact is not None:
            error = [np.abs(v - exact).max() / max(1, np.abs(exact).max()) for v in (theirs, ours)]
            assert error[1] <= 2 * error[0] + 2e-6, f"result {i}: off by {error[1]}, PyTorch by {error[0]}"


@pytest.mark.parametrize(("code", "shape"), [LAYERS["batch norm"], LAYERS["layer norm"]], ids=["batch", "layer"])
def test_in_double_precision(code: str, shape: tuple[int, ...]) -> None:
    answers(lambda lib: trained(lib, eval(code, {"nn": lib.nn}).double(), drawn(lib, *shape, kind="float64")))


@pytest.mark.parametrize(("code", "shape"), [LAYERS["batch norm"], LAYERS["layer norm"]], ids=["batch", "layer"])
@pytest.mark.parametrize("frozen", ["input", "weight", "bias", "weight bias", "input weight"])
def test_only_some_gradients(code: str, shape: tuple[int, ...], frozen: str) -> None:
    def program(lib: Any) -> list[Any]:
        layer, x = eval(code, {"nn": lib.nn}), drawn(lib, *shape).requires_grad_("input" not in frozen)
        layer.weight.requires_grad_("weight" not in frozen)
        layer.bias.requires_grad_("bias" not in frozen)
        layer(x).pow(2).sum().backward()
        return [x.grad, layer.weight.grad, layer.bias.grad]

    results = [program(lib) for lib in (torch, gradviz)]
    for a, b in zip(*results, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(b.numpy(), a.numpy(), rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize(("code", "shape"), [LAYERS["batch norm"], LAYERS["layer norm"]], ids=["batch", "layer"])
def test_turned_inputs_and_gradients(code: str, shape: tuple[int, ...]) -> None:
    def program(lib: Any) -> list[Any]:
        layer, base = eval(code, {"nn": lib.nn}), drawn(lib, *shape[::-1])
        order = tuple(reversed(range(len(shape))))
        layer(base.permute(*order)).permute(*order).contiguous().pow(3).sum().backward()
        x = drawn(lib, *shape)
        layer(x).sum().backward()
        return [base.grad / 100]

    answers(program)


@pytest.mark.parametrize(("code", "shape"), [LAYERS["batch norm"], LAYERS["layer norm"]], ids=["batch", "layer"])
def test_second_gradients(code: str, shape: tuple[int, ...]) -> None:
    def program(lib: Any) -> list[Any]:
        layer, x = eval(code, {"nn": lib.nn}), drawn(lib, *shape)
        (first,) = lib.autograd.grad(layer(x).pow(3).sum(), [x], create_graph=True)
        first.pow(2).sum().backward()
        return [first / 10, x.grad / 100, layer.weight.grad / 1e5]

    answers(program)


def test_the_same_as_the_tables() -> None:
    """What the forward found is given back under the same names and in the same shapes."""
    x, w = (np.random.RandomState(0).randn(*s).astype("float32") for s in ((6, 8, 16, 20), (8,)))
    for ours, theirs, settings in (
        (normalise_cpu._batch_norm, normalise._batch_norm, {"training": True, "eps": 1e-5}),
        (normalise_cpu._layer_norm, normalise._layer_norm, {"count": 1, "eps": 1e-5}),
    ):
        weight, rest = (w, (None, None)) if "training" in settings else (np.ones(20, "float32"), ())
        a, b = (f(np, x, weight, weight, *rest, **settings) for f in (ours, theirs))
        np.testing.assert_allclose(a[0], b[0], rtol=1e-5, atol=1e-5)
        assert list(a[1]) == list(b[1])
        for name, value in a[1].items():
            if value is None:  # a place for what another device keeps
                assert b[1][name] is None
                continue
            assert value.dtype == b[1][name].dtype
            np.testing.assert_allclose(value, b[1][name], rtol=1e-5, atol=1e-6)


def test_results_own_their_memory() -> None:
    layer, x = gradviz.nn.LayerNorm(32), drawn(gradviz, 5, 70, 32)
    layer(x).sum().backward()
    grads = [x.grad._array, layer.weight.grad._array, layer.bias.grad._array]
    for i, a in enumerate(grads):
        assert not any(np.shares_memory(a, b) for b in grads[:i])


@pytest.mark.parametrize("away", [0.0, 30.0])
@pytest.mark.parametrize("name", ["batch norm", "long rows", "one sample", "a column", "evaluation"])
def test_batch_norm_in_pieces(name: str, away: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shared among any number of threads the numbers are the same, and those of all rows at once."""
    code, shape = LAYERS[name]
    asked: list[int] = []
    ask = parallel._pool().ask

    def noted(job: Any, helpers: int) -> None:
        asked.append(helpers)
        ask(job, helpers)

    def run() -> list[Any]:
        made = trained(gradviz, eval(code, {"nn": gradviz.nn}), drawn(gradviz, *shape, away=away))
        return [t.detach().numpy().tobytes() for t in made]

    monkeypatch.setattr(parallel._pool(), "ask", noted)
    whole = run()
    monkeypatch.setattr(normalise_cpu, "PIECE", 3000)
    for threads in (1, 2, 3):
        monkeypatch.setattr(parallel.threads, "get", lambda threads=threads: threads)
        assert run() == whole
    assert set(asked) == {1, 2}


# -- attention -----------------------------------------------------------------------------------------------------
MASKS: dict[str, Callable[[Any], Any]] = {
    "none": lambda lib: None,
    "causal": lambda lib: lib.ones(5, 5, dtype=lib.bool).tril(),
    "a row that sees nothing": lambda lib: lib.ones(5, 5, dtype=lib.bool).tril(-1),
    "numbers": lambda lib: lib.linspace(-100, 3, 25).reshape(5, 5),
}


@pytest.mark.parametrize("size", [1.0, 8.0, 40.0], ids=["small", "large", "huge"])
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_attention(mask: Callable[[Any], Any], size: float) -> None:
    def program(lib: Any, kind: str) -> list[Any]:
        q, k, v, g = (drawn(lib, 2, 3, 5, 4, seed=i).detach().to(getattr(lib, kind)) for i in range(4))
        leaves = [x.requires_grad_() for x in (q, k, v)]
        allowed = mask(lib)
        if allowed is not None and allowed.dtype != lib.bool:
            allowed = allowed.to(q.dtype)
        out = lib.nn.functional.scaled_dot_product_attention(q * size, k * size, v, attn_mask=allowed)
        out.backward(g)
        return [out, *(x.grad for x in leaves)]

    as_near(program)


def test_attention_of_some_gradients() -> None:
    def program(lib: Any) -> list[Any]:
        found = []
        for i in range(3):
            qkv = [drawn(lib, 2, 3, 5, 4, seed=k).requires_grad_(k == i) for k in range(3)]
            lib.nn.functional.scaled_dot_product_attention(*qkv).pow(2).sum().backward()
            found += [qkv[i].grad]
        return found

    answers(program)


def test_weights_without_a_maximum() -> None:
    """Softmax is the same with and without its maximum, and falls back where a sum would leave the range."""
    r = np.random.RandomState(0)
    for size in (1.0, 30.0, 100.0):
        scores = (r.randn(4, 6, 7) * size).astype("float32")
        scores[0, 0] -= 200
        got = attention_weights(scores)
        want = np.exp(scores.astype("float64") - scores.max(-1, keepdims=True))
        np.testing.assert_allclose(got, want / want.sum(-1, keepdims=True), rtol=2e-5, atol=1e-7)


def attention_weights(scores: np.ndarray) -> np.ndarray:
    """What `attention` makes of scores: those of one-hot keys."""
    eye = np.eye(scores.shape[-1], dtype=scores.dtype)[None].repeat(len(scores), 0)
    _, kept = CPU.forwards["attention!"](scores, eye, eye, None, scale=1.0)
    assert attention.attention.pull is not None
    return kept["weights"]
