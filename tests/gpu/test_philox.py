"""The cuda generator's numbers: known answers, and the kernels' text against the twin, bit for bit.

No GPU code is executed: g++ compiles the kernels for the CPU.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradviz.gpu import compiled, philox

from .run_kernel import launch, needs_compiler

# From Random123's kat_vectors: counter, key, answer.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_known_answers(counter: str, key: str, answer: str) -> None:
    words = [np.array([int(w, 16)], np.uint64) for w in counter.split()]
    k0, k1 = (int(w, 16) for w in key.split())
    assert [f"{int(w[0]):08x}" for w in philox.philox(tuple(words), (k0, k1))] == answer.split()


def test_the_logarithm_and_the_turn_are_right_to_the_last_digits() -> None:
    u = np.concatenate([np.random.default_rng(0).random(200_000), [0.0, 0.5, 0.25, 0.75, 1 - 2.0**-53, 2.0**-53]])
    x = 1 - u
    np.testing.assert_allclose(philox.log_unit(x), np.log(x), rtol=2 * 2.0**-52, atol=0)  # two units in the last place
    cosine, sine = philox.turn(u)
    np.testing.assert_allclose(cosine, np.cos(2 * np.pi * u), rtol=0, atol=1e-15)
    np.testing.assert_allclose(sine, np.sin(2 * np.pi * u), rtol=0, atol=1e-15)


def test_words_do_not_depend_on_how_many_are_drawn_at_once() -> None:
    all_at_once = philox.words(9, 8, 1000)
    assert (all_at_once[400:] == philox.words(9, 408, 600)).all()


def test_normal_numbers_are_normal() -> None:
    from scipy import stats

    drawn = philox.Philox(5).normal(200_000, np.float64)
    assert stats.kstest(drawn, "norm").pvalue > 0.001
    assert stats.kstest(philox.Philox(5).uniform(200_000, np.float64), "uniform").pvalue > 0.001
    assert stats.kstest(philox.Philox(5).exponential(200_000, np.float64, 2.0), "expon", (0, 0.5)).pvalue > 0.001
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.01


f, d = np.float32, np.float64
U = np.uint64
# A kernel, its element type and parameters, and the same drawn by the twin.
KERNELS: list[tuple[str, Any, tuple[Any, ...], Any]] = [
    ("words", np.uint32, (), lambda t, n: t.words(n).astype(np.uint32)),
    ("uniform32", f, (d(0), d(1)), lambda t, n: t.uniform(n, f)),
    ("uniform32", f, (d(-3), d(0.7)), lambda t, n: t.uniform(n, f, -3, 0.7)),
    ("uniform64", d, (d(0), d(1)), lambda t, n: t.uniform(n, d)),
    ("uniform64", d, (d(1), d(1 + 2**-50)), lambda t, n: t.uniform(n, d, 1, 1 + 2**-50)),
    ("normal32", f, (d(0), d(1)), lambda t, n: t.normal(n, f)),
    ("normal64", d, (d(0.1), d(3)), lambda t, n: t.normal(n, d, 0.1, 3)),
    ("exponential", d, (d(1.7),), lambda t, n: t.exponential(n, d, 1.7)),
    ("integers", U, (U(10), U(5)), lambda t, n: t.integers(n, 5, 15).view(U)),
    ("wide_integers", U, (U(2**40), U(2**64 - 7)), lambda t, n: t.integers(n, -7, 2**40 - 7).view(U)),
    ("wide_integers", U, (U(0), U(0)), lambda t, n: t.integers(n, -(2**63), 2**63).view(U)),
    ("bernoulli", np.bool_, (d(0.3),), lambda t, n: t.bernoulli(n, 0.3)),
]


@needs_compiler
@pytest.mark.parametrize(
    ("name", "dtype", "parameters", "twin"), KERNELS, ids=[f"{i}_{row[0]}" for i, row in enumerate(KERNELS)]
)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 1024, 5001])
@pytest.mark.parametrize(("seed", "offset", "more"), [(0, 0, None), (2**64 - 1, 4, None), (7, 2**34, 8)])
def test_the_text_of_the_kernels_draws_what_the_twin_draws(
    name: str, dtype: Any, parameters: Any, twin: Any, n: int, seed: int, offset: int, more: int | None
) -> None:
    out = np.zeros(n, dtype)
    moved = np.array([more or 0, 5], U)
    text = compiled.source("philox", "")
    pointer = 0 if more is None else moved.ctypes.data
    args = (U(seed), U(offset), pointer, out.ctypes.data, U(n), *parameters)
    launch(text, name, (-(-n // 64) + 1,), (64,), args)
    want = twin(philox.Philox(seed if more is None else seed ^ 5, offset + (more or 0)), n)
    assert out.tobytes() == want.astype(dtype).tobytes()


@needs_compiler
def test_a_changed_kernel_is_noticed() -> None:
    text = compiled.source("philox", "")
    broken = text.replace("round < 10", "round < 9")
    assert broken != text
    out = np.zeros(4, np.uint32)
    launch(broken, "words", (1,), (1,), (U(0), U(0), 0, out.ctypes.data, U(4)))
    assert out.tolist() != philox.words(0, 0, 4).tolist()


def test_numbers_of_half_precision_stay_below_the_end() -> None:
    drawn = philox.Philox(1).uniform(100_000, np.float16)
    assert drawn.max() < 1
    assert drawn.dtype == np.float16


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("n", [1, 2, 777])
def test_dropout_draws_what_bernoulli_draws(n: int, dtype: str) -> None:
    from gradviz.core.dtype import DTYPES

    out = np.full(n, 7, DTYPES[dtype].numpy)
    args = (np.uint64(5), np.uint64(8), np.uint64(0), out.ctypes.data, np.uint64(n), np.float64(0.75), np.float64(1.25))
    launch(compiled.source("dropout", dtype), "dropout_noise", (2,), (256,), args)
    assert (out.astype(np.float64) == philox.Philox(5, 8).bernoulli(n, 0.75) * 1.25).all()
