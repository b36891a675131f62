"""`Distribution`: the counts are those of `numpy.histogram`, whatever the values, and joining loses nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradviz.widgets.history.history_bins import coarser, distribution, edges, joined, of_histogram

GENERATOR = np.random.default_rng(0)
ARRAYS = {
    "normal": GENERATOR.normal(size=5000).astype(np.float32),
    "few": GENERATOR.normal(size=5).astype(np.float32),
    "float64": GENERATOR.normal(size=300) * 1e-9,
    "float16": GENERATOR.normal(size=300).astype(np.float16),
    "skewed": np.exp(GENERATOR.normal(size=2000) * 4).astype(np.float32),
    "far from 0": (GENERATOR.normal(size=100) + 1e6).astype(np.float32),
    "whole": np.arange(-7, 90),
    "true": np.array([True, False, True]),
    "zeros": np.zeros(9, np.float32),
    "one": np.array([2.5]),
    "bad": np.array([np.nan, np.inf, -np.inf, 1.0, -2.0, 70000.0, 1e-6, -1e-9], np.float32),
    "huge": np.array([-1e300, 1e300, 5.0]),
    "powers": 2.0 ** np.arange(-30, 20),
    "both ends": np.array([-1e-310, 5e-324, 1e-300, -1e300, 0.0, -0.0]),
    "single ends": np.array([0.0, -0.0, 1e-45, -1e-40, 2.0**-126, 1e-38, -1.0, 3e38, -3e38], np.float32),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_counts_are_those_of_numpy_histogram(array: Any) -> None:
    one = distribution(array)
    values = array.astype(np.float64)
    fine = values[np.isfinite(values)]
    assert one.linear[1].tolist() == np.histogram(fine, bins=edges(one.linear, one.width))[0].tolist()
    assert sum(one.linear[1]) == one.finite == fine.size
    assert len(one.linear[1]) <= 64
    for sign, bins in ((1, one.positive), (-1, one.negatives)):
        side = sign * fine[sign * fine > 0]
        assert sum(bins[1]) == side.size
        if side.size and side.min() > 2.0**-126:  # smaller ones share a bin
            assert bins[1].tolist() == np.histogram(side, bins=edges(bins))[0].tolist()
    size = np.abs(fine)
    assert (one.zero, one.negative) == ((fine == 0).sum(), (fine < 0).sum())
    assert one.under == ((size > 0) & (size < 2.0**-24)).sum()
    assert one.subnormal == ((size >= 2.0**-24) & (size < 2.0**-14)).sum()
    assert one.over == (size > 65504).sum()
    assert (one.nan, one.inf) == (np.isnan(values).sum(), np.isinf(values).sum())
    assert (one.min, one.max) == (fine.min(), fine.max())
    with np.errstate(over="ignore"):
        assert (one.mean, one.std) == (fine.mean(), fine.std())


def test_what_float16_loses_is_what_is_counted() -> None:
    sizes = np.float64([2.0**-25 * 1.0001, 2.0**-24, 2.0**-14 * 0.999, 2.0**-14, 65504.0, 65505.0, 1e9])
    one = distribution(sizes)
    assert (one.under, one.subnormal, one.over) == (1, 2, 2)
    assert np.finfo(np.float16).tiny == 2.0**-14
    assert np.finfo(np.float16).smallest_subnormal == 2.0**-24
    assert np.finfo(np.float16).max == 65504


def test_an_array_without_a_number() -> None:
    for array in (np.zeros((0, 3)), np.array([np.nan, np.nan])):
        one = distribution(array)
        assert (one.min, one.mean, len(one.linear[1])) == (None, None, 0)
    assert one.nan == 2


def test_complex_numbers_by_their_sizes() -> None:
    assert distribution(np.array([3 + 4j])).max == 5


def test_joining_bins_and_distributions_loses_nothing() -> None:
    a, b = ARRAYS["normal"], ARRAYS["skewed"]
    both = joined(distribution(a), distribution(b))
    known = np.concatenate([a, b]).astype(np.float64)
    assert both.linear[1].tolist() == np.histogram(known, bins=edges(both.linear, both.width))[0].tolist()
    assert both.mean == pytest.approx(known.mean(), rel=1e-12)
    assert both.std == pytest.approx(known.std(), rel=1e-12)
    assert both.n == known.size
    one = distribution(a)
    for by in (1, 2, 5):
        wide = coarser(one.linear, by)
        assert wide[1].tolist() == np.histogram(a.astype(float), bins=edges(wide, one.width * 2**by))[0].tolist()
    only_bad = joined(distribution(np.array([np.nan])), one)
    assert (only_bad.nan, only_bad.n, only_bad.mean) == (1, a.size + 1, one.mean)


def test_another_histogram_is_shared_out() -> None:
    values = ARRAYS["normal"].astype(np.float64)
    counts, limits = np.histogram(values, bins=200)
    guess, known = of_histogram(limits, counts, n=values.size), distribution(values)
    assert not guess.exact
    assert sum(guess.linear[1]) == pytest.approx(values.size)
    assert sum(guess.positive[1]) + sum(guess.negatives[1]) + guess.zero == pytest.approx(values.size)
    assert guess.negative == pytest.approx(known.negative, rel=0.05)
    assert guess.width == known.width
    first = max(guess.linear[0], known.linear[0])
    a, b = (np.asarray(x.linear[1], float)[first - x.linear[0] :] for x in (guess, known))
    assert np.abs(a[: b.size] - b[: a.size]).sum() < 0.15 * values.size
    assert of_histogram([], []).n == 0
