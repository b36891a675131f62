"""LeNet learns the same way here and in PyTorch: the same losses, step by step, from the same seed."""

from __future__ import annotations

import pytest

import gradviz
from benchmarks.lenet_losses import losses

torch = pytest.importorskip("torch")


def test_thirty_losses() -> None:
    ours, theirs = losses(gradviz, 30), losses(torch, 30)
    assert ours == pytest.approx(theirs, abs=1e-3)
    assert [f"{loss:.2f}" for loss in ours[:10]] == [f"{loss:.2f}" for loss in theirs[:10]]
    assert ours[-1] < ours[0] - 0.02
