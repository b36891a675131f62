"""The engines of convolution on the stand-in, whose kernels g++ runs on the CPU. No GPU code is executed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.gpu import compiled, convolution, gemm
from gradviz.gpu.problem import Problem, out_shape
from tests.strict_machine import here

from .fibers import KernelError, guarded
from .run_kernel import launch, needs_compiler

pytestmark = [needs_compiler, pytest.mark.usefixtures("machine")]


# Sizes of the picture, channels, results, kernel, stride, padding, dilation, groups.
CASES = [
    ((9,), 3, 4, (3,), (2,), (1,), (1,), 1),
    ((11,), 4, 4, (3,), (1,), (0,), (3,), 4),
    ((8, 8), 3, 5, (3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((7, 9), 4, 6, (3, 2), (2, 3), (2, 0), (1, 2), 2),
    ((5, 6), 2, 4, (1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((6, 6), 4, 8, (2, 2), (3, 1), (0, 1), (2, 1), 4),
    ((4, 5, 6), 2, 3, (2, 3, 2), (1, 2, 1), (1, 0, 1), (1, 1, 2), 1),
    ((4, 4, 4), 4, 2, (2, 2, 2), (2, 1, 2), (0, 1, 1), (2, 2, 1), 2),
]
ids = [f"{len(case[0])}d-{i}" for i, case in enumerate(CASES)]


def everything(case: Any, device: str, dtype: Any) -> list[Any]:
    """The result, the three gradients, and the gradients of a gradient."""
    sizes, c, o, kernel, stride, padding, dilation, groups = case
    random = np.random.default_rng(0)
    arrays = [random.standard_normal(s) / 2 for s in ((3, c, *sizes), (o, c // groups, *kernel), (o,))]
    x, w, b = (torch.tensor(a, dtype=dtype, device=device, requires_grad=True) for a in arrays)
    conv = getattr(torch.nn.functional, f"conv{len(sizes)}d")
    y = conv(x, w, b, stride, padding, dilation, groups)
    grads = torch.autograd.grad((y * y).mean(), (x, w, b), create_graph=True)
    twice = torch.autograd.grad(sum((g * g).mean() for g in grads), (x, w, b))
    return [t.detach().cpu().float().numpy() for t in (y, *grads, *twice)]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("case", CASES, ids=ids)
def test_engines_agree(case: Any, dtype: str) -> None:
    tolerance = {"float32": 1e-5, "float64": 1e-12, "float16": 1e-2, "bfloat16": 8e-2}[dtype]
    found = {}
    for engine in ("gemm", "naive"):
        here.reset()
        with convolution.use(engine):
            found[engine] = everything(case, "cuda", getattr(torch, dtype))
        assert (here.launches["im2col"] > 0) == (here.launches["col2im"] > 0) == (engine == "gemm")
    for a, b in zip(found["gemm"], found["naive"], strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.abs(b).max())


def test_complex_numbers_and_the_transposed_convolution() -> None:
    x = torch.randn(2, 3, 5, dtype=torch.complex64)
    w = torch.randn(3, 4, 3, dtype=torch.complex64)
    here.reset()
    found = torch.nn.functional.conv_transpose1d(x.cuda(), w.cuda(), stride=2, padding=1)
    assert here.launches["col2im"] == 1
    want = torch.nn.functional.conv_transpose1d(x, w, stride=2, padding=1)
    np.testing.assert_allclose(found.cpu().numpy(), want.numpy(), rtol=1e-5, atol=1e-5)


def test_a_batch_in_parts_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = everything(CASES[3], "cuda", torch.float32)
    here.reset()
    monkeypatch.setattr(gemm, "LIMIT", 1)
    parts = everything(CASES[3], "cuda", torch.float32)
    assert here.launches["im2col"] % 3 == 0
    for a, b in zip(parts, whole, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(b).max())


def test_products_of_half_precision_are_added_up_in_single() -> None:
    """4096 ones: a sum kept in 16 bits stops at 2048."""
    x, w = (torch.ones(1, 4096, 1, 1, dtype=torch.float16, device="cuda") for _ in range(2))
    with convolution.use("gemm"):
        assert torch.nn.functional.conv2d(x, w).item() == 4096
    x = torch.ones(1, 1, 1, dtype=torch.float16, device="cuda", requires_grad=True)
    w = torch.ones(1, 1, 2100, dtype=torch.float16, device="cuda")
    with convolution.use("gemm"):
        torch.nn.functional.conv1d(x, w, padding=2099).sum().backward()
    assert x.grad.item() == 2100


def test_no_samples() -> None:
    x = torch.zeros(0, 2, 4, 4, device="cuda", requires_grad=True)
    conv = torch.nn.Conv2d(2, 3, 3).cuda()
    conv(x).sum().backward()
    assert x.grad.shape == x.shape
    assert not conv.weight.grad.any()


def test_one_can_ask_why() -> None:
    shape = (1, 1, 4, 4), (1, 1, 2, 2)
    settings: dict[str, Any] = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)}
    problem = Problem(*shape, out_shape(*shape, **settings), **settings, groups=1, dtype="int64")
    assert convolution.why(problem)[0] == "naive"
    assert convolution.why(problem)[1]["gemm"] == "its kernels are not for int64"
    assert convolution.why(problem._replace(dtype="float32"))[0] == "gemm"
    with (
        convolution.use("gemm"),
        pytest.raises(RuntimeError, match="'gemm' cannot do this: its kernels are not for int64"),
    ):
        convolution.why(problem)
    with pytest.raises(ValueError, match="there is no convolution engine 'fft'"), convolution.use("fft"):
        pass


# -- the kernels alone -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("case", CASES, ids=ids)
def test_the_kernels_touch_only_their_arrays_and_are_adjoint(case: Any, at_end: bool) -> None:
    sizes, c, o, kernel, stride, padding, dilation, groups = case
    shapes = (2, c, *sizes), (o, c // groups, *kernel)
    problem = Problem(
        *shapes, out_shape(*shapes, stride, padding, dilation), stride, padding, dilation, groups, "float64"
    )
    random, text = np.random.default_rng(1), compiled.source("conv", "float64")
    count = 2 * problem.places
    x = guarded(random.standard_normal(shapes[0]), at_end)
    cols = guarded(np.full((c * int(np.prod(kernel)), count), np.nan), at_end)
    back, given = guarded(np.full(shapes[0], np.nan), at_end), guarded(random.standard_normal(cols.shape), at_end)

    def run(name: str, a: Any, b: Any, threads: int) -> None:
        numbers = compiled.ints(2, *problem.sizes)
        launch(text, name, (-(-threads // 64) + 1,), (64,), (a.ctypes.data, b.ctypes.data, *numbers))

    run("im2col", x, cols, c * count)
    run("col2im", given, back, x.size)
    np.testing.assert_allclose((cols * given).sum(), (x * back).sum(), rtol=1e-10)  # <Ax, y> = <x, A'y>


def test_a_kernel_that_reads_beyond_the_picture_is_stopped() -> None:
    text = compiled.source("conv", "float64")
    broken = text.replace("h >= 0 && h < H &&", "")
    assert broken != text
    x, cols = guarded(np.ones((1, 1, 4096))), guarded(np.ones((3, 4096 * 3)))
    numbers = compiled.ints(1, 1, 1, 1, 4096, 1, 3, 1, 1, 3, 4096, 1, 1, 1, 0, 1, 0, 1, 1, 1)
    with pytest.raises(KernelError, match="not its own"):
        launch(broken, "im2col", (48,), (256,), (x.ctypes.data, cols.ctypes.data, *numbers))
