"""The fast ways of convolution, at sizes that choose them, beside PyTorch and beside the way that does everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradviz
from gradviz.core import parallel
from gradviz.core.device import CPU
from gradviz.core.ops.layers import (
    convolve_lines,
    convolve_parts,
    convolve_pointwise,
    convolve_rows,
    convolve_ways,
    convolve_winograd,
)

torch = pytest.importorskip("torch", reason="PyTorch is the oracle of these tests")
PAIR = (1, 1)


def problem(x: Any, w: Any, stride: Any = PAIR, padding: Any = (0, 0), dilation: Any = PAIR, groups: int = 1) -> Any:
    return convolve_ways.Problem(x, w, "f", stride, padding, dilation, groups)


def drawn(*shape: int, kind: Any = np.float32, seed: int = 0) -> Any:
    return np.random.default_rng((seed, *shape)).standard_normal(shape).astype(kind)


def results(lib: Any, x: Any, w: Any, b: Any, *options: Any) -> list[Any]:
    """The convolution and its gradients for x, w and b."""
    tensors = [lib.tensor(a).requires_grad_(True) for a in (x, w, b)]
    y = lib.nn.functional.conv2d(*tensors, *options)
    g = lib.tensor(drawn(*y.shape, kind=x.dtype, seed=1))
    return [t.detach().numpy() for t in (y, *lib.autograd.grad(y, tensors, g))]


def close(a: Any, b: Any, tolerance: float) -> None:
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    assert np.abs(a - b).max(initial=0) <= tolerance * max(np.abs(b).max(initial=0), 1)


def check(x: Any, w: Any, b: Any, *options: Any) -> None:
    tolerance = 2e-5 if x.dtype == np.float32 else 1e-12
    for ours, theirs in zip(results(gradviz, x, w, b, *options), results(torch, x, w, b, *options), strict=True):
        close(ours, theirs, tolerance)


@pytest.fixture(params=[False, True], ids=["packing", "wide"])
def wide(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    """As if OpenBLAS were of the one kind, and of the other."""
    monkeypatch.setattr(convolve_rows.blas, "is_wide", lambda: request.param)
    convolve_ways._settled.cache_clear()
    yield request.param
    convolve_ways._settled.cache_clear()


# -- which way is chosen -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("case", "chosen"),
    [
        (problem((16, 64, 32, 32), (64, 64, 3, 3), padding=PAIR), [convolve_winograd]),
        (problem((4, 32, 8, 8), (32, 32, 3, 3)), [convolve_winograd]),
        (problem((4, 16, 8, 8), (64, 16, 3, 3)), []),
        (problem((4, 32, 8, 8), (16, 32, 1, 1)), [convolve_pointwise]),
        (problem((4, 32, 8, 8), (16, 32, 1, 1), padding=PAIR), []),
        (problem((0, 32, 8, 8), (16, 32, 1, 1)), []),
        (problem((16, 64, 32, 32), (64, 64, 3, 3), stride=(2, 2)), []),
        (problem((16, 64, 32, 32), (64, 64, 3, 3), dilation=(1, 2)), []),
        (problem((16, 64, 32, 32), (64, 32, 3, 3), groups=2), []),
        (problem((16, 64, 32, 32), (64, 64, 3, 3), padding=(3, 0)), []),
        (problem((16, 64, 32, 32), (64, 64, 5, 5)), []),
        (problem((16, 3, 32, 32), (64, 3, 3, 3)), []),
        (problem((16, 64, 5, 5), (64, 64, 3, 3), padding=PAIR), []),  # 4 tiles of 16 for 25 results
        (problem((16, 64, 32, 32), (64, 64, 3, 3))._replace(kind="e"), []),
    ],
)
def test_which(case: Any, chosen: list[Any]) -> None:
    modules = {way.convolve.__code__.co_names[0] for way in convolve_ways.WAYS if way.fits(case)}
    assert modules == {module.__name__.rpartition(".")[2] for module in chosen}


# -- the same numbers ----------------------------------------------------------------------------------------------
@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(1, 5), c=st.sampled_from([16, 30, 64]), o=st.sampled_from([57, 64]), high=st.integers(6, 40),
    wide=st.integers(6, 40), padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
)  # fmt: skip
def test_winograd(n: int, c: int, o: int, high: int, wide: int, padding: Any) -> None:
    x, w, b = drawn(n, c, high, wide), drawn(o, c, 3, 3) / np.float32(3 * c**0.5), drawn(o)
    g = drawn(n, o, high + 2 * padding[0] - 2, wide + 2 * padding[1] - 2)
    tx, tw, tb, tg = (torch.tensor(a).double().requires_grad_() for a in (x, w, b, g))
    y = torch.nn.functional.conv2d(tx, tw, tb, padding=padding)
    gx, gw = torch.autograd.grad(y, (tx, tw), tg)
    found = (
        convolve_winograd.convolve(x, w, b, g.shape[2:], padding),
        convolve_winograd.spread(g, w, (high, wide), padding),
        convolve_winograd.correlate(g, x, padding),
    )
    for ours, theirs in zip(found, (y, gx, gw), strict=True):
        assert ours is not None
        close(ours, theirs.detach().float().numpy(), 1e-5)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_parts(data: Any) -> None:
    """Many pictures, cut up; few output channels, several rows at once; narrow ones, pictures last."""
    draw = data.draw
    groups, c, o = draw(st.sampled_from([(1, 3, 6), (1, 1, 2), (1, 2, 9), (2, 2, 3), (4, 1, 1), (1, 5, 4)]))
    kernel = draw(st.tuples(st.integers(1, 6), st.integers(1, 5)))
    stride, dilation = (draw(st.tuples(st.integers(1, 2), st.integers(1, 3))) for _ in range(2))
    padding = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    size = [draw(st.integers(d * (k - 1) + 1, 24)) for k, d in zip(kernel, dilation, strict=True)]
    kind = draw(st.sampled_from([np.float32, np.float64]))
    x = drawn(draw(st.sampled_from([1, 2, 7, 9, 40])), c * groups, *size, kind=kind)
    w, b = drawn(o * groups, c, *kernel, kind=kind) / kind(2), drawn(o * groups, kind=kind)
    check(x, w, b, stride, padding, dilation, groups)


LINES = [((10, 14), (16, 6, 5, 5)), ((9, 11), (4, 3, 1, 4)), ((8, 8), (5, 2, 3, 3)), ((7, 12), (6, 1, 2, 5))]


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 5), groups=st.integers(1, 3), case=st.sampled_from(LINES), kind=st.sampled_from("fd"),
    padding=st.tuples(st.integers(0, 6), st.integers(0, 6)), step=st.integers(1, 2), more=st.integers(0, 2),
)  # fmt: skip
def test_the_gradient_for_the_picture_by_lines(
    n: int, groups: int, case: Any, kind: str, padding: Any, step: int, more: int
) -> None:
    """Whatever it costs, for borders wider than the kernel, and for places that no result has seen."""
    (high, wide), (o, c, kh, kw) = case
    options: Any = ((1, 1), padding, (1, step), groups)
    out = high + 2 * padding[0] - kh + 1, wide + 2 * padding[1] - step * (kw - 1)
    size = high + more, wide + more
    plan = convolve_lines.Lines(groups, o, c, size, (kh, kw), out, padding, step)
    y, w = drawn(n, o * groups, *out, kind=kind), drawn(o * groups, c, kh, kw, kind=kind)
    found = np.full((n, c * groups, *size), np.nan, kind)
    weights = convolve_lines.weights_for_lines(plan, w)
    assert weights is not None
    convolve_lines.spread_lines(plan, weights, y, found)
    shape = (*found.shape[:2], high, wide)
    expected = torch.nn.grad.conv2d_input(shape, torch.tensor(w), torch.tensor(y), *options).numpy()
    close(found[..., :high, :wide], expected, 5e-6 if kind == "f" else 1e-13)


def test_lines_where_they_pay() -> None:
    def plan(size: Any, w: Any, out: Any, *settings: Any) -> Any:
        return convolve_lines.lines_of(size, w, out, *(settings or (PAIR, (0, 0), PAIR, 1)))

    assert plan((14, 14), (16, 6, 5, 5), (10, 10)) is not None
    assert plan((32, 32), (64, 64, 3, 3), (32, 32), PAIR, PAIR, PAIR, 1) is not None
    assert plan((14, 14), (64, 6, 5, 5), (10, 10)) is None  # nearly twice the multiplications, with 64 rows
    assert plan((14, 14), (16, 6, 5, 5), (5, 5), (2, 2), (0, 0), PAIR, 1) is None
    assert plan((14, 14), (16, 6, 3, 3), (10, 12), PAIR, (0, 0), (2, 1), 1) is None
    assert plan((14, 14), (16, 6, 1, 3), (14, 10), PAIR, (0, 0), (2, 2), 1) is not None


@pytest.mark.parametrize(("o", "turned"), [(6, ""), (9, "wide"), (16, "packing wide"), (40, "packing wide")])
@pytest.mark.parametrize("n", [2, 9])
def test_the_product_turned_around(o: int, turned: str, n: int, wide: bool) -> None:
    x, w = drawn(n, 6, 14, 14), drawn(o, 6, 5, 5)
    plan = convolve_rows.planned(n, (14, 14), w.shape, (10, 10), PAIR, (0, 0), PAIR, 1)
    assert plan.turned == (("wide" if wide else "packing") in turned)
    assert plan.once == (2 if o == 6 and not wide else 1)
    check(x, w / np.float32(12), drawn(o))


@pytest.mark.parametrize(
    ("x", "w", "options"),
    [
        ((100, 3, 32, 32), (6, 3, 5, 5), ()),  # the network of the tutorials
        ((100, 6, 14, 14), (16, 6, 5, 5), ()),
        ((21, 2, 12, 12), (3, 2, 5, 5), ()),  # four rows at once
        ((9, 8, 16, 16), (8, 1, 3, 3), (1, 1, 1, 8)),  # one channel a group
        ((9, 8, 15, 16), (8, 1, 3, 3), (1, 1, 1, 8)),
        ((3, 40, 11, 9), (24, 40, 1, 1), ()),
        ((4, 128, 16, 16), (128, 128, 3, 3), (1, 1)),
        ((1, 256, 14, 14), (256, 256, 3, 3), (1, 1)),
        ((3, 64, 8, 8), (48, 64, 3, 3), (1, "same")),
        ((1, 16, 40, 132), (64, 16, 3, 3), (1, 2)),
    ],
)
def test_sizes(x: Any, w: Any, options: Any, wide: bool) -> None:
    for kind in (np.float32, np.float64):
        scale = kind(np.prod(w[1:])) ** 0.5
        check(drawn(*x, kind=kind), drawn(*w, kind=kind) / scale, drawn(w[0], kind=kind), *options)


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "channels last": lambda a: np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
    "every second": lambda a: np.repeat(a, 2, 3)[..., ::2],
    "backwards": lambda a: np.ascontiguousarray(a[:, :, ::-1, ::-1])[:, :, ::-1, ::-1],
    "a part": lambda a: np.pad(a, ((0, 0), (1, 2), (3, 1), (2, 2)))[:, 1:-2, 3:-1, 2:-2],
    "other order": lambda a: np.ascontiguousarray(a.transpose(3, 1, 0, 2)).transpose(2, 1, 3, 0),
    "unaligned": lambda a: np.frombuffer(b"\0" + a.tobytes(), np.uint8)[1:].view(a.dtype).reshape(a.shape),
}


@pytest.mark.parametrize("way", ["winograd", "pointwise", "parts"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_order_of_memory_does_not_matter(layout: str, way: str) -> None:
    kernel = {"winograd": 3, "pointwise": 1, "parts": 2}[way]
    x, w = drawn(2, 32, 10, 12), drawn(32, 32, kernel, kernel) / np.float32(10)
    g = drawn(2, 32, 11 - kernel, 13 - kernel)
    plain = {"stride": PAIR, "padding": (0, 0), "dilation": PAIR, "groups": 1}
    forwards = CPU.forwards

    def everything(x: Any, w: Any, g: Any) -> list[Any]:
        return [
            forwards["conv2d"](x, w, None, **plain),
            forwards["conv2d_input"](g, w, shape=x.shape, **plain),
            forwards["conv2d_weight"](g, x, None, shape=w.shape, **plain),
        ]

    change = LAYOUTS[layout]
    for a, b in zip(everything(change(x), change(w), change(g)), everything(x, w, g), strict=True):
        close(a, b, 1e-6)


def test_an_expanded_gradient() -> None:
    x, w = gradviz.tensor(drawn(2, 32, 8, 8)), gradviz.tensor(drawn(32, 32, 3, 3)).requires_grad_(True)
    gradviz.nn.functional.conv2d(x, w, padding=1).sum().backward()
    tw = torch.tensor(drawn(32, 32, 3, 3)).requires_grad_(True)
    torch.nn.functional.conv2d(torch.tensor(drawn(2, 32, 8, 8)), tw, padding=1).sum().backward()
    close(w.grad.numpy(), tw.grad.numpy(), 1e-5)


def test_second_gradients_through_winograd() -> None:
    found = []
    for lib in (gradviz, torch):
        x, w = (lib.tensor(a).double().requires_grad_(True) for a in (drawn(1, 32, 16, 16), drawn(32, 32, 3, 3) / 17))
        y = lib.nn.functional.conv2d(x, w, padding=1)
        gx, gw = lib.autograd.grad((y * y).mean(), (x, w), create_graph=True)
        twice = lib.autograd.grad((gx * gx).sum() + (gw * gw).sum(), (x, w))
        found.append([t.detach().numpy() for t in (gx, gw, *twice)])
    for a, b in zip(*found, strict=True):
        close(a, b, 1e-11)


# -- what is not finite --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
@pytest.mark.parametrize("where", ["x", "w", "b", "g"])
def test_what_is_not_finite_stays_where_it_belongs(bad: float, where: str) -> None:
    """PyTorch's NaN and infinities, number for number: the transforms alone would spread them over a tile."""
    arrays = {"x": drawn(1, 32, 16, 16), "w": drawn(32, 32, 3, 3), "b": drawn(32), "g": drawn(1, 32, 16, 16)}
    arrays[where].reshape(-1)[7] = bad
    found = []
    for lib in (gradviz, torch):
        x, w, b, g = (lib.tensor(a) for a in arrays.values())
        y = lib.nn.functional.conv2d(x.requires_grad_(True), w.requires_grad_(True), b, padding=1)
        found.append([t.detach().numpy() for t in (y, *lib.autograd.grad(y, (x, w), g))])
    for ours, theirs in zip(*found, strict=True):
        assert np.array_equal(np.isnan(ours), np.isnan(theirs))
        finite = np.isfinite(theirs)
        assert np.array_equal(ours[~finite], theirs[~finite], equal_nan=True)
        scale = np.abs(theirs[finite]).max(initial=1)
        np.testing.assert_allclose(ours[finite] / scale, theirs[finite] / scale, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["x", "w", "g"])
@pytest.mark.parametrize("place", [0, 50, 100])
@pytest.mark.parametrize("o", [1, 3, 6])
def test_zeros_beside_weights_and_lines_meet_nothing_else(
    bad: float, where: str, place: int, o: int, wide: bool
) -> None:
    """Several output rows at once, and whole lines at once, put zeros where a convolution has nothing."""
    arrays = {"x": drawn(2, 3, 12, 12), "w": drawn(o, 3, 5, 5), "b": drawn(o), "g": drawn(2, o, 8, 8)}
    arrays[where].reshape(-1)[place % arrays[where].size] = bad
    found = []
    for lib in (gradviz, torch):
        x, w, b, g = (lib.tensor(a) for a in arrays.values())
        y = lib.nn.functional.conv2d(x.requires_grad_(True), w.requires_grad_(True), b)
        found.append([t.detach().numpy() for t in (y, *lib.autograd.grad(y, (x, w), g))])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


# -- threads -------------------------------------------------------------------------------------------------------
CASES = [((12, 64, 32, 32), (64, 64, 3, 3)), ((64, 3, 32, 32), (6, 3, 5, 5)), ((64, 6, 14, 14), (16, 6, 5, 5))]


@pytest.mark.parametrize(("x", "w"), CASES)
def test_results_do_not_depend_on_the_number_of_threads(x: Any, w: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = drawn(*x), drawn(*w), drawn(w[0])
    used: list[Any] = []
    found = []
    monkeypatch.setattr(convolve_parts, "MUCH", 0)
    convolve_ways._settled.cache_clear()
    ask = parallel._pool().ask

    def told(job: Any, helpers: int) -> None:
        used.append(helpers)
        ask(job, helpers)

    monkeypatch.setattr(parallel._pool(), "ask", told)
    for threads in (1, 2, 3):
        monkeypatch.setattr(parallel.threads, "get", lambda threads=threads: threads)
        found.append(results(gradviz, *arrays))
    assert used, "no thread was asked to help"
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            assert np.array_equal(a, b)
    convolve_ways._settled.cache_clear()


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_large_sums_of_16_bit_pictures(kind: str) -> None:
    """The sum of all pixels is no number of this type: it says nothing of whether they are finite."""
    found = []
    for lib in (gradviz, torch):
        x, w = (lib.tensor(np.abs(a)).to(getattr(lib, kind)) for a in (drawn(8, 3, 32, 32) * 99, drawn(6, 3, 5, 5)))
        found.append(lib.nn.functional.conv2d(x, w).float().numpy())
    np.testing.assert_allclose(*found, rtol=1e-2)
