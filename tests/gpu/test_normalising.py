"""Batch and layer norm on the stand-in: the engines beside one another and beside the CPU. No GPU code is executed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.gpu import normalising
from gradviz.gpu.problem import Normed
from tests.strict_machine import here

from .run_kernel import needs_compiler
from .test_fused import TOLERANCE, both, same

pytestmark = [needs_compiler, pytest.mark.usefixtures("machine")]
F = torch.nn.functional
random = np.random.default_rng(0)


NORMS: dict[str, Any] = {
    "batch": ((5, 3, 4, 2), lambda x, w, b: F.batch_norm(x, None, None, w, b, True)),
    "batch of 300": ((300, 3), lambda x, w, b: F.batch_norm(x, None, None, w, b, True)),
    "batch without weight": ((5, 3, 4), lambda x, w, b: F.batch_norm(x, None, None, None, b, True)),
    "batch without bias": ((5, 3, 2, 2, 2), lambda x, w, b: F.batch_norm(x, None, None, w, None, True)),
    "layer": ((4, 5, 3), lambda x, w, b: F.layer_norm(x, (3,), w, b)),
    "layer of two": ((40, 1, 3), lambda x, w, b: F.layer_norm(x, (1, 3), w.view(1, 3), b.view(1, 3))),
    "layer without bias": ((4, 3), lambda x, w, b: F.layer_norm(x, (3,), w)),
    "instance": ((2, 3, 5, 4), lambda x, w, b: F.instance_norm(x, None, None, w, b)),
}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", NORMS)
def test_one_launch_forward_and_one_or_two_back(name: str, dtype: str) -> None:
    shape, norm = NORMS[name]
    arrays = random.standard_normal(shape) + 3, *random.standard_normal((2, 3))
    used = arrays[: 1 + 2 * ("without" not in name) + ("out bias" in name)]
    here.reset()

    def compute(x: Any, *learned: Any) -> Any:
        w, b = (*learned, None, None)[:2]
        return norm(x, w, torch.zeros(3, dtype=x.dtype, device=x.device) if b is None else b)

    same(both(compute, *used, dtype=dtype), 20 * TOLERANCE[dtype])
    assert here.launches["moments"] == here.launches["gradients"] == 1
    assert here.launches["of_places"] == ("layer" in name)


# -- by the engines ----------------------------------------------------------------------------------------------------
SHAPES = [(6, 3), (4, 3, 5), (4, 3, 5, 2), (2, 3, 4, 2, 3)]


def everything(
    engine: str, shape: tuple[int, ...], dtype: str, *, training: bool = True, weights: str = "", last: bool = False
) -> list[Any]:
    """Result, gradients, gradients of gradients and the running statistics after two steps."""
    draw = np.random.default_rng(1)
    kind, learned = getattr(torch, dtype), getattr(torch, weights or dtype)
    x = torch.tensor(draw.standard_normal(shape) * 3 + 1, dtype=kind, device="cuda")
    w, b, mean, var = (torch.tensor(a, dtype=learned, device="cuda") for a in draw.random((4, 3)) + 0.5)
    if last:
        x = x.contiguous(memory_format=torch.channels_last if x.ndim == 4 else torch.channels_last_3d)
    leaves = [t.requires_grad_() for t in (x, w, b)]
    with normalising.use(engine):
        y = F.batch_norm(F.batch_norm(x, mean, var, w, b, training, 0.3), mean, var, w, b, training, 0.3)
        weight = torch.tensor(draw.standard_normal(shape), dtype=kind, device="cuda")
        first = torch.autograd.grad((y * y * weight).sum(), leaves, retain_graph=True)
        found = [y, *first, mean, var]
        if dtype != "float16":
            grads = torch.autograd.grad((y * y * weight).sum(), leaves, create_graph=True)
            found += torch.autograd.grad(sum((g * g).mean() for g in grads), leaves)
    if last:
        assert y.is_contiguous(memory_format=torch.channels_last if x.ndim == 4 else torch.channels_last_3d)
    assert [g.dtype for g in first] == [t.dtype for t in leaves]
    return [t.detach().cpu().double().numpy() for t in found]


def agree(found: list[Any], want: list[Any], tolerance: float) -> None:
    for a, b in zip(found, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1, np.abs(b).max()))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(
    ("dtype", "weights"), [("float32", ""), ("float64", ""), ("float16", "float32"), ("float16", "")]
)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_kernels_agree_with_the_reference(
    shape: tuple[int, ...], dtype: str, weights: str, last: bool, training: bool
) -> None:
    if last and len(shape) < 4:
        pytest.skip("there are no formats of so few dimensions")
    options: dict[str, Any] = {"training": training, "weights": weights, "last": last}
    here.reset()
    found = everything("kernels", shape, dtype, **options)
    assert (here.launches["moments"], here.launches["by_running"]) == ((2, 0) if training else (0, 2))
    assert here.launches["update_running"] == (2 if training else 0)
    tolerance = {"float32": 2e-5, "float64": 1e-11, "float16": 2e-2}[dtype]
    agree(found, everything("naive", shape, dtype, **options), tolerance)


def test_statistics_of_another_type_or_in_pieces_are_followed_too() -> None:
    x = torch.tensor(random.standard_normal((5, 3)), dtype=torch.float32)
    for make in (lambda: torch.zeros(6)[::2], lambda: torch.zeros(3, dtype=torch.float64)):
        found = []
        for device in ("cpu", "cuda"):
            mean, var = make().to(device), make().to(device)
            here.reset()
            F.batch_norm(x.to(device), mean, var, training=True)
            found.append((mean.tolist(), var.tolist()))
        agree([np.array(found[1])], [np.array(found[0])], 1e-6)


def test_a_running_mean_alone() -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, 6.0]], device="cuda")
    mean = torch.zeros(2, device="cuda")
    torch.batch_norm(x, None, None, mean, None, True, 0.5, 1e-5, True)
    assert mean.tolist() == [1.0, 2.0]


def test_a_variance_far_from_zero_does_not_cancel() -> None:
    x = torch.tensor(random.standard_normal((1000, 1)) + 1e4, dtype=torch.float32)
    found = F.batch_norm(x.cuda(), None, None, training=True).cpu().double().numpy()
    exact = x.double().numpy()
    np.testing.assert_allclose(found, (exact - exact.mean()) / np.sqrt(exact.var() + 1e-5), atol=2e-3)


def test_the_gradient_of_a_gradient_of_a_batch_normalised() -> None:
    def twice(x: Any) -> Any:
        y = F.batch_norm(x, None, None, training=True)
        return torch.autograd.grad((y**3).sum(), x, create_graph=True)[0]

    same(both(twice, random.standard_normal((4, 3, 2)), dtype="float64"), 1e-9)


def test_one_can_ask_why() -> None:
    def why(dtype: str, *given: str, shape: tuple[int, ...] = (4, 3, 2)) -> tuple[str, dict[str, str]]:
        return normalising.why(Normed(shape, dtype, given, False, True, 1e-5))

    assert why("bfloat16", "float32", "float32")[0] == "kernels"
    name, reasons = why("float32", "float64", "float64")
    assert (name, reasons["kernels"]) == ("naive", "what is learned is not of float32 as the numbers are")
    assert why("int64")[1]["kernels"] == "its kernels are not for int64"
    assert why("float32", shape=(2**16, 2**15, 2))[1]["kernels"] == "there are too many numbers, or none"
    with (
        normalising.use("kernels"),
        pytest.raises(RuntimeError, match="the batch norm engine 'kernels' cannot do this"),
    ):
        why("int64")
    with pytest.raises(ValueError, match="there is no batch norm engine 'apex': choose from cudnn, kernels, naive"):
        normalising.use("apex").__enter__()
