"""A character transformer learns the same way here and in PyTorch: the same losses, step by step, from one seed."""

from __future__ import annotations

import pytest

import gradviz
from benchmarks.char_transformer import losses

torch = pytest.importorskip("torch")


def test_thirty_losses() -> None:
    ours, theirs = losses(gradviz, 30), losses(torch, 30)
    assert ours == pytest.approx(theirs, abs=1e-3)
    assert [f"{loss:.3f}" for loss in ours[:10]] == [f"{loss:.3f}" for loss in theirs[:10]]
    assert ours[-1] < 0.9 * ours[0]
