"""Every operation, layer and optimiser on the second of two stand-in GPUs while the first is the current one.

The same values as on the CPU, nothing touched with the wrong device current, no name that CuPy lacks. The backend is
the real one (gradviz.gpu), CuPy is tests/gpu/stand_in.py: no GPU code is executed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.core.device import as_device
from gradviz.optim import update
from tests.nn.layers import LAYERS
from tests.nn.rows import ROWS
from tests.nn.steps import compare, train
from tests.optim.runs import CASES, label
from tests.optim.test_strict_device import after
from tests.oracle.same import Sample, same_on_device
from tests.oracle.samples import params
from tests.strict_device import StrictArray

from .stand_in import two_gpus


@pytest.fixture(scope="module", autouse=True)
def machine() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch, two_gpus() as cupy:
        patch.setenv("CUDA_LAUNCH_BLOCKING", "1")  # what is wrong with values is told at once
        gradviz.ones(1, device="cuda:0")
        yield cupy


# What draws from the device's own generator has other numbers than the CPU: tests/gpu/test_cuda.py has those.
ROWS_OF_OPS = [p for p in params(skip=("random",)) if "manual_seed" not in str(p.values[0])]


@pytest.mark.parametrize("row", ROWS_OF_OPS)
@np.errstate(all="ignore")
def test_operations(row: Sample) -> None:
    same_on_device(row, as_device("cuda:1"))


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{i} {row}") for i, row in enumerate(ROWS)])
@np.errstate(all="ignore")
def test_functions(row: Sample) -> None:
    same_on_device(row, as_device("cuda:1"))


@pytest.mark.parametrize(("code", "wanted"), [pytest.param(*row, id=f"{i} {row[0]}") for i, row in enumerate(LAYERS)])
def test_layers(code: str, wanted: list[Any]) -> None:
    if "ropout" in code or "RReLU" in code:
        pytest.skip("draws from the device's own generator, not from the CPU's")
    there, here = (train(gradviz, code, wanted, device) for device in (as_device("cuda:1"), None))
    assert all(type(o._array) is StrictArray and o._array.place == 1 for o in there[1])
    compare(there, here)


@pytest.mark.parametrize(("name", "options"), CASES, ids=label)
def test_optimisers(name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    # The kernels round once where a product is added; the CPU does so for arrays of up to this many elements.
    monkeypatch.setattr(update, "SMALL", 10**6)
    for ours, cpu in zip(after(name, options, "cuda:1"), after(name, options, "cpu"), strict=True):
        np.testing.assert_allclose(ours, cpu, rtol=1e-6, atol=1e-7)
