"""Softmax, losses and optimiser steps by our kernels: as on the CPU, and alone against NumPy.

g++ runs the kernels on the CPU, in shuffled orders, and each barrier is left out in turn. No GPU code is executed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.amp.unscale import unscale_
from gradviz.gpu import compiled
from tests.strict_machine import here

from .fibers import KernelError, guarded, without_barrier
from .run_kernel import launch, needs_compiler

pytestmark = [needs_compiler, pytest.mark.usefixtures("machine")]
F = torch.nn.functional
SEEDS = range(1, 5)


def both(compute: Callable[..., Any], *arrays: Any, dtype: str = "float32") -> tuple[list[Any], list[Any]]:
    """Result and gradients on the CPU and on the stand-in."""
    made = []
    for device in ("cpu", "cuda"):
        given = [torch.tensor(a, dtype=getattr(torch, dtype), device=device, requires_grad=True) for a in arrays]
        out = compute(*given)
        grads = torch.autograd.grad((out * out).sum(), given)
        made.append([t.detach().cpu().double().numpy() for t in (out, *grads)])
    return made[0], made[1]


def same(pair: tuple[list[Any], list[Any]], rtol: float) -> None:
    for cpu, cuda in zip(*pair, strict=True):
        largest = np.abs(cpu[np.isfinite(cpu)]).max(initial=1.0)  # what rounding a sum of them costs
        np.testing.assert_allclose(cuda, cpu, rtol=rtol, atol=rtol * largest)


TOLERANCE = {"float32": 1e-5, "float64": 1e-12, "float16": 5e-3, "bfloat16": 5e-2}
random = np.random.default_rng(0)


# -- softmax and losses ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("shape", "dim"), [((4, 10), 1), ((5,), 0), ((2, 3, 4), 1), ((3, 300), 1), ((300, 2), 0)])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax(name: str, shape: tuple[int, ...], dim: int, dtype: str) -> None:
    here.reset()
    same(both(lambda x: getattr(F, name)(x, dim), random.standard_normal(shape), dtype=dtype), TOLERANCE[dtype])
    assert here.launches["softmax"] == 1


def test_softmax_of_what_is_not_finite() -> None:
    rows = [[np.nan, 1.0], [-np.inf, -np.inf], [np.inf, 0.0], [-np.inf, 2.0], [1e4, -1e4]]
    for name in ("softmax", "log_softmax"):
        cpu, cuda = (getattr(F, name)(torch.tensor(rows, device=d), 1).cpu().numpy() for d in ("cpu", "cuda"))
        np.testing.assert_array_equal(cpu, cuda)


LOSSES: list[Any] = [
    {}, {"reduction": "sum"}, {"ignore_index": 1}, {"weight": [0.5, 0.0, 2.0, 1.0]}, {"reduction": "none"},
    {"weight": [0.5, 1.0, 2.0, 1.0], "ignore_index": 2}, {"label_smoothing": 0.1},
]  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [(shape, d) for d in TOLERANCE for shape in ((7, 4), (2, 4, 3), (1, 4, 2, 5))]
    + [((600, 4), d) for d in ("float32", "float64")],  # more samples than threads
)
@pytest.mark.parametrize("options", LOSSES, ids=[str(i) for i in range(len(LOSSES))])
def test_cross_entropy(options: Any, shape: tuple[int, ...], dtype: str) -> None:
    target = random.integers(0, 4, (shape[0], *shape[2:]))

    def loss(x: Any) -> Any:
        options_there = dict(options)
        if "weight" in options:
            options_there["weight"] = torch.tensor(options["weight"], dtype=x.dtype, device=x.device)
        return F.cross_entropy(x, torch.tensor(target, device=x.device), **options_there)

    here.reset()
    same(both(loss, random.standard_normal(shape), dtype=dtype), 3 * TOLERANCE[dtype])
    assert here.launches["nll_loss_input"] >= 1
    assert here.launches["nll_loss"] == ("none" not in options.values())


def test_a_target_out_of_range_is_told_when_numbers_are_fetched() -> None:
    x = torch.zeros(3, 4, device="cuda", requires_grad=True)
    loss = F.cross_entropy(x, torch.tensor([1, 7, 9], device="cuda"))
    loss.backward()
    with pytest.raises(IndexError, match=r"Target 7 is out of bounds\.\nThe input has 4 classes"):
        loss.item()
    assert F.cross_entropy(x, torch.tensor([1, -100, 2], device="cuda")).item() == pytest.approx(np.log(4))


def test_nothing_counted_is_not_a_number() -> None:
    x = torch.zeros(2, 3, device="cuda")
    assert np.isnan(F.cross_entropy(x, torch.tensor([-100, -100], device="cuda")).item())


# -- embedding -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", [*TOLERANCE, "complex64"])
@pytest.mark.parametrize("padding_idx", [None, 2])
def test_the_gradient_of_an_embedding(padding_idx: int | None, dtype: str) -> None:
    index = random.integers(0, 5, (4, 7))
    grads = []
    g = torch.tensor(random.standard_normal((4, 7, 3)), dtype=getattr(torch, dtype))
    here.reset()
    for device in ("cpu", "cuda"):
        weight = torch.zeros(6, 3, dtype=g.dtype, device=device, requires_grad=True)
        out = F.embedding(torch.tensor(index, device=device), weight, padding_idx)
        grads.append(torch.autograd.grad(out, weight, g.to(device))[0].cpu().to(torch.complex128).numpy())
    assert here.launches["add_rows"] == 1
    assert not grads[1][5].any()
    tolerance = TOLERANCE.get(dtype, 1e-5)
    np.testing.assert_allclose(grads[1], grads[0], rtol=tolerance, atol=4 * tolerance)


def test_rows_by_negative_numbers() -> None:
    x = torch.zeros(4, 2, device="cuda", requires_grad=True)
    x[torch.tensor([-1, 0, 3], device="cuda")].sum().backward()
    assert x.grad.tolist() == [[1.0, 1.0], [0.0, 0.0], [0.0, 0.0], [2.0, 2.0]]


# -- steps -----------------------------------------------------------------------------------------------------------
STEPS: list[tuple[str, Any]] = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.01, "maximize": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("Adam", {"lr": 0.1}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1, "maximize": True}),
    ("AdamW", {"lr": 0.1, "betas": (0.5, 0.7)}),
]


def steps(name: str, options: Any, device: str, dtype: Any, count: int = 17) -> list[Any]:
    """`count` parameters after three steps; gradients are not always there, and one is laid out otherwise."""
    draw = np.random.default_rng(1)
    shapes = [*((i, 3) for i in range(count)), (3000,)]
    params = [torch.tensor(draw.standard_normal(shape), dtype=dtype, device=device) for shape in shapes]
    for p in params:
        p.requires_grad_()
    optimizer = getattr(torch.optim, name)(params, **options)
    for k in range(3):
        for i, p in enumerate(params):
            grad = torch.tensor(draw.standard_normal(p.shape[::-1]), dtype=dtype, device=device)
            p.grad = None if (i, k) == (2, 1) else grad.mT if p.ndim > 1 else grad
        optimizer.step()
    return [p.detach().cpu().double().numpy() for p in params]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("name", "options"), STEPS, ids=[f"{i} {row[0]}" for i, row in enumerate(STEPS)])
def test_steps(name: str, options: Any, dtype: str) -> None:
    kind = getattr(torch, dtype)
    if dtype == "float16" and name != "SGD":
        options = {**options, "eps": 1e-3, "betas": (0.5, 0.7)}  # 1e-8 and 0.001 g^2 are 0 in half precision
    here.reset()
    found = steps(name, options, "cuda", kind)
    launches = here.launches[name.lower().removesuffix("w")]
    assert 3 <= launches <= 4  # a launch a step, one more where a tensor is a step behind
    here.reset()
    plain = steps(name, {**options, "foreach": False}, "cuda", kind)
    assert not here.launches["sgd"] + here.launches["adam"]
    for a, b in zip(found, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=10 * TOLERANCE[dtype], atol=10 * TOLERANCE[dtype])


def test_a_rule_of_ones_own_is_not_replaced() -> None:
    class Backwards(torch.optim.SGD):
        def _rule(self, F: Any, p: Any, g: Any, kept: Any, group: Any, lr: Any) -> None:
            F.add(p, g, lr)

    p = torch.ones(2, device="cuda", requires_grad=True)
    p.grad = torch.ones(2, device="cuda")
    Backwards([p], lr=0.5).step()
    assert p.tolist() == [1.5, 1.5]


def test_a_scaler_skips_on_the_device() -> None:
    p = torch.ones(3, device="cuda", requires_grad=True)
    optimizer = torch.optim.SGD([p], lr=0.5, fused=True)
    scaler = torch.amp.GradScaler("cuda", init_scale=4.0)
    for bad, want in ((True, 1.0), (False, 0.5)):
        scaler.scale((p * (float("inf") if bad else 1.0)).sum()).backward()
        here.reset()
        scaler.step(optimizer)
        scaler.update()
        assert here.launches["sgd"] == 1
        assert not here.waits
        assert p.tolist() == [want] * 3
        optimizer.zero_grad()


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("bad", [None, "nan", "inf", "-inf"])
def test_gradients_are_unscaled_at_once(dtype: str, bad: str | None) -> None:
    kind = getattr(torch, dtype)
    values = [random.standard_normal(size) for size in (*range(1, 15), 3000)]
    if bad is not None:
        values[12][5] = float(bad)
    after = []
    for device in ("cpu", "cuda"):
        grads = [torch.tensor(v, dtype=kind, device=device) for v in values]
        found, inverse = (torch.tensor(v, device=device) for v in (0.0, 0.125))
        here.reset()
        unscale_(grads, found, inverse)
        after.append([t.cpu().double().numpy() for t in (found, *grads)])
    assert here.launches["unscale"] == 1
    for a, b in zip(*after, strict=True):
        np.testing.assert_array_equal(a, b)
    assert after[1][0] == (bad is not None)


# -- each barrier is needed ------------------------------------------------------------------------------------------
def run_softmax(text: str, seed: int) -> bool:
    x = np.random.default_rng(seed).standard_normal((3, 200)) * 3
    given, out = guarded(x), guarded(np.zeros_like(x))
    args = (given.ctypes.data, out.ctypes.data, *compiled.ints(200, 1), np.bool_(True))
    launch(text, "softmax", (3,), (128,), args, seed)
    want = x - np.log(np.exp(x).sum(1, keepdims=True))
    y = np.random.default_rng(seed + 1).standard_normal(x.shape)
    above, result, back = guarded(y), guarded(want), guarded(np.zeros_like(x))
    args = (*(a.ctypes.data for a in (above, result, back)), *compiled.ints(200, 1), np.bool_(True))
    launch(text, "softmax_input", (3,), (128,), args, seed)
    slope = y - np.exp(want) * y.sum(1, keepdims=True)
    return bool(np.allclose(out, want, rtol=1e-10) and np.allclose(back, slope, rtol=1e-10))


def run_nll_loss(text: str, seed: int) -> bool:
    draw = np.random.default_rng(seed)
    x, target, weight = draw.standard_normal((500, 3)), draw.integers(0, 3, 500), draw.random(3)
    bad = draw.choice(500, 3, replace=False)
    target[bad] = 3, -1, 7
    arrays = [guarded(a) for a in (x, target, weight, np.zeros(1), np.zeros(1), np.zeros(2, np.int64))]
    args = (
        *(a.ctypes.data for a in arrays),
        np.int64(9),
        np.int64(500),
        *compiled.ints(3, 1),
        np.int64(-100),
        np.bool_(True),
    )
    launch(text, "nll_loss", (1,), (256,), args, seed)
    told, good = [9, target[bad.min()]], np.delete(np.arange(500), bad)
    target = target[good]
    want = -(x[good, target] * weight[target]).sum() / weight[target].sum()
    return bool(np.isclose(arrays[3][0], want, rtol=1e-10)) and arrays[5].tolist() == told


def run_normalise(text: str, seed: int) -> bool:
    """The three kernels of the file that have barriers, on (4, 3, 100) and on its rows."""
    draw = np.random.default_rng(seed)
    x, g = draw.standard_normal((2, 4, 3, 100))
    w, b = draw.standard_normal((2, 3))
    mean, var = (np.reshape(f(x, axis=(0, 2)), (1, 3, 1)) for f in (np.mean, np.var))
    inverse = 1 / np.sqrt(var + 1e-5)
    hat, along = (x - mean) * inverse, w.reshape(1, 3, 1)
    back = (g - g.mean((0, 2), keepdims=True) - hat * (g * hat).mean((0, 2), keepdims=True)) * inverse * along
    given, other, weight, bias = (guarded(a) for a in (x, g, w, b))
    out, dx, *small = (guarded(np.zeros(shape)) for shape in (x.shape, x.shape, 3, 3, 3, 3, 3, 100, 100))
    means, variances, inverses, dw, db, of_w, of_b = small
    sizes = (*compiled.ints(4, 3, 100), np.bool_(False))

    def run(name: str, blocks: int, arrays: Any, *numbers: Any) -> None:
        launch(text, name, (blocks,), (256,), (*(a.ctypes.data for a in arrays), *numbers), seed)

    run("moments", 3, (given, weight, bias, out, means, variances, inverses), *sizes, np.float64(1e-5))
    run("gradients", 3, (other, given, weight, means, inverses, dx, dw, db), *sizes, np.bool_(True))
    row = [guarded(draw.standard_normal(12)) for _ in range(2)]
    run("of_places", 4, (other, given, *row, of_w, of_b), *compiled.ints(12, 100))
    flat = (x.reshape(12, 100) - row[0][:, None]) * row[1][:, None]
    pairs = (
        (out, hat * along + b.reshape(1, 3, 1)), (dx, back), (dw, (g * hat).sum((0, 2))), (db, g.sum((0, 2))),
        (means, mean.reshape(3)), (variances, var.reshape(3)), (inverses, inverse.reshape(3)),
        (of_w, (g.reshape(12, 100) * flat).sum(0)), (of_b, g.sum((0, 1))),
    )  # fmt: skip
    return all(np.allclose(a, b, rtol=1e-9, atol=1e-12) for a, b in pairs)


def run_norms(text: str, seed: int) -> bool:
    """Both kernels of the file, on three arrays of which one is empty and one takes two blocks."""
    draw = np.random.default_rng(seed)
    given = [guarded(draw.standard_normal(size)) for size in (5, 0, 2500)]
    table = guarded(np.array([*(a.ctypes.data for a in given), 5, 0, 2500, 0, 1, 1], np.int64))
    fine = True
    for order in (2.0, 1.0, 3.0, np.inf):
        parts, out = guarded(np.zeros(3)), guarded(np.zeros(1))
        args = (table.ctypes.data, np.int32(3), parts.ctypes.data, np.float64(order))
        launch(text, "norm_parts", (3,), (256,), args, seed)
        args = (parts.ctypes.data, np.int32(3), out.ctypes.data, np.float64(order))
        launch(text, "norm_of_parts", (1,), (256,), args, seed)
        fine &= bool(np.isclose(out[0], np.linalg.norm(np.concatenate(given), order), rtol=1e-12))
    return fine


def run_rules(text: str, seed: int) -> bool:
    """The kernels of rules.cu with numbers for each tensor: two tensors that have taken 9 and 2 steps."""
    draw, sizes, b1, b2, eps = np.random.default_rng(seed), (2100, 40), 0.9, 0.99, 1e-3
    fine = True
    for name in ("adamax", "nadam", "radam"):
        columns = [[guarded(draw.random(n)) for n in sizes] for _ in range(4)]
        before = [[np.array(a) for a in column] for column in columns]
        counts, products = [guarded(np.array([t])) for t in (9.0, 2.0)], [guarded(np.array([0.3])) for _ in sizes]
        kept = [*columns, counts, *([products] if name == "nadam" else [])]
        table = guarded(np.array([*(a.ctypes.data for column in kept for a in column), *sizes, 0, 2], np.int64))
        common = (np.uint64(0), np.float64(0.1), np.float64(0), np.bool_(False), np.bool_(True))
        common += (np.float64(0),) * (2 if name == "nadam" else 1)  # what a host would count
        own = {"adamax": (), "nadam": (np.float64(4e-3), np.bool_(False)), "radam": (np.bool_(False),)}[name]
        numbers = (np.float64(b1), np.float64(b2), np.float64(eps), *own)
        launch(text, name, (3,), (256,), (table.ctypes.data, np.int32(2), *common, *numbers), seed)
        for i, t in enumerate((9, 2)):
            p, g, m, v = (column[i] for column in before)
            m, v, u = m + (1 - b1) * (g - m), b2 * v + (1 - b2) * g * g, np.maximum(b2 * v, np.abs(g) + eps)
            most = 2 / (1 - b2) - 1
            known = most - 2 * t * b2**t / (1 - b2**t)
            if name == "adamax":
                change = m / (1 - b1**t) / u
            elif name == "nadam":
                mu, after = (b1 * (1 - 0.5 * 0.96 ** (4e-3 * k)) for k in (t, t + 1))
                change = ((1 - mu) / 0.7 * g + after / (1 - 0.3 * after) * m) / (np.sqrt(v / (1 - b2**t)) + eps)
            else:
                change = m / (1 - b1**t)
                if known > 5:
                    rect = (known - 4) * (known - 2) * most / ((most - 4) * (most - 2) * known)
                    change = change * np.sqrt(rect * (1 - b2**t)) / (np.sqrt(v) + eps)
            fine &= bool(np.allclose(columns[0][i], p - 0.1 * change, rtol=1e-9, atol=1e-12))
    return fine


RUNS: dict[str, Callable[[str, int], bool]] = {
    "rules": run_rules,
    "norms": run_norms,
    "softmax": run_softmax,
    "nll_loss": run_nll_loss,
    "normalise": run_normalise,
}


def test_every_kernel_with_barriers_is_here() -> None:
    names = (file.stem for file in compiled.FOLDER.glob("*.cu"))
    texts = {name: compiled.source(name, compiled.types_of(name)[0]) for name in names}
    assert {name for name, text in texts.items() if "__syncthreads" in text} == set(RUNS)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", RUNS)
def test_kernels_against_numpy_in_any_order(name: str, seed: int) -> None:
    assert RUNS[name](compiled.source(name, "float64"), seed)


def fails(name: str, text: str) -> bool:
    try:
        return not all(RUNS[name](text, seed) for seed in SEEDS)
    except KernelError:
        return True


@pytest.mark.parametrize(
    ("name", "which"),
    [(n, i) for n in RUNS for i in range(len(without_barrier(compiled.source(n, "float64"))))],
)
def test_a_barrier_left_out_is_noticed(name: str, which: int) -> None:
    assert fails(name, without_barrier(compiled.source(name, "float64"))[which])
