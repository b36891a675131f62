"""Indices out of range on a GPU: noted on the device, told when the host waits anyway, at once if asked for.

g++ runs the kernels on the CPU. No GPU code is executed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz import cuda, nn
from gradviz.gpu import compiled, late
from tests.strict_machine import here

from .fibers import guarded
from .run_kernel import launch, needs_compiler

pytestmark = [needs_compiler, pytest.mark.usefixtures("machine")]
F = nn.functional


# What is asked of x (2, 3) and an index, an index that is there, one that is not, and what is launched for the check.
INDEXED: dict[str, tuple[str, Any, Any]] = {
    "gather": ("x.gather(1, i)", [[2, 0]], [[0, 3]]),
    "scatter": ("x.scatter(1, i, 1.0)", [[2, 0]], [[-1, 0]]),
    "scatter_add": ("x.scatter_add(1, i, x)", [[2, 0]], [[0, 3]]),
    "index_select": ("x.index_select(0, i)", [1, 0], [0, 2]),
    "index_add": ("x.index_add(0, i, x)", [1, 0], [0, 2]),
    "index_copy": ("x.index_copy(0, i, x)", [1, 0], [0, 2]),
    "take": ("x.take(i)", [-6, 5], [6]),
    "embedding": ("F.embedding(i, x)", [[1, 0]], [[0, -1]]),
    "embedding, int32": ("F.embedding(i.int(), x)", [[1, 0]], [[0, 2]]),
    "padded embedding": ("F.embedding(i, x, padding_idx=0)", [[1, 0]], [[0, 2]]),
    "x[i]": ("x[i]", [-2, 1], [0, -3]),
    "x[:, i]": ("x[:, i]", [-3, 2], [0, 3]),
    "x[i, i]": ("x[i, i]", [-2, 1], [0, 2]),
    "x[i] = 1": ("x.clone().index_put_((i,), x[0])", [-2, 1], [0, 2]),
    "put": ("x.put(i, torch.ones(2, device=x.device))", [-6, 5], [0, 6]),
    "nll_loss": ("F.nll_loss(x, i)", [2, 0], [0, 3]),
    "nll_loss by itself": ("F.nll_loss(x, i, reduction='none')", [2, 0], [0, 3]),
    "cross_entropy": ("F.cross_entropy(x, i)", [2, -100], [0, 3]),
    "uint8": ("F.nll_loss(x, i.to(torch.uint8), reduction='none')", [2, 0], [0, 3]),
}


def asked(code: str, index: Any, device: str) -> Any:
    x = torch.arange(6.0, device=device).reshape(2, 3)
    i = torch.tensor(index, device=device)
    here.reset()
    return eval(code, {"torch": torch, "F": F, "x": x, "i": i})


@pytest.mark.parametrize("name", INDEXED)
def test_it_waits_for_nothing_and_is_told_when_numbers_are_fetched(name: str) -> None:
    code, good, bad = INDEXED[name]
    out = asked(code, good, "cuda")
    assert dict(here.waits) == {}
    np.testing.assert_allclose(out.cpu().numpy(), asked(code, good, "cpu").numpy(), rtol=1e-6)
    with pytest.raises((IndexError, RuntimeError)) as want:
        asked(code, bad, "cpu")
    out = asked(code, bad, "cuda")
    assert dict(here.waits) == {}
    with pytest.raises(type(want.value)) as found:
        out.cpu()
    assert str(found.value) == str(want.value)
    assert "CUDA_LAUNCH_BLOCKING" in found.value.__notes__[-1]
    assert torch.ones(1, device="cuda").item() == 1  # told once


@pytest.mark.parametrize("name", INDEXED)
def test_it_is_told_at_once_if_asked_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_LAUNCH_BLOCKING", "1")
    with pytest.raises((IndexError, RuntimeError)):
        asked(*INDEXED[name][::2], "cuda")


@pytest.mark.parametrize(("name", "kernel"), [("embedding", "within_int64"), ("gather", "within_int64")])
def test_a_check_is_one_launch(name: str, kernel: str) -> None:
    asked(*INDEXED[name][:2], "cuda")
    assert sum(n for k, n in here.launches.items() if k.startswith("within")) == here.launches[kernel] == 1


def test_a_loss_checks_its_targets_by_itself() -> None:
    asked(*INDEXED["nll_loss"][:2], "cuda")  # the first check on a device makes the cell
    asked(*INDEXED["nll_loss"][:2], "cuda")
    assert dict(here.launches) == {"nll_loss": 1}


def test_the_first_of_several_is_told() -> None:
    x, table = torch.zeros(2, 3, device="cuda"), torch.zeros(4, 2, device="cuda")
    F.nll_loss(x, torch.tensor([1, 5], device="cuda"))
    F.embedding(torch.tensor([4], device="cuda"), table)
    with pytest.raises(IndexError, match=r"Target 5 is out of bounds\.\nThe input has 3 classes"):
        cuda.synchronize()
    F.embedding(torch.tensor([4], device="cuda"), table)
    with pytest.raises(IndexError, match="index out of range in self"):
        cuda.synchronize()
    cuda.synchronize()


def test_no_number_of_checks_waits_or_piles_up() -> None:
    x, bad = torch.zeros(2, 3, device="cuda"), torch.tensor([0, 5], device="cuda")
    good = torch.tensor([0, 1], device="cuda")
    F.nll_loss(x, bad)
    here.reset()
    for _ in range(late.KEPT + 10):
        x[good]
    for _ in range(2 * late.KEPT_ARRAYS):
        F.nll_loss(x, good, reduction="none")
    assert not here.waits
    kept = late._checks[0]
    assert (len(kept.errors), len(kept.errors_with_arrays)) == (late.KEPT, late.KEPT_ARRAYS)
    with pytest.raises(IndexError, match="an index or target was out of range: 5"):
        cuda.synchronize()


def test_each_device_has_its_own() -> None:
    F.nll_loss(torch.zeros(2, 3, device="cuda:1"), torch.tensor([0, 5], device="cuda:1"))
    assert torch.ones(1, device="cuda:0").item() == 1
    with pytest.raises(IndexError, match="Target 5"):
        torch.ones(1, device="cuda:1").item()


def test_a_captured_graph_checks_with_every_replay() -> None:
    x, i = torch.arange(3.0, device="cuda"), torch.tensor([1, 2], device="cuda")
    made = cuda.CUDAGraph()
    with cuda.graph(made):
        y = x.gather(0, i)
    for wrong in (7, -1):
        i.copy_(torch.tensor([2, 0]))
        made.replay()
        assert y.tolist() == [2.0, 0.0]
        i.copy_(torch.tensor([wrong, 0]))
        made.replay()
        i.copy_(torch.tensor([0, 0]))
        made.replay()
        with pytest.raises(RuntimeError, match=f"index {wrong} is out of bounds for dimension 0 with size 3"):
            y.tolist()
    made.reset()
    assert y.numel() == 2


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
@pytest.mark.parametrize("seed", range(1, 4))
def test_the_kernel_finds_one_wherever_it_is(dtype: str, seed: int) -> None:
    text = compiled.source("checks", "")
    for place in (None, 0, 299, 511):
        values = np.full(512, 4, dtype)
        if place is not None:
            values[place] = 9
        given, cell = guarded(values), guarded(np.zeros(2, np.int64))
        numbers = (np.int64(512), np.int64(0), np.int64(9))
        args = (given.ctypes.data, *numbers, cell.ctypes.data, np.int64(33))
        launch(text, f"within_{dtype}", (2,), (256,), args, seed)
        assert cell.tolist() == ([0, 0] if place is None else [33, 9])
