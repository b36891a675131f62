"""The engines of convolution, batch norm and pooling beside one another and beside PyTorch: `pytest -m gpu`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz import nn
from gradviz.gpu import convolution, normalising, pooling
from gradviz.gpu.backend import why_not
from gradviz.gpu.problem import Normed

from . import test_convolution as conv_rows
from . import test_normalising as norm_rows
from . import test_pooling as pool_rows
from .test_launches import training

pytestmark = pytest.mark.gpu
if why_not():
    pytest.skip(f"no GPU code is executed: {why_not()}", allow_module_level=True)
from gradviz.gpu.cudnn_library import unusable  # noqa: E402 (where there is a GPU)

TOLERANCE = {"float32": 2e-5, "float64": 1e-11, "float16": 2e-2, "bfloat16": 1e-1}
flags, channels_last = gradviz.backends.cudnn.flags, {4: "channels_last", 5: "channels_last_3d"}


@pytest.fixture
def cudnn() -> None:
    if unusable(0):
        pytest.skip(f"no cuDNN: {unusable(0)}")


def agree(found: list[Any], want: list[Any], tolerance: float) -> None:
    for a, b in zip(found, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, float(np.abs(b).max())))


# -- beside one another ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("case", conv_rows.CASES, ids=conv_rows.ids)
@pytest.mark.parametrize("engine", ["cudnn", "gemm"])
def test_convolutions(engine: str, case: Any, dtype: str, request: pytest.FixtureRequest) -> None:
    if engine == "cudnn":
        request.getfixturevalue("cudnn")
    found = {}
    with flags(enabled=True, allow_tf32=False):
        for name in (engine, "naive"):
            with convolution.use(name):
                found[name] = conv_rows.everything(case, "cuda", getattr(gradviz, dtype))
    agree(found[engine], found["naive"], TOLERANCE[dtype])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(("dtype", "weights"), [("float32", ""), ("float64", ""), ("float16", "float32")])
@pytest.mark.parametrize("shape", norm_rows.SHAPES, ids=str)
@pytest.mark.parametrize("engine", ["cudnn", "kernels"])
def test_batch_norms(
    engine: str, shape: Any, dtype: str, weights: str, last: bool, training: bool, request: pytest.FixtureRequest
) -> None:
    if last and len(shape) < 4:
        pytest.skip("there are no formats of so few dimensions")
    if engine == "cudnn":
        request.getfixturevalue("cudnn")
        if len(shape) < 3 or not training:
            pytest.skip("cuDNN is for the gradient of training steps, of three dimensions and more")
    options: dict[str, Any] = {"training": training, "weights": weights, "last": last}
    found = norm_rows.everything(engine, shape, dtype, **options)
    agree(found, norm_rows.everything("naive", shape, dtype, **options), TOLERANCE[dtype])


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(("what", "dims", "options"), pool_rows.CASES, ids=pool_rows.ids)
def test_poolings(what: str, dims: int, options: Any, last: bool) -> None:
    if last and dims == 1:
        pytest.skip("there are no formats of so few dimensions")
    found = {name: pool_rows.everything(name, what, dims, options, last) for name in pooling.ENGINES.engines}
    agree(found["kernels"], found["naive"], 1e-12)


# -- beside PyTorch ----------------------------------------------------------------------------------------------------
@pytest.fixture
def peer() -> Any:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("PyTorch finds no GPU")
    torch.backends.cudnn.allow_tf32 = False
    return torch


def numbers(tensors: Any) -> list[Any]:
    return [t.detach().cpu().double().numpy() for t in tensors]


def normalised(library: Any, shape: tuple[int, ...], dtype: str, last: bool) -> list[Any]:
    """Result, gradients and statistics of a training step, then the result and gradients of an evaluation."""
    draw = np.random.default_rng(2)
    kind = {4: nn.BatchNorm2d, 5: nn.BatchNorm3d, 3: nn.BatchNorm1d}[len(shape)].__name__
    bn = getattr(library.nn, kind)(shape[1], momentum=0.3).cuda()
    for parameter in bn.parameters():
        parameter.data.copy_(library.tensor(draw.random(shape[1]) + 0.5))
    if dtype == "float64":
        bn = bn.double()
    x = library.tensor(draw.standard_normal(shape) * 2 + 3).to(getattr(library, dtype)).cuda()
    if last:
        x = x.contiguous(memory_format=getattr(library, channels_last[len(shape)]))
    x = x.detach().requires_grad_()
    found = []
    for train in (True, False):
        y = bn.train(train)(x)
        found += [y, *library.autograd.grad((y * y).sum(), (x, bn.weight, bn.bias))]
    return numbers([*found, bn.running_mean, bn.running_var])


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("shape", [(8, 6, 40), (8, 6, 9, 7), (1, 16, 32, 32), (4, 8, 4, 5, 6)], ids=str)
def test_batch_norm_is_pytorchs(shape: Any, dtype: str, last: bool, peer: Any) -> None:
    if last and len(shape) < 4:
        pytest.skip("there are no formats of so few dimensions")
    agree(normalised(gradviz, shape, dtype, last), normalised(peer, shape, dtype, last), TOLERANCE[dtype])


def pooled(library: Any, what: str, dims: int, options: Any) -> list[Any]:
    x = library.tensor(np.random.default_rng(3).integers(0, 4, (2, 3, 9, 8, 7)[: dims + 2]).astype(np.float32))
    x = x.cuda().requires_grad_()
    pool = getattr(library.nn.functional, f"{what}_pool{dims}d")
    y = pool(x, **options)
    indices = [pool(x, return_indices=True, **options)[1]] if what == "max" else []
    return numbers([y, *library.autograd.grad((y * y).sum(), x), *indices])


@pytest.mark.parametrize(("what", "dims", "options"), pool_rows.CASES, ids=pool_rows.ids)
def test_pooling_is_pytorchs(what: str, dims: int, options: Any, peer: Any) -> None:
    """Of many equal numbers: indices are the same, and so is where gradients go."""
    agree(pooled(gradviz, what, dims, options), pooled(peer, what, dims, options), 1e-6)


def convolved(library: Any, case: Any, dtype: str) -> list[Any]:
    sizes, c, o, kernel, stride, padding, dilation, groups = case
    draw = np.random.default_rng(4)
    shapes = (3, c, *sizes), (o, c // groups, *kernel), (o,)
    kind = getattr(library, dtype)
    leaves = [library.tensor(draw.standard_normal(s)).to(kind).cuda().requires_grad_() for s in shapes]
    y = getattr(library.nn.functional, f"conv{len(sizes)}d")(*leaves, stride, padding, dilation, groups)
    return numbers([y, *library.autograd.grad((y * y).sum(), leaves)])


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("case", conv_rows.CASES, ids=conv_rows.ids)
def test_convolution_is_pytorchs(case: Any, dtype: str, peer: Any) -> None:
    with flags(enabled=True, allow_tf32=False):
        agree(convolved(gradviz, case, dtype), convolved(peer, case, dtype), TOLERANCE[dtype])


# -- in a graph --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("engine", ["cudnn", "kernels"])
def test_a_captured_step_with_batch_norm(engine: str, last: bool, request: pytest.FixtureRequest) -> None:
    if engine == "cudnn":
        request.getfixturevalue("cudnn")
        kind = normalising.why(Normed((4, 8, 32, 32), "float32", ("float32",) * 2, last, True, 1e-5))
        assert kind == ("cudnn", {})
    batches = [(gradviz.rand(4, 3, 32, 32), gradviz.randint(0, 10, (4,))) for _ in range(3)]

    def losses(captured: bool) -> list[float]:
        gradviz.manual_seed(1)
        head = nn.Flatten(), nn.Linear(8 * 16 * 16, 10)
        net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.AvgPool2d(2), *head)
        if last:
            net = net.to(memory_format=gradviz.channels_last)
        step, x, y = training(net, "cuda")
        if captured:
            run: Any = gradviz.cuda.make_graphed_step(step, (x, y), num_warmup_iters=2)
        else:
            run = step
            for _ in range(2):
                step(x, y)
        return [run(a.cuda(), b.cuda()).item() for a, b in batches]

    with normalising.use(engine):
        np.testing.assert_allclose(losses(True), losses(False), rtol=1e-3)
