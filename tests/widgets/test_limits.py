"""A page that would be too large leaves elements out, and says so."""

from __future__ import annotations

import gradviz as torch
from gradviz.widgets import BackpropStepper
from gradviz.widgets.graph.embed import LIMITS, embed


def test_the_page_says_what_it_leaves_out() -> None:
    torch.manual_seed(0)
    weight = torch.randn(8, 8).requires_grad_()

    def loss(steps: int) -> torch.Tensor:
        h = torch.ones(8, 8)
        for _ in range(steps):
            h = torch.tanh(h @ weight)
        return h.sum()

    small, large = (BackpropStepper(lambda n=n: loss(n)).record for n in (2, 60))
    assert "note" not in embed(small, [])
    data = embed(large, [])
    assert data["note"].startswith("To keep this page small, ")
    kept = max(len(row[2] or ()) for row in data["values"])
    assert kept < LIMITS[0]
    assert kept == 1 or f"more than {kept} numbers" in data["note"] or kept < 4
