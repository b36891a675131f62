"""Where the host waits for a GPU inside an operation: in the places listed here and no others. No GPU code is executed.

A wait costs time, and what waits cannot be part of a CUDA graph. CuPy waits in silence where a result's size depends on
numbers (masks, `nonzero`, `unique`) or where it looks whether arguments are in order (`bincount`).
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz import cuda
from gradviz.core.device import as_device
from tests.oracle.same import _tensors, evaluate
from tests.oracle.samples import params
from tests.strict_machine import Machine, here

from .run_kernel import needs_compiler
from .stand_in import two_gpus

F = torch.nn.functional
PACKAGE = str(Path(torch.__file__).parent)
# Files whose functions pass on what was asked elsewhere.
PASSING = (
    "gpu/",
    "core/device.py",
    "core/written.py",
    "core/dispatch.py",
    "core/op.py",
    "core/quick.py",
    "core/calls.py",
)
# Where operations wait, and why: PyTorch's wait there too unless something else is said.
WAITING = {
    "core/values.py": "numbers are asked for",
    "core/ops/linalg/": "solvers and decompositions tell whether they succeeded; LU and LDL choose pivots on the host",
    "core/ops/reductions/unique.py": "how many there are is the size of the result",
    "core/ops/reductions/histogram.py": "how many boxes there are, and whether weights are in order",
    "core/ops/indexing/getitem.py": "a mask's truths are the size of the result, and of its gradient",
    "core/ops/indexing/take.py": "so are those of masked_select and nonzero",
    "core/ops/indexing/masks.py": "how many numbers masked_scatter needs",
    "core/ops/indexing/index_put.py": "many values under a mask",
    "core/ops/indexing/scatter_reduce.py": "products are put in rounds on the host; PyTorch does not wait",
    "core/ops/indexing/gather.py": "indices that may come round in index_select's neighbour take_along_dim",
    "core/ops/layers/activation_functions.py": "the slopes that rrelu drew; PyTorch does not wait",
    "core/ops/layers/embedding.py": "which rows are renormed, how often each was looked up",
    "core/ops/layers/embedding_bag.py": "bags of different sizes are cut on the host; PyTorch does not wait",
    "core/ops/layers/unpool.py": "whether indices are in order",
    "core/ops/losses/ctc_loss.py": "how long the targets are",
    "core/ops/reductions/cdist.py": "the pairs of pdist, which do not depend on numbers; PyTorch does not wait",
    "core/ops/elements/polynomials.py": "the largest degree; PyTorch does not wait",
    "core/ops/elements/compare.py": "`equal` and `allclose` give a truth of Python",
    "core/ops/shapes/rearrange.py": "repeats that are a tensor are the size of the result",
    "core/ops/out.py": "what is written into a tensor of the host",
    "nn/functional/sparse.py": "how many classes there are, and whether none is less than 0",
}


@pytest.fixture(autouse=True)
def machine() -> Iterator[Any]:
    with two_gpus() as cupy:
        torch.ones(1, device="cuda:0")
        yield cupy


def site() -> str:
    """The file of the package that asked, seen from here; those that pass on are passed over."""
    frame: Any = sys._getframe(2)
    while frame is not None:
        _, inside, name = frame.f_code.co_filename.partition(PACKAGE + "/")
        if inside and not name.startswith(PASSING):
            return name
        frame = frame.f_back
    return ""


@pytest.mark.filterwarnings("ignore")
@np.errstate(all="ignore")
def test_operations_wait_where_it_is_known_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, set[str]] = defaultdict(set)
    plain, rows, device, ran = Machine.wait, params(skip=("random",)), as_device("cuda:0"), 0

    def wait(self: Machine, what: str) -> None:
        plain(self, what)
        if "of host data" not in what and row is not None:
            found[site()].add(f"{what}: {row}")

    monkeypatch.setattr(Machine, "wait", wait)
    for param in rows:
        row = param.values[0]
        made = {name: torch.from_numpy(spec.make(name)).to(device) for name, spec in row.made.items()}
        wanted = [made[n].requires_grad_() for n, spec in row.made.items() if spec.differentiable]
        try:
            with device:
                names = {"torch": torch, "F": F, "np": np, **made}
                outs = [o for o in _tensors(evaluate(row.code, names), torch) if o.requires_grad]
                if outs and wanted:
                    torch.autograd.grad(outs, wanted, [torch.ones_like(o) for o in outs], allow_unused=True)
        except Exception:  # what is to fail
            row = None
            continue
        row = None
        ran += 1
    assert ran > 4500
    places = {name: min(asked) for name, asked in found.items()}
    unknown = {name: asked for name, asked in places.items() if not name.startswith(tuple(WAITING))}
    assert not unknown
    assert not [listed for listed in WAITING if not any(name.startswith(listed) for name in places)]


# -- what waits nowhere can be captured --------------------------------------------------------------------------------
STEPS = {
    "an attention mask": "F.scaled_dot_product_attention(x[None], x[None], x[None], attn_mask=(x @ x.T) > 0)",
    "masked_fill": "x.masked_fill(x < 0, -1e9).softmax(1)",
    "x[x < 0] = 0": "y = x * 1; y[y < 0] = 0; y",
    "x[i] = 1": "y = x * 1; y[i] = 1.0; y",
    "index_fill": "x.index_fill(0, i, 2.0)",
    "scatter": "x.scatter(1, i[:, None], 3.0)",
    "interpolation": "F.interpolate(x[None, None], scale_factor=2.0, mode='bilinear')",
    "adaptive pooling": "F.adaptive_avg_pool2d(x[None, None], (2, 3))",
    "binary cross entropy": "F.binary_cross_entropy(x.sigmoid(), (x > 0).float())",
    "margins": "F.multi_margin_loss(x, i)",
    "whole quotients": "((i + 5) // (i + 1)) * x.sum()",
    "half precision": "torch.empty(64, device=x.device, dtype=torch.float16).uniform_(0, 1).sum() * 0 + x",
    "a number made in the step": "x * torch.tensor(2.0, device=x.device)",
}


@needs_compiler
@pytest.mark.parametrize("name", STEPS)
def test_these_can_be_captured(name: str) -> None:
    *body, last = STEPS[name].split("; ")
    values = torch.arange(12.0).reshape(3, 4).sin()

    def step(x: Any, i: Any) -> Any:
        names = {"torch": torch, "F": F, "x": x, "i": i}
        exec("\n".join(body), names)
        out = eval(last, names)
        return (out, *torch.autograd.grad(out.sum(), x)) if out.requires_grad else (out,)

    x, i = values.to("cuda").requires_grad_(), torch.tensor([2, 0, 1], device="cuda")
    step(x, i)
    made = cuda.CUDAGraph()
    with cuda.graph(made):
        outs = step(x, i)
    for shift in (0.0, 1.0):
        x.data.copy_(values + shift)
        here.reset()
        made.replay()
        assert dict(here.waits) == {}
        cpu = (values + shift).requires_grad_()
        for ours, want in zip(outs, step(cpu, i.cpu()), strict=True):
            np.testing.assert_allclose(ours.detach().cpu(), want.detach(), rtol=1e-5, atol=1e-6)


def test_a_tensor_of_the_host_is_not_copied_unseen() -> None:
    x, made = torch.ones(3), cuda.CUDAGraph()
    with pytest.raises(RuntimeError, match="operation not permitted when stream is capturing"), cuda.graph(made):
        x.to("cuda")
    here.reset()
    torch.ones(3, device="cuda")
