"""Batch norm by cuDNN, against a stand-in library (cudnn_norm_on_cpu.cpp). No GPU code is executed."""

from __future__ import annotations

import ctypes
import gc
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz import nn
from gradviz.gpu import cudnn_library, cudnn_norm, normalising
from gradviz.gpu.problem import Normed
from tests.nn.rows import ROWS
from tests.oracle.same import same_on_device
from tests.strict_machine import here

from . import cudnn_on_cpu
from .run_kernel import needs_compiler
from .test_normalising import SHAPES, agree, everything

pytestmark = [needs_compiler, pytest.mark.usefixtures("cudnn_machine")]
flags, F = torch.backends.cudnn.flags, nn.functional
TRAINING, EVALUATION, GRADIENT = range(3)


@pytest.fixture
def log() -> Any:
    """What it notes: what was asked, the mode, the step between channels, the stream, how many calls there were."""
    made = cudnn_on_cpu.log("cudnn_norm_on_cpu_log", 5)
    made[4] = 0
    return made


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(("dtype", "weights"), [("float32", ""), ("float64", ""), ("float16", "float32")])
@pytest.mark.parametrize("shape", SHAPES[1:], ids=str)
def test_it_agrees_with_the_reference(shape: Any, dtype: str, weights: str, last: bool, log: Any) -> None:
    if last and len(shape) < 4:
        pytest.skip("there are no formats of so few dimensions")
    tolerance = {"float32": 2e-5, "float64": 1e-11, "float16": 2e-2}[dtype]
    options: dict[str, Any] = {"weights": weights, "last": last}
    found = everything("cudnn", shape, dtype, **options)
    # Two forwards and their gradients, once more below the gradients of gradients, which go by the rules.
    assert log[4] == (4 if dtype == "float16" else 6)
    agree(found, everything("naive", shape, dtype, **options), tolerance)


@pytest.mark.parametrize("row", [pytest.param(row, id=str(row)) for row in ROWS if "norm" in str(row)])
def test_functions(row: Any) -> None:
    same_on_device(row, torch.device("cuda:1"))


def layer(shape: tuple[int, ...], training: bool = True, device: str = "cuda") -> tuple[nn.Module, Any]:
    """A batch norm of random weights, and an input for it."""
    torch.manual_seed(0)
    made = {3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}[len(shape)](shape[1])
    for tensor in (*made.parameters(), made.running_mean, made.running_var):
        tensor.data.uniform_(0.5, 2.0)
    return made.to(device).train(training), torch.rand(shape).to(device).requires_grad_()


@pytest.mark.parametrize("shape", [(4, 3, 5), (4, 3, 5, 2), (2, 3, 2, 2, 3)])
def test_what_is_asked_of_it(shape: Any, log: Any) -> None:
    bn, x = layer(shape)
    y = bn(x)
    step = int(np.prod(shape[2:]))
    assert list(log[:3]) == [TRAINING, cudnn_library.SPATIAL, step]
    y.sum().backward()
    assert list(log[:3]) == [GRADIENT, cudnn_library.SPATIAL, step]
    bn.eval()(x)
    assert list(log[:3]) == [EVALUATION, cudnn_library.SPATIAL, step]


@pytest.mark.parametrize("shape", [(4, 3, 5, 2), (2, 3, 2, 2, 3)])
def test_channels_last(shape: Any, log: Any) -> None:
    """PyTorch asks for the persistent mode there, and only in training."""
    bn, x = layer(shape)
    kind = torch.channels_last if len(shape) == 4 else torch.channels_last_3d
    x = x.detach().contiguous(memory_format=kind).requires_grad_()
    y = bn(x)
    assert y.is_contiguous(memory_format=kind)
    assert list(log[:3]) == [TRAINING, cudnn_library.SPATIAL_PERSISTENT, 1]
    y.backward(torch.ones_like(y).contiguous())  # a gradient that lies otherwise
    assert list(log[:3]) == [GRADIENT, cudnn_library.SPATIAL_PERSISTENT, 1]
    assert bn.eval()(x).is_contiguous(memory_format=kind)
    assert list(log[:3]) == [EVALUATION, cudnn_library.SPATIAL, 1]


def test_a_slice_is_put_in_order_first(log: Any) -> None:
    bn, x = layer((4, 3, 6, 4))
    (bn(x[..., ::2]) ** 2).sum().backward()
    assert log[2] == 6 * 2
    other, y = layer((4, 3, 6, 4), device="cpu")
    (other(y[..., ::2]) ** 2).sum().backward()
    agree([x.grad.cpu().numpy(), bn.running_var.cpu().numpy()], [y.grad.numpy(), other.running_var.numpy()], 1e-5)


def test_statistics_are_pytorchs() -> None:
    """The running variance is the unbiased one, of a variance much smaller than eps too."""
    x = torch.tensor(np.random.default_rng(0).standard_normal((4, 1, 3)) * 1e-5, dtype=torch.float32)
    bn = nn.BatchNorm1d(1, momentum=1.0).cuda()
    bn(x.cuda())
    assert bn.running_var.item() == pytest.approx(x.double().var().item(), rel=1e-6)
    assert bn.running_mean.item() == pytest.approx(x.double().mean().item(), rel=1e-5)


def test_evaluation_has_a_gradient_of_our_own(log: Any) -> None:
    bn, x = layer((4, 3, 5), training=False)
    bn(x).sum().backward()
    assert (log[0], log[4]) == (EVALUATION, 1)
    want = bn.weight / (bn.running_var + bn.eps).sqrt()
    np.testing.assert_allclose(x.grad[0, :, 0].cpu().numpy(), want.detach().cpu().numpy(), rtol=1e-5)


def test_it_is_sent_to_the_current_stream(log: Any) -> None:
    bn, x = layer((4, 3, 5))
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        bn(x)
    assert log[3] == stream.cuda_stream != 0
    bn(x)
    assert log[3] == 0


def test_the_host_does_not_wait_and_a_step_can_be_captured() -> None:
    def losses(captured: bool) -> list[float]:
        bn, x = layer((4, 3, 5))
        x, net = x.detach(), nn.Sequential(nn.Conv1d(3, 3, 3, padding=1).cuda(), bn)

        def step(x: Any) -> Any:
            net.zero_grad(set_to_none=False)
            loss = (net(x) ** 3).sum()
            loss.backward()
            return loss

        for _ in range(2):
            here.reset()
            step(x)
        assert dict(here.waits) == {}
        assert {name.removeprefix("cudnn"): n for name, n in here.launches.items() if name.startswith("cudnn")} == {
            "ConvolutionForward": 1, "BatchNormalizationForwardTrainingEx": 1, "BatchNormalizationBackwardEx": 1,
            "ConvolutionBackwardFilter": 1,
        }  # fmt: skip
        run = torch.cuda.make_graphed_step(step, (x,), num_warmup_iters=0) if captured else step
        found = [run(x * k).item() for k in (1.0, 2.0)]
        return found + [v for t in (bn.running_var, bn.weight.grad, net[0].weight.grad) for v in t.flatten().tolist()]

    assert losses(True) == pytest.approx(losses(False), rel=1e-5)


# -- what it needs, and when it is not used ----------------------------------------------------------------------------
def descriptors() -> Any:
    return cudnn_on_cpu.log("cudnn_on_cpu_log", 9)


def test_descriptors_are_kept_and_given_back() -> None:
    gc.collect()
    log, before = descriptors(), descriptors()[5]
    bn, x = layer((4, 3, 5))
    for _ in range(3):
        bn(x).sum().backward()
        assert log[5] == before + 4  # two for each direction
    cudnn_norm._plan.cache_clear()
    gc.collect()
    assert log[5] == before


@pytest.mark.parametrize("after", [0, 1])
def test_a_refused_descriptor_is_told_and_none_is_left_behind(after: int) -> None:
    gc.collect()
    log, before = descriptors(), descriptors()[5]
    refuse = ctypes.c_int.in_dll(ctypes.CDLL(cudnn_on_cpu.library()), "cudnn_on_cpu_refuse_after")
    refuse.value = after
    bn, x = layer((4, 3, 5))
    with pytest.raises(cudnn_library.CudnnError, match="cudnnSetTensorNdDescriptor: CUDNN_STATUS_NOT_SUPPORTED"):
        bn(x)
    gc.collect()
    assert (refuse.value, log[5]) == (-1, before)
    bn(x)


def problem(dtype: str = "float32", **changed: Any) -> Normed:
    kind = "float64" if dtype == "float64" else "float32"
    return Normed((4, 3, 5), dtype, (kind, kind), False, True, 1e-5)._replace(**changed)


WHY_NOT: list[tuple[dict[str, Any], str]] = [
    ({"dtype": "bfloat16"}, "PyTorch does not use cuDNN for the batch norm of bfloat16"),
    ({"given": ("float32", "")}, "it takes a weight and a bias of float32"),
    ({"given": ("", "")}, "it takes a weight and a bias of float32"),
    ({"dtype": "float16", "given": ("float16", "float16")}, "it takes a weight and a bias of float32"),
    ({"given": ("float32",) * 3 + ("float16",), "training": False}, "it takes a weight and a bias of float32"),
    ({"shape": (4, 3)}, "it takes 3 to 5 dimensions, not 2"),
    ({"shape": (4, 3, 1, 1, 1, 1)}, "it takes 3 to 5 dimensions, not 6"),
    ({"shape": (0, 3, 5)}, "an array has no elements"),
    ({"shape": (880802, 3, 1)}, "there are too many numbers"),
    ({"shape": (65536, 3, 1), "training": False}, "there are too many numbers"),
    ({"shape": (2, 2**15, 2**15)}, "there are too many numbers"),
    ({"eps": -1e-5}, "eps is less than 0.0"),
    ({"shape": (1, 3, 1)}, "one number has no variance"),
    ({"training": False, "reserved": False}, "its gradient is that of a training step"),
    ({"reserved": False}, "the forward was not done by it"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "reason"), WHY_NOT, ids=[str(i) for i in range(len(WHY_NOT))])
def test_why_it_is_not_used(changed: dict[str, Any], reason: str) -> None:
    assert normalising.why(problem(**changed))[1]["cudnn"] == reason
    with normalising.use("cudnn"), pytest.raises(RuntimeError, match="the batch norm engine 'cudnn' cannot do this: "):
        normalising.why(problem(**changed))


@pytest.mark.parametrize("changed", [
    {}, {"dtype": "float64", "given": ("float64",) * 2}, {"dtype": "float16"}, {"shape": (880801, 3, 1)},
    {"shape": (65535, 3, 1), "training": False}, {"shape": (1, 3, 1), "training": False}, {"eps": 0.0},
    {"reserved": True},
])  # fmt: skip
def test_when_it_is_used(changed: dict[str, Any]) -> None:
    assert normalising.why(problem(**changed)) == ("cudnn", {})


def test_switched_off_between_the_forward_and_the_gradient(log: Any) -> None:
    bn, x = layer((4, 3, 5))
    y = (bn(x) ** 3).sum()
    grads = [torch.autograd.grad(y, (x, bn.weight, bn.bias), retain_graph=True)]
    with flags(enabled=False):
        assert normalising.why(problem())[1] == {"cudnn": "torch.backends.cudnn.enabled is False"}
        grads.append(torch.autograd.grad(y, (x, bn.weight, bn.bias)))
        z = (bn(x) ** 3).sum()
    assert log[4] == 2
    torch.autograd.grad(z, (x, bn.weight, bn.bias))  # its forward was not cuDNN's
    assert log[4] == 2
    agree(*([g.cpu().numpy() for g in each] for each in grads), 1e-4)


def test_a_gradient_of_the_weight_alone() -> None:
    bn, x = layer((4, 3, 5))
    y = (bn(x.detach()) ** 3).sum()
    found = torch.autograd.grad(y, (bn.weight, bn.bias))
    other, x = layer((4, 3, 5), device="cpu")
    want = torch.autograd.grad((other(x.detach()) ** 3).sum(), (other.weight, other.bias))
    agree([g.cpu().numpy() for g in found], [g.numpy() for g in want], 1e-5)
    frozen = bn.requires_grad_(False)
    frozen.bias.requires_grad_()
    frozen(x.detach().cuda()).sum().backward()
    assert frozen.bias.grad.tolist() == [20.0] * 3
