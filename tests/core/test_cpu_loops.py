"""relu, batch norm and max pooling on NumPy arrays, at the sizes where their loops are cut, beside PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.core import parallel
from gradviz.core.ops.layers import activation_cpu, normalise_cpu, pool_max

torch = pytest.importorskip("torch", reason="PyTorch is the oracle of these tests")
BLOCK = activation_cpu.BLOCK


def both(run: Any, *arrays: Any) -> list[list[Any]]:
    return [[t.detach().numpy() for t in run(lib, *map(lib.tensor, arrays))] for lib in (gradviz, torch)]


# -- relu ----------------------------------------------------------------------------------------------------------
SPECIAL = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-45, -1e-45, 3.0, -3.0]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("count", [0, 1, 9, 1000, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 7])
def test_relu(count: int, kind: Any) -> None:
    """Bit for bit, with NaN, infinities and zeros of both signs in the input and in the gradient."""
    x = np.resize(np.array(SPECIAL, kind), count)
    g = np.resize(np.array([np.inf, np.nan, -2.0, 5.0, -np.inf, 1.0, 0.5], kind), count)

    def run(lib: Any, x: Any, g: Any) -> Any:
        x.requires_grad_(True)
        y = lib.relu(x)
        return y, *lib.autograd.grad(y, x, g)

    ours, theirs = both(run, x, g)
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype == kind
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("shape", [(2, 3, 4), (1,), (), (0, 5)])
def test_relu_keeps_shapes_and_orders(shape: Any) -> None:
    x = np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape) - 3
    for lay in (lambda a: a, lambda a: a.T, lambda a: a[..., ::2] if a.ndim else a):
        given = lay(gradviz.tensor(x).numpy())
        found = gradviz.relu(gradviz.from_numpy(given))
        np.testing.assert_array_equal(found.numpy(), np.maximum(given, 0))
        assert found.stride() == torch.relu(torch.from_numpy(given)).stride()


def test_second_gradients_of_relu() -> None:
    def run(lib: Any, x: Any) -> Any:
        x.requires_grad_(True)
        (g,) = lib.autograd.grad((lib.relu(x) ** 3).sum(), x, create_graph=True)
        return g, *lib.autograd.grad(g.sum(), x)

    ours, theirs = both(run, np.linspace(-2, 2, 2001))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


# -- batch norm ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("each", [(4, 4), (32, 32), (100, 100), (112, 112), (1, 10007), (4, 9001)])
def test_batch_norm_of_long_rows(each: Any) -> None:
    """A row is cut where a scalar product of all of it would be shared among threads, if it can be cut evenly."""
    by = normalise_cpu.Channels((2, 5, *each))
    assert np.prod(each) % by.pieces[1] == 0
    assert by.pieces[1] <= normalise_cpu.ALONE or each == (1, 10007)
    draw = np.random.default_rng(0)
    x, g = (draw.standard_normal((2, 50 if each == (4, 4) else 5, *each)).astype(np.float32) * 3 + 1 for _ in range(2))
    w, b = draw.standard_normal((2, x.shape[1])).astype(np.float32)

    def run(lib: Any, x: Any, w: Any, b: Any, g: Any) -> Any:
        for t in (x, w, b):
            t.requires_grad_(True)
        y = lib.nn.functional.batch_norm(x, None, None, w, b, training=True)
        return y, *lib.autograd.grad(y, (x, w, b), g)

    ours, theirs = both(run, x, w, b, g)
    for a, c in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, c, rtol=2e-4, atol=2e-4 * max(np.abs(c).max(), 1))


# -- max pooling ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kernel", "padding", "shape"), [(4, 2, (3, 2, 7, 2)), (3, 1, (3, 2, 50, 60)), (2, 0, (3, 2, 9, 200))]
)
def test_places_in_windows_of_max_pooling(kernel: int, padding: int, shape: Any) -> None:
    """Windows wider than the picture, and places too far from a corner for 8 bits; with NaN and equal numbers."""
    x = np.random.default_rng(0).integers(0, 4, shape).astype(np.float32)
    x[1, :, ::3, 1::2] = np.nan

    def run(lib: Any, x: Any) -> Any:
        return lib.nn.functional.max_pool2d(x, kernel, 1, padding, return_indices=True)

    for ours, theirs in zip(*both(run, x), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("shape", [(7, 3, 8, 8), (3, 8, 8), (0, 3, 8, 8)])
def test_max_pooling_shared_among_threads(shape: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    x = gradviz.tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))

    def run() -> list[bytes]:
        pool_max._windows.cache_clear()
        found = gradviz.nn.functional.max_pool2d(x, 3, 2, 1, return_indices=True)
        return [t.numpy().tobytes() for t in found]

    whole = run()
    monkeypatch.setattr(pool_max, "PIECE", 100)
    for threads in (1, 3):
        monkeypatch.setattr(parallel.threads, "get", lambda threads=threads: threads)
        assert run() == whole
    pool_max._windows.cache_clear()
