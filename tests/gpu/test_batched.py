"""Batches of products by cuBLAS's own function, on factors that lie in memory in any way: no needless copies.

cuBLAS is stood in for (tests/cublas_on_cpu.py), and reads and writes by addresses, which it checks. No GPU code is
executed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.gpu import batched
from tests.cublas_on_cpu import cublas
from tests.strict_machine import here

pytestmark = pytest.mark.usefixtures("machine")
GEMM = "gemmStridedBatchedEx"


# How a batch (count, rows, columns) may lie in memory, and whether cuBLAS can take it as it lies.
LAYOUTS: dict[str, tuple[Callable[[Any], Any], bool]] = {
    "rows": (lambda x: x, True),
    "columns": (lambda x: x.mT.contiguous().mT, True),
    "part of longer rows": (lambda x: torch.cat([x, x], 2)[:, :, : x.shape[2]], True),
    "part of longer columns": (lambda x: torch.cat([x, x], 1).mT.contiguous().mT[:, : x.shape[1]], True),
    "matrices apart": (lambda x: torch.cat([x, x], 1)[:, : x.shape[1]], True),
    "the batch last": (lambda x: x.permute(1, 2, 0).contiguous().permute(2, 0, 1), False),
    "the batch in the middle": (lambda x: x.transpose(0, 1).contiguous().transpose(0, 1), True),
    "every second number": (lambda x: torch.stack([x, x], 3)[..., 0], False),
    "one for all": (lambda x: x[:1].expand(x.shape), True),
    "one row for all": (lambda x: x[:, :1].expand(x.shape), False),
}
SIZES = [(3, 4, 5, 6), (2, 1, 3, 4), (2, 3, 1, 2), (2, 3, 4, 1), (1, 2, 3, 4), (2, 1, 1, 1), (1, 1, 5, 1)]
KINDS = ["float32", "float64", "float16", "bfloat16", "complex64", "complex128"]


def compared(a: Any, b: Any, tolerance: float) -> None:
    ours, plain = a @ b, a.cpu() @ b.cpu()
    assert ours.dtype is plain.dtype
    assert ours.shape == plain.shape
    ours, plain = (t.cpu().to(torch.complex128 if t.is_complex() else torch.float64).numpy() for t in (ours, plain))
    np.testing.assert_allclose(ours, plain, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("left", "right"), list(itertools.product(LAYOUTS, LAYOUTS)))
def test_every_layout(left: str, right: str) -> None:
    for count, n, k, m in SIZES:
        a, b = torch.rand(count, n, k).cuda(), torch.rand(count, k, m).cuda()
        a, b = LAYOUTS[left][0](a), LAYOUTS[right][0](b)
        here.reset()
        made = torch.bmm(a, b)
        assert here.launches[GEMM] == 1
        if LAYOUTS[left][1] and LAYOUTS[right][1]:
            assert dict(here.launches) == {GEMM: 1}
        np.testing.assert_allclose(made.cpu().numpy(), torch.bmm(a.cpu(), b.cpu()).numpy(), rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_every_type(kind: str) -> None:
    dtype = getattr(torch, kind)
    a, b = (torch.randn(*s, dtype=dtype if dtype.is_complex else torch.float32) for s in ((3, 4, 70), (3, 70, 5)))
    a, b = a.to(dtype).cuda(), b.to(dtype).cuda()
    compared(
        a,
        b,
        {2: 20 * torch.finfo(dtype).eps, 4: 1e-5, 8: 1e-5 if kind == "complex64" else 1e-12}.get(dtype.itemsize, 1e-12),
    )
    assert [p.dtype for p in cublas.products if p.name == GEMM] == [kind]


def test_whole_numbers_are_multiplied_by_cupy() -> None:
    a = torch.arange(12).reshape(2, 2, 3).cuda()
    compared(a, a.mT, 0)
    assert not here.launches[GEMM]


def test_nothing_to_multiply() -> None:
    for shape in ((0, 2, 3, 4), (2, 0, 3, 4), (2, 2, 0, 4), (2, 2, 3, 0)):
        count, n, k, m = shape
        made = torch.bmm(torch.rand(count, n, k).cuda(), torch.rand(count, k, m).cuda())
        assert made.shape == (count, n, m)
        assert not made.cpu().numpy().any()


def test_matrices_upside_down_are_copied() -> None:
    from gradviz.core.device import as_device

    xp = as_device("cuda").xp
    x = xp.arange(24, dtype="float32").reshape(2, 3, 4)
    assert batched.factor(xp, x).array is x
    for turned in (x[::-1], x[:, ::-1], x[:, :, ::-1]):
        assert batched.factor(xp, turned).array.flags.c_contiguous


@pytest.mark.parametrize("heads", [(2, 3), (2,)])
def test_attention_copies_no_factor(heads: tuple[int, ...]) -> None:
    q, k, v = (torch.rand(*heads, 4, 8, device="cuda", requires_grad=True) for _ in range(3))
    g = torch.rand(*heads, 4, 8)
    here.reset()
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    assert here.launches[GEMM] == 2
    out.backward(g.cuda())
    assert here.launches[GEMM] >= 6
    assert not here.launches["matmul"] + here.launches["ascontiguousarray"]
    plain = [t.detach().cpu().requires_grad_() for t in (q, k, v)]
    torch.nn.functional.scaled_dot_product_attention(*plain).backward(g)
    for ours, cpu in zip((q, k, v), plain, strict=True):
        np.testing.assert_allclose(ours.grad.cpu().numpy(), cpu.grad.numpy(), rtol=1e-4, atol=1e-6)


def test_gradients_of_a_batch_take_transposed_factors_as_they_lie() -> None:
    a, b = (torch.rand(*s, device="cuda", requires_grad=True) for s in ((2, 3, 4), (2, 4, 5)))
    out, g = torch.bmm(a, b), torch.rand(2, 3, 5, device="cuda")
    here.reset()
    torch.autograd.grad(out, (a, b), g)
    assert here.launches[GEMM] == 2
    assert set(here.launches) <= {GEMM, "copy"}  # of the results, which the caller owns


def test_inside_a_graph() -> None:
    a, b = torch.rand(2, 3, 4, device="cuda"), torch.rand(2, 4, 5, device="cuda")
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        made = torch.bmm(a, b) + 1
    for _ in range(2):
        a.copy_(torch.rand(2, 3, 4))
        graph.replay()
        np.testing.assert_allclose(made.cpu().numpy(), (a.cpu() @ b.cpu() + 1).numpy(), rtol=1e-6)
