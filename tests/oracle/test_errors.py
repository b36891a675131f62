"""What a learner gets wrong, and what is said: the same exception type and first sentence as PyTorch.

gradviz adds a note that says what this case was and the usual fix; that it is there is tested at the end.
"""

from __future__ import annotations

# ruff: noqa: E501  (a program is a row)
import warnings
from typing import Any

import numpy as np
import pytest

import gradviz

from .same import check_errors, evaluate, functional

# name: program. Each must raise in PyTorch.
PROGRAMS = {
    # backward
    "backward on a vector": "x = torch.ones(3, requires_grad=True)\n(x * 2).backward()",
    "backward on a matrix": "x = torch.ones(2, 3, requires_grad=True)\nx.exp().backward()",
    "backward without a graph": "torch.ones(1).backward()",
    "backward of something detached": "x = torch.ones(1, requires_grad=True)\n(x * 2).detach().backward()",
    "backward under no_grad": "x = torch.ones(1, requires_grad=True)\nwith torch.no_grad():\n    y = x * 2\ny.backward()",
    "second backward": "x = torch.ones(3, requires_grad=True)\ny = (x * x).sum()\ny.backward()\ny.backward()",
    "second backward through a shared part": "x = torch.ones(3, requires_grad=True)\nh = x.exp()\nh.sum().backward()\n(h * 2).sum().backward()",
    "saved values after backward": "x = torch.ones(3, requires_grad=True)\ny = x.exp()\ny.sum().backward()\ny.grad_fn._saved_result",
    "gradient of another shape": "x = torch.ones(3, requires_grad=True)\n(x * 2).backward(torch.ones(2))",
    "gradient that is no tensor": "x = torch.ones(1, requires_grad=True)\n(x * 2).backward(1.0)",
    "grad of an unused input": "x = torch.ones(3, requires_grad=True)\ny = torch.ones(3, requires_grad=True)\ntorch.autograd.grad(x.sum(), [x, y])",
    "grad of an input without requires_grad": "x = torch.ones(3, requires_grad=True)\ny = torch.ones(3)\ntorch.autograd.grad((x * y).sum(), [y])",
    "grad of a vector": "x = torch.ones(3, requires_grad=True)\ntorch.autograd.grad(x * 2, x)",
    "hook that is not callable on a constant": "torch.ones(3).register_hook(lambda g: g)",
    "retain_grad on a constant": "torch.ones(3).retain_grad()",
    # in place
    "in place on a leaf": "x = torch.ones(3, requires_grad=True)\nx += 1",
    "in place method on a leaf": "x = torch.ones(3, requires_grad=True)\nx.mul_(2)",
    "writing an index of a leaf": "x = torch.ones(3, requires_grad=True)\nx[0] = 5.0",
    "in place on a view of a leaf": "x = torch.ones(3, requires_grad=True)\nx[:2].add_(1)",
    "in place on a saved input": "x = torch.ones(3, requires_grad=True)\ny = x * 2\nz = y * y\ny += 1\nz.sum().backward()",
    "in place on a saved output": "x = torch.ones(3, requires_grad=True)\ny = x.exp()\ny += 1\ny.sum().backward()",
    "in place on a view of a saved input": "x = torch.ones(3, requires_grad=True)\nh = x * 1\nv = h.detach()\nz = h.sin()\nv.add_(1)\nz.sum().backward()",
    "in place with a larger shape": "x = torch.ones(3)\nx.add_(torch.ones(2, 3))",
    "in place with another kind": "x = torch.ones(3, dtype=torch.int64)\nx.add_(1.5)",
    "in place division of integers": "x = torch.ones(3, dtype=torch.int64)\nx.div_(2)",
    "fill of an expanded tensor": "x = torch.ones(1).expand(3)\nx.add_(1)",
    # shapes
    "add": "torch.ones(2, 3) + torch.ones(2, 4)",
    "mul": "torch.ones(3) * torch.ones(4)",
    "compare": "torch.ones(3) > torch.ones(4)",
    "maximum": "torch.maximum(torch.ones(2, 3), torch.ones(3, 2))",
    "where": "torch.where(torch.ones(3) > 0, torch.ones(3), torch.ones(4))",
    "mm": "torch.ones(2, 3) @ torch.ones(2, 3)",
    "mm of vectors": "torch.mm(torch.ones(2), torch.ones(2, 3))",
    "mm second": "torch.mm(torch.ones(2, 3), torch.ones(3))",
    "mv": "torch.ones(2, 3) @ torch.ones(2)",
    "vector and matrix": "torch.ones(3) @ torch.ones(2, 3)",
    "dot": "torch.ones(3) @ torch.ones(4)",
    "dot of matrices": "torch.dot(torch.ones(3, 1), torch.ones(3))",
    "bmm": "torch.bmm(torch.ones(2, 3, 4), torch.ones(2, 3, 4))",
    "bmm of matrices": "torch.bmm(torch.ones(3, 4), torch.ones(2, 4, 3))",
    "bmm second": "torch.bmm(torch.ones(2, 3, 4), torch.ones(4, 3))",
    "batched matmul": "torch.ones(5, 2, 3) @ torch.ones(4, 3, 2)",
    "batched inner": "torch.ones(5, 2, 3) @ torch.ones(5, 4, 2)",
    "batch and matrix": "torch.ones(5, 2, 3) @ torch.ones(4, 2)",
    "batch and vector": "torch.ones(5, 2, 3) @ torch.ones(4)",
    "matmul of a number": "torch.tensor(1.0) @ torch.ones(3)",
    "matmul with an int": "torch.matmul(torch.ones(3), 2)",
    "addmm bias": "torch.addmm(torch.ones(5), torch.ones(2, 3), torch.ones(3, 4))",
    "addmm inner": "torch.addmm(torch.ones(4), torch.ones(2, 3), torch.ones(4, 4))",
    "addmm 3d": "torch.addmm(torch.ones(4), torch.ones(2, 3, 3), torch.ones(3, 4))",
    "baddbmm": "torch.baddbmm(torch.ones(2, 3, 3), torch.ones(2, 3, 4), torch.ones(2, 3, 3))",
    "addmv": "torch.addmv(torch.ones(2), torch.ones(2, 3), torch.ones(4))",
    "outer": "torch.outer(torch.ones(3, 1), torch.ones(4))",
    "linear": "F.linear(torch.ones(2, 5), torch.ones(4, 3), torch.ones(4))",
    "linear of one vector": "F.linear(torch.ones(5), torch.ones(4, 3))",
    "linear 3d": "F.linear(torch.ones(2, 2, 5), torch.ones(4, 3), torch.ones(4))",
    "view": "torch.ones(2, 3).view(4)",
    "view with -1": "torch.ones(2, 3).view(-1, 4)",
    "view with two -1": "torch.ones(2, 3).view(-1, -1)",
    "view of a transposed": "torch.ones(2, 3).t().view(6)",
    "reshape": "torch.ones(2, 3).reshape(5, 2)",
    "expand": "torch.ones(2, 3).expand(4, 3)",
    "expand to fewer": "torch.ones(2, 3).expand(3)",
    "permute": "torch.ones(2, 3).permute(0, 0)",
    "t of 3d": "torch.ones(2, 3, 4).t()",
    "transpose": "torch.ones(2, 3).transpose(0, 2)",
    "cat": "torch.cat([torch.ones(2, 3), torch.ones(2, 4)])",
    "cat of different ranks": "torch.cat([torch.ones(2, 3), torch.ones(3)])",
    "cat of nothing": "torch.cat([])",
    "stack": "torch.stack([torch.ones(2), torch.ones(3)])",
    "split sizes": "torch.ones(5).split([2, 2])",
    "squeeze dim": "torch.ones(2, 3).squeeze(2)",
    "unsqueeze dim": "torch.ones(2, 3).unsqueeze(4)",
    "sum dim": "torch.ones(2, 3).sum(2)",
    "mean twice over one dim": "torch.ones(2, 3).mean((0, 0))",
    "max of nothing": "torch.ones(0).max()",
    "argmax of nothing": "torch.ones(0).argmax()",
    "softmax dim": "torch.softmax(torch.ones(2, 3), 2)",
    "diag of 3d": "torch.diag(torch.ones(2, 2, 2))",
    "chunk zero": "torch.ones(4).chunk(0)",
    "narrow": "torch.ones(4).narrow(0, 3, 2)",
    # networks
    "conv channels": "F.conv2d(torch.ones(1, 2, 8, 8), torch.ones(4, 3, 3, 3))",
    "conv kernel": "F.conv2d(torch.ones(1, 3, 2, 2), torch.ones(4, 3, 3, 3))",
    "conv kernel dilated": "F.conv2d(torch.ones(1, 3, 4, 4), torch.ones(4, 3, 3, 3), dilation=2)",
    "conv bias": "F.conv2d(torch.ones(1, 3, 8, 8), torch.ones(4, 3, 3, 3), torch.ones(5))",
    "conv rank": "F.conv2d(torch.ones(8, 8), torch.ones(4, 3, 3, 3))",
    "conv groups": "F.conv2d(torch.ones(1, 4, 8, 8), torch.ones(3, 2, 3, 3), groups=2)",
    "conv channels of groups": "F.conv2d(torch.ones(1, 3, 8, 8), torch.ones(4, 3, 3, 3), groups=2)",
    "conv types": "F.conv2d(torch.ones(1, 3, 8, 8, dtype=torch.float64), torch.ones(4, 3, 3, 3), torch.ones(4))",
    "conv types without bias": "F.conv2d(torch.ones(1, 3, 8, 8, dtype=torch.float64), torch.ones(4, 3, 3, 3))",
    "conv stride": "F.conv2d(torch.ones(1, 3, 8, 8), torch.ones(4, 3, 3, 3), stride=0)",
    "conv padding": "F.conv2d(torch.ones(1, 3, 8, 8), torch.ones(4, 3, 3, 3), padding=-1)",
    "pool size": "F.max_pool2d(torch.ones(1, 2, 1, 1), 2)",
    "pool padding": "F.max_pool2d(torch.ones(1, 2, 4, 4), 2, padding=2)",
    "pool rank": "F.max_pool2d(torch.ones(4, 4), 2)",
    "average pool size": "F.avg_pool2d(torch.ones(1, 2, 1, 1), 2)",
    "average pool divisor": "F.avg_pool2d(torch.ones(1, 2, 4, 4), 2, divisor_override=0)",
    "target too large": "F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 10]))",
    "target negative": "F.nll_loss(torch.ones(2, 3), torch.tensor([0, -1]))",
    "target in a picture": "F.nll_loss(torch.ones(2, 3, 4, 4), torch.full((2, 4, 4), 10))",
    "float target": "F.nll_loss(torch.ones(2, 3), torch.tensor([0.0, 1.0]))",
    "int32 target": "F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1], dtype=torch.int32))",
    "batch of the target": "F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1, 2]))",
    "class weights": "F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1]), torch.ones(2))",
    "reduction": "F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1]), reduction='average')",
    # types
    "integer requires grad": "torch.tensor([1, 2], requires_grad=True)",
    "integer requires_grad_": "torch.arange(3).requires_grad_()",
    "integer attribute": "x = torch.arange(3)\nx.requires_grad = True",
    "requires_grad of a result": "x = torch.ones(3, requires_grad=True)\ny = x * 2\ny.requires_grad = False",
    "mm types": "torch.ones(2, 3, dtype=torch.float64) @ torch.ones(3, 3)",
    "mm of integers and floats": "torch.ones(2, 3, dtype=torch.int64) @ torch.ones(3, 3)",
    "mv types": "torch.ones(2, 3) @ torch.ones(3, dtype=torch.float64)",
    "dot types": "torch.ones(3) @ torch.ones(3, dtype=torch.float64)",
    "bmm types": "torch.ones(1, 2, 3) @ torch.ones(1, 3, 2, dtype=torch.float64)",
    "linear types": "F.linear(torch.ones(2, 3, dtype=torch.float64), torch.ones(4, 3), torch.ones(4))",
    "mean of integers": "torch.arange(3).mean()",
    "softmax of integers": "torch.softmax(torch.arange(3), 0)",
    "leaky relu of integers": "F.leaky_relu(torch.arange(3))",
    "elu of integers": "F.elu(torch.arange(3))",
    "relu of booleans": "F.relu(torch.tensor([True]))",
    "bool minus bool": "torch.tensor([True]) - torch.tensor([True])",
    "bool minus float": "torch.tensor([True]) - torch.ones(1)",
    "minus bool": "-torch.tensor([True])",
    "float and": "torch.ones(2) & torch.ones(2)",
    "gelu approximation": "F.gelu(torch.ones(2), approximate='fast')",
    "celu alpha": "F.celu(torch.ones(2), 0)",
    "prelu weights": "F.prelu(torch.ones(2, 3), torch.ones(2))",
    # conversions
    "numpy of a leaf": "torch.ones(3, requires_grad=True).numpy()",
    "numpy of a result": "(torch.ones(3, requires_grad=True) * 2).numpy()",
    "item of many": "torch.ones(3).item()",
    "item of none": "torch.ones(0).item()",
    "float of many": "float(torch.ones(2))",
    "int of many": "int(torch.ones(2, 2))",
    "bool of many": "bool(torch.ones(2))",
    "bool of none": "bool(torch.ones(0))",
    "if on many": "if torch.ones(2) > 0:\n    pass",
    "len of a number": "len(torch.tensor(1.0))",
    "iterating a number": "for v in torch.tensor(1.0):\n    pass",
    "ragged list": "torch.tensor([[1, 2], [3]])",
    "tensor of text": "torch.tensor('a')",
    "tensor of None": "torch.tensor([None])",
    "grad of another shape": "x = torch.ones(3, requires_grad=True)\nx.grad = torch.ones(2)",
    "grad of another type": "x = torch.ones(3, requires_grad=True)\nx.grad = 1.0",
    "grad of another dtype": "x = torch.ones(3, requires_grad=True)\nx.grad = torch.ones(3, dtype=torch.float64)",
    "unknown attribute": "torch.ones(3).foo",
    "add a text": "torch.ones(3) + 'a'",
    "add None": "torch.ones(3) + None",
    # indices
    "index too large": "torch.ones(3)[5]",
    "index too small": "torch.ones(3)[-4]",
    "second index": "torch.ones(2, 3)[0, 5]",
    "too many indices": "torch.ones(3)[0, 0]",
    "index of a number": "torch.tensor(1.0)[0]",
    "float index": "torch.ones(3)[1.5]",
    "float tensor index": "torch.ones(3)[torch.ones(1)]",
    "list index too large": "torch.ones(3)[[0, 7]]",
    "mask of another shape": "torch.ones(3)[torch.tensor([True, False])]",
    "writing too much": "x = torch.ones(3)\nx[:2] = torch.ones(3)",
    "negative step": "torch.ones(3)[::-1]",
    "select": "torch.ones(3).select(0, 3)",
    "gather": "torch.gather(torch.ones(2, 3), 1, torch.tensor([[5]]))",
    "gather types": "torch.gather(torch.ones(2, 3), 1, torch.ones(1, 1))",
    "gather ranks": "torch.gather(torch.ones(2, 3), 1, torch.tensor([0]))",
    "index_select": "torch.index_select(torch.ones(3), 0, torch.tensor([5]))",
    "embedding": "F.embedding(torch.tensor([5]), torch.ones(3, 2))",
    "masked_fill mask": "torch.ones(3).masked_fill(torch.ones(3), 0)",
    "topk": "torch.ones(3).topk(5)",
}  # fmt: skip


def outcome(torch: Any, program: str) -> BaseException | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            evaluate(program, {"torch": torch, "F": functional(torch), "np": np})
    except Exception as error:
        return error
    return None


@pytest.mark.oracle
@pytest.mark.parametrize("name", PROGRAMS)
def test_error_is_torchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    theirs = outcome(torch, PROGRAMS[name])
    assert theirs is not None, "PyTorch does not raise here"
    check_errors(theirs, outcome(gradviz, PROGRAMS[name]))


# What a learner meets first says more than PyTorch: these words are in the note.
HELP = {
    "backward on a vector": ["(3,)", "sum()"],
    "second backward": ["retain_graph=True", "MulBackward0"],
    "in place on a leaf": ["(3,)", "no_grad"],
    "in place on a saved input": ["MulBackward0", "clone()"],
    "add": ["(2, 3)", "(2, 4)"],
    "mm": ["3 columns", "2 rows"],
    "mm types": ["(2, 3)", ".float()"],
    "view": ["6 elements"],
    "integer requires grad": ["int64", "float32"],
    "item of many": ["(3,)", "mean()"],
    "bool of many": ["any()"],
    "target too large": ["3 classes"],
    "float target": ["long()"],
    "conv channels": ["3 channels"],
    "conv kernel": ["smaller kernel"],
    "pool size": ["2 x 2"],
}


@pytest.mark.parametrize("name", HELP)
def test_error_says_what_to_do(name: str) -> None:
    error = outcome(gradviz, PROGRAMS[name])
    assert error is not None
    told = "\n".join(getattr(error, "__notes__", []))
    missing = [word for word in HELP[name] if word not in told]
    assert not missing, f"{missing} not in the note of {error}:\n{told}"
