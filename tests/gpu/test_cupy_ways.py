"""Where CuPy computes otherwise than NumPy and SciPy (tests/cupy_ways.py): the CPU's numbers all the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradviz.core.device import as_device
from tests.oracle.same import Sample, complexes, floats, given, same_on_device

from .run_kernel import needs_compiler

pytestmark = [needs_compiler, pytest.mark.usefixtures("machine")]
NAN, INF = np.nan, np.inf
EDGES = [-INF, -800.0, -8.0, -2.5, -1.0, -0.0, 0.0, 1e-300, 0.5, 8.0, 8.5, 95.0, 720.0, INF, NAN]


def alike(row: Sample) -> None:
    with np.errstate(all="ignore"):
        same_on_device(row, as_device("cuda"))


@pytest.mark.parametrize("function", ["max", "min", "argmax", "argmin"])
@pytest.mark.parametrize("options", ["dim=0", "dim=-1, keepdim=True"])
def test_extremes_of_a_single_number(function: str, options: str) -> None:
    alike(Sample(f"x.{function}({options})", {"x": floats()}))


@pytest.mark.parametrize("x", [given(EDGES), complexes(5)], ids=["real", "complex"])
def test_angles(x: Any) -> None:
    alike(Sample("torch.angle(x)", {"x": x}))
