"""Graphs of reductions, order and statistics: composites are put together from the same nodes as PyTorch's."""

from __future__ import annotations

# ruff: noqa: E501  (a graph is a row)
from typing import Any

import numpy as np
import pytest

import gradviz
from tests.growth import growth

from .same import Sample, positive, sample
from .test_graph_names import tree

CODES = """
x.sum([]); x.mean((0, 1)); x.prod(1); x.nansum(); x.nanmean(0); torch.var_mean(x, 0)[0]; torch.std_mean(x)[1]; x.aminmax(dim=0)[1]; x.amax(); x.min(1)[0]
x.median(); x.median(0)[0]; x.nanmedian(); x.nanmedian(1)[0]; x.mode(0)[0]; x.kthvalue(2)[0]; x.logsumexp((0, 1)); x.cumsum(0); x.cumprod(0); x.cummax(0)[0]
x.cummin(1)[0]; x.logcumsumexp(0); x.sort()[0]; x.sort(stable=True)[0]; x.msort(); x.topk(2)[0]; x.unique(); x.unique(dim=0); torch.unique_consecutive(x)
torch.unique_consecutive(x, dim=0); x.norm(); x.norm(3, dim=0); x.norm('fro', dim=(0, 1)); x.norm('nuc'); x.norm('nuc', dim=(0, 1)); torch.dist(x, x * 2); x.renorm(2, 0, 1.)
x.quantile(0.5); x.quantile(0.5, 0); x.quantile(0.5, 1, True); x.nanquantile(0.3, 0); x.quantile(torch.tensor([0.1, 0.5])); x.quantile(torch.tensor([0.1]), 0, True)
x.quantile(0.5, interpolation='lower'); torch.cov(x); torch.corrcoef(x); torch.cov(x[0], aweights=x[1]); x.diff(); x.diff(n=2); x.diff(n=0); x.diff(prepend=x); torch.gradient(x)[0]
torch.trapz(x); torch.trapezoid(x, x); torch.trapezoid(x, dx=2); torch.cumulative_trapezoid(x); torch.cumulative_trapezoid(x, x); torch.combinations(x[0]); torch.combinations(x[0], 3)
torch.cdist(x, x); F.pdist(x); x.sum_to_size(1, 4); x.sum_to_size(4); x.sum_to_size(()); x.softmax(0); F.softmin(x, 0); x.log_softmax(1); x[0, 0].cumsum(0); x[0, 0].cummax(0)[0]
torch.histogram(x, torch.tensor([0., 1.]), weight=x, density=True)[0]
"""
GRAPHS = [sample(code.strip(), x=positive(3, 4)) for line in CODES.strip().split("\n") for code in line.split(";")]


@pytest.mark.oracle
@pytest.mark.parametrize("row", [pytest.param(row, id=str(row)) for row in GRAPHS])
def test_graph_equals_torchs(row: Sample) -> None:
    torch = pytest.importorskip("torch")
    assert tree(gradviz, row) == tree(torch, row)


@pytest.mark.parametrize("name", ["prod", "cumprod", "logcumsumexp", "cummax"])
def test_gradients_of_long_inputs_take_no_loop_over_elements(name: str) -> None:
    def backward(n: int) -> Any:
        x = gradviz.tensor(np.linspace(0.999, 1.001, n), requires_grad=True)
        out = x.prod() if name == "prod" else getattr(x, name)(0)
        (out[0] if isinstance(out, tuple) else out).sum().backward()
        return x.grad

    assert bool(backward(100_000).isfinite().all())
    assert growth(backward, 10_000, 100_000) < 30


def test_named_results_have_pytorchs_fields() -> None:
    x = gradviz.tensor([[3.0, 1.0, 2.0]])
    pairs = (
        x.max(1),
        x.min(1),
        x.median(1),
        x.nanmedian(1),
        x.mode(1),
        x.kthvalue(1),
        x.sort(),
        x.topk(1),
        x.cummax(1),
        x.cummin(1),
    )
    for found in pairs:
        assert found.values is found[0]
        assert found.indices is found[1]
    assert x.aminmax().min.item() == 1
    assert x.aminmax().max.item() == 3
    assert gradviz.histogram(x, 2).hist.tolist() == [1, 2]
    assert len(gradviz.histogramdd(x, 2).bin_edges) == 3
