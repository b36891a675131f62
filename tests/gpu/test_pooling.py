"""Pooling on the stand-in: our kernels beside the op table's own forward and the CPU. No GPU code is executed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.gpu import compiled, pooling
from tests.strict_machine import here

from .fibers import guarded
from .run_kernel import launch, needs_compiler
from .test_fused import TOLERANCE, both, same

pytestmark = [needs_compiler, pytest.mark.usefixtures("machine")]
F = torch.nn.functional
random = np.random.default_rng(0)


MAX: list[tuple[int, Any]] = [
    (2, {"kernel_size": 2}), (2, {"kernel_size": 3, "stride": 2, "padding": 1}),
    (2, {"kernel_size": (2, 3), "stride": (3, 1), "dilation": (1, 2), "ceil_mode": True}),
    (2, {"kernel_size": 3, "stride": 4, "padding": 1, "ceil_mode": True}),
    (2, {"kernel_size": 3, "stride": 1, "padding": (1, 0), "dilation": (2, 3)}), (3, {"kernel_size": 2}),
    (3, {"kernel_size": (2, 3, 2), "stride": 1, "padding": 1}), (1, {"kernel_size": 3, "stride": 2}),
    (1, {"kernel_size": 4, "stride": 1, "padding": 2, "dilation": 2}),
]  # fmt: skip
AVG: list[tuple[int, Any]] = [
    (2, {"kernel_size": 2}), (2, {"kernel_size": 3, "stride": 2, "padding": 1}),
    (2, {"kernel_size": (2, 3), "stride": (3, 1), "padding": (1, 0), "count_include_pad": False}),
    (2, {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    (2, {"kernel_size": 3, "stride": 4, "padding": 1, "ceil_mode": True, "count_include_pad": False}),
    (2, {"kernel_size": (3, 2), "stride": 1, "divisor_override": 5}), (3, {"kernel_size": 2}),
    (3, {"kernel_size": (2, 3, 2), "stride": 1, "padding": 1, "ceil_mode": True}),
    (3, {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False, "divisor_override": -2}),
    (1, {"kernel_size": 3, "stride": 2, "padding": 1}),
]  # fmt: skip
CASES = [("max", *case) for case in MAX] + [("avg", *case) for case in AVG]
ids = [f"{what}{dims}d-{i}" for i, (what, dims, _) in enumerate(CASES)]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("what", "dims", "options"), CASES, ids=ids)
def test_one_launch_forward_and_one_back(what: str, dims: int, options: Any, dtype: str) -> None:
    x = random.standard_normal((2, 3, 6, 7, 8)[: dims + 2])
    here.reset()
    same(both(lambda x: getattr(F, f"{what}_pool{dims}d")(x, **options), x, dtype=dtype), TOLERANCE[dtype])
    assert here.launches[f"{what}_pool"] == here.launches[f"{what}_pool_input"] == 1
    assert not here.launches["put"] + here.launches["put_together"] + here.launches["zeros"]


def everything(engine: str, what: str, dims: int, options: Any, last: bool = False, batch: bool = True) -> list[Any]:
    """Result, gradients in both ways of finding them, gradients of gradients, and the indices."""
    arrays = np.random.default_rng(5).standard_normal((2, 2, 3, 6, 7, 8)[: dims + 3])
    pool = getattr(F, f"{what}_pool{dims}d")
    x, weight = (torch.tensor(a if batch else a[0], dtype=torch.float64, device="cuda") for a in arrays)
    kind = torch.channels_last if dims == 2 else torch.channels_last_3d
    x = (x.contiguous(memory_format=kind) if last else x).requires_grad_()
    with pooling.use(engine):
        y = pool(x, **options)
        (dx,) = torch.autograd.grad((y**3).sum(), x, create_graph=True)
        (plain,) = torch.autograd.grad((y**3).sum(), x, retain_graph=True)
        (twice,) = torch.autograd.grad((dx * weight).sum(), x)
        found = [y, dx, plain, twice, *(pool(x, return_indices=True, **options)[1:] if what == "max" else ())]
    if engine == "kernels":
        last = last and (what, dims) != ("avg", 3)  # there PyTorch's lie in order
        assert y.is_contiguous(memory_format=kind) if last else y.is_contiguous()
    return [t.detach().cpu().numpy() for t in found]


@pytest.mark.parametrize(("last", "batch"), [(False, True), (False, False), (True, True)])
@pytest.mark.parametrize(("what", "dims", "options"), CASES, ids=ids)
def test_kernels_agree_with_the_reference(what: str, dims: int, options: Any, last: bool, batch: bool) -> None:
    if last and dims == 1:
        pytest.skip("there are no formats of so few dimensions")
    ours, want = (everything(engine, what, dims, options, last, batch) for engine in pooling.ENGINES.engines)
    for a, b in zip(ours, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("value", [np.nan, -np.inf, np.inf, 3.0])
@pytest.mark.parametrize("padding", [0, 1])
def test_the_place_is_pytorchs_where_numbers_are_equal_or_nan(value: float, padding: int) -> None:
    x = np.full((1, 1, 5, 5), value)
    x[0, 0, 1, 2] = 1.0
    found = [
        F.max_pool2d(torch.tensor(x, device=d), 3, 2, padding, return_indices=True)[1].tolist() for d in ("cpu", "cuda")
    ]
    assert found[0] == found[1]


def test_what_only_indices_tell_goes_where_they_say() -> None:
    def adaptive(x: Any) -> Any:
        return F.adaptive_max_pool2d(x, (3, 2))

    here.reset()
    same(both(adaptive, random.standard_normal((2, 3, 5, 4))), 1e-5)
    assert here.launches["put_together"] == 1
    y, indices = F.max_pool2d(torch.rand(1, 2, 4, 4, device="cuda"), 2, return_indices=True)
    assert F.max_unpool2d(y, indices, 2).sum().item() == pytest.approx(y.sum().item())


def test_errors_are_those_of_the_cpu() -> None:
    for code in (
        "F.avg_pool2d(x, 2, divisor_override=0)", "F.avg_pool3d(x, 9)", "F.avg_pool2d(x, 9)", "F.max_pool2d(x, 2, 0)",
        "F.avg_pool3d(x, 2, padding=2)", "F.avg_pool2d(x, 0)", "F.max_pool3d(x, 2, dilation=9)",
    ):  # fmt: skip
        errors = []
        for device in ("cpu", "cuda"):
            with pytest.raises(RuntimeError) as caught:
                eval(code, {"F": F, "x": torch.ones(2, 3, 4, 4, device=device)})
            errors.append(str(caught.value))
        assert errors[0] == errors[1], code


def test_whole_numbers_are_not_for_the_kernels() -> None:
    x = torch.arange(16, device="cuda").view(1, 4, 4)
    assert pooling.why("int64") == ("naive", {"kernels": "its kernels are not for int64"})
    assert F.max_pool2d(x, 2).tolist() == [[[5, 7], [13, 15]]]
    assert F.avg_pool2d(x, 2).tolist() == [[[2, 4], [10, 12]]]
    with pooling.use("kernels"), pytest.raises(RuntimeError, match="the pooling engine 'kernels' cannot do this: its"):
        F.max_pool2d(x, 2)
    assert "cudnn" not in pooling.ENGINES.engines


@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("last", [False, True])
def test_the_kernels_touch_only_their_arrays(last: bool, at_end: bool) -> None:
    """In windows that reach out on all sides; the average and its adjoint, <Ax, y> = <x, A'y>."""
    text = compiled.source("pool", "float64")
    sizes = compiled.ints(3 if last else 1, 1, 5, 4, 1, 3, 3, 1, 3, 3, 1, 2, 2, 0, 1, 1, 1, 1, 1)
    x, y = (guarded(random.standard_normal(shape), at_end) for shape in ((2, 3, 5, 4), (2, 3, 3, 3)))
    ax, aty, out = (guarded(np.full(shape, np.nan), at_end) for shape in (y.shape, x.shape, y.shape))
    indices = guarded(np.zeros(y.shape, np.int64), at_end)

    def run(name: str, arrays: Any, count: int, *more: Any) -> None:
        args = (*(a.ctypes.data for a in arrays), np.int64(count), *sizes, *more)
        launch(text, name, (count // 64 + 2,), (64,), args)

    average = np.bool_(False), np.int32(0)
    run("avg_pool", (x, ax), y.size, *average)
    run("avg_pool_input", (y, aty), x.size, *average)
    np.testing.assert_allclose((ax * y).sum(), (x * aty).sum(), rtol=1e-12)
    run("max_pool", (x, out, indices), y.size)
    run("max_pool_input", (y, indices, aty), x.size)
    np.testing.assert_allclose(y.sum(), aty.sum(), rtol=1e-12)
    np.testing.assert_allclose((out * y).sum(), (x * aty).sum(), rtol=1e-12)
