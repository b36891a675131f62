"""Every operation in 16-bit floats on a stand-in GPU: of the CPU's types, and near its values.

CuPy's functions compute in the types that its wheel tells (tests/cupy_types.py), which for bfloat16 are not always
NumPy's. The backend is the real one (gradviz.gpu). No GPU code is executed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.core.device import as_device
from gradviz.gpu.completed import SORTING, completed
from tests.cupy_types import _resolve, dtype
from tests.oracle.same import Sample, _array, _tensors, _weighted, evaluate
from tests.oracle.samples import params
from tests.strict_array import SORTING as UNSORTED
from tests.strict_device import StrictArray

from .stand_in import two_gpus


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("CUDA_LAUNCH_BLOCKING", "1")
    with two_gpus() as cupy:
        yield cupy


def run(row: Sample, kind: Any, device: Any) -> list[Any]:
    """Outputs and gradients, with inputs of float32 in another type."""
    made, wanted = {}, []
    for name, spec in row.made.items():
        x = gradviz.from_numpy(spec.make(name))
        x = (x.to(kind) if x.dtype is gradviz.float32 else x).to(device)
        made[name] = x.requires_grad_() if spec.differentiable else x
        wanted += [x] if spec.differentiable else []
    outs = _tensors(evaluate(row.code, {"torch": gradviz, "F": gradviz.nn.functional, "np": np, **made}), gradviz)
    loss = _weighted(gradviz, outs, 1, device) if wanted and row.order else None
    grads = () if loss is None else gradviz.autograd.grad(loss, wanted, allow_unused=True)
    return [_array(t) for t in (*outs, *grads)]


def size_of(results: list[Any]) -> float:
    """The largest number of all results: a gradient that is 0 but for rounding is as exact as what was added up."""
    every = [np.abs(r[0][np.isfinite(r[0])]).max(initial=0.1) for r in results if r and r[0].dtype.kind in "fc"]
    return float(max(every, default=1.0))


def difference(here: Any, there: Any, size: float) -> str:
    if here is None or there is None:
        return "" if here is there else "one has no gradient"
    (want, kind), (got, found) = here, there
    if kind != found:
        return f"{found} in place of {kind}"
    return "" if np.allclose(got, want, rtol=0.05, atol=0.05 * size, equal_nan=True) else "other values"


ROWS = [p.values[0] for p in params(skip=("random",)) if "manual_seed" not in str(p.values[0])]
ROWS = [row for row in ROWS if any(np.dtype(s.dtype) == np.float32 for s in row.made.values())]


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
@pytest.mark.filterwarnings("ignore")
@np.errstate(all="ignore")
def test_types_are_the_cpus(kind: str) -> None:
    device, low, compared, wrong = as_device("cuda:1"), getattr(gradviz, kind), 0, []
    for row in ROWS:
        try:
            want = run(row, low, "cpu")
        except Exception:  # what the CPU cannot do in this type
            continue
        with device:
            got = run(row, low, device)
        compared += 1
        each, size = zip(want, got, strict=True), size_of(want)
        wrong += [f"{row}: {what} {i}" for i, pair in enumerate(each) if (what := difference(*pair, size))]
    assert not wrong, "\n".join(wrong)
    assert compared > 3000


def test_what_cupy_lacks_for_bfloat16_is_completed(machine: Any) -> None:
    """By the wheel's loops: what would answer in another type, or fail, of what takes floats at all."""
    xp, x = completed(machine), StrictArray(np.array([3.0, -1.0, 2.0])).astype(gradviz.bfloat16.numpy)
    inner = {"where": "?EE", "clip": "EEE"}
    for name, given in inner.items():
        assert _resolve("cupy", name, tuple(map(dtype, given)), (None,) * 3)[1] == (np.dtype(np.float32),)
    for made in (
        xp.where(x > 0, x, 0.0), xp.where(x > 0, 1, x), xp.where(x > 0, x, x), xp.clip(x, 0, None), xp.clip(x, x, 2.0),
        xp.sort(x), xp.unique(x), xp.clip(x, -0.5, 2.5),
    ):  # fmt: skip
        assert made.dtype == x.dtype
    assert xp.where(x > 0, x, 0.0).tolist() == [3.0, 0.0, 2.0]
    assert xp.clip(x, -0.5, 2.5).tolist() == [2.5, -0.5, 2.0]
    assert xp.argsort(x).tolist() == [1, 2, 0]
    assert xp.where(x > 0, x, StrictArray(np.zeros(3, "f4"))).dtype == np.float32
    assert set(SORTING) == UNSORTED
    with pytest.raises(NotImplementedError, match="bfloat16"):
        machine.sort(x)
