"""Gamma and Dirichlet numbers: PyTorch's from one seed, and how they move with their parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special

from gradviz.core import gammas
from tests.nn.both import both

torch = pytest.importorskip("torch")
SHAPES = [[0.01, 0.3, 1.0, 2.5], [7.0, 30.0, 1000.0]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["_standard_gamma", "_sample_dirichlet"])
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_draws_and_what_is_drawn_next(shapes: list[float], name: str, dtype: str) -> None:
    def program(lib: Any) -> Any:
        lib.randn(1)  # a second normal number waits
        drawn = getattr(lib, name)(lib.tensor([shapes] * 20, dtype=getattr(lib, dtype)))
        return drawn, lib.randn(3), lib.rand(2)

    both(program)


@pytest.mark.parametrize("name", ["_standard_gamma", "_sample_dirichlet"])
def test_refused_types(name: str) -> None:
    both(lambda lib: getattr(lib, name)(lib.tensor([1, 2])))


@pytest.mark.parametrize("a", [0.05, 0.5, 1.0, 3.0, 40.0, 2000.0])
def test_slopes_are_those_of_equal_probability(a: float) -> None:
    """The quantile function's own slope, by differences."""
    special = scipy.special
    u, h = np.array([0.05, 0.3, 0.6, 0.95]), 1e-4 * a
    wanted = (special.gammaincinv(a + h, u) - special.gammaincinv(a - h, u)) / (2 * h)
    found = gammas.gamma_slope(scipy, np.full(4, a), special.gammaincinv(a, u))
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-12)
