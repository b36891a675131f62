"""The binding of cuDNN, against a stand-in library that g++ compiles (cudnn_on_cpu.cpp). No GPU code is executed.

It has the parameters that cuDNN 9's headers declare. Where the real library is installed, its descriptors are made as
well: that needs no GPU.
"""

from __future__ import annotations

import ctypes
import gc
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.gpu import convolution, cudnn, cudnn_library
from gradviz.gpu.problem import Problem, out_shape
from tests.gpu.test_convolution import CASES, everything, ids
from tests.nn.rows import ROWS
from tests.oracle.same import same_on_device
from tests.oracle.samples import params

from . import cudnn_on_cpu
from .run_kernel import needs_compiler

pytestmark = [needs_compiler, pytest.mark.usefixtures("cudnn_machine")]
flags = torch.backends.cudnn.flags


@pytest.fixture
def log() -> Any:
    """What it notes: direction, algorithm, workspace, arithmetic, type of sums, descriptors, advice, trials."""
    return cudnn_on_cpu.log("cudnn_on_cpu_log", 9)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("case", CASES, ids=ids)
def test_it_agrees_with_the_reference(case: Any, dtype: str) -> None:
    tolerance = {"float32": 1e-5, "float64": 1e-12, "float16": 1e-2}[dtype]
    found = {}
    for engine in ("cudnn", "naive"):
        with convolution.use(engine):
            found[engine] = everything(case, "cuda", getattr(torch, dtype))
    for a, b in zip(found["cudnn"], found["naive"], strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.abs(b).max())


@pytest.mark.parametrize("row", [row for row in params(skip=("random",)) if "conv" in str(row.values[0])])
def test_operations(row: Any, log: Any) -> None:
    same_on_device(row, torch.device("cuda:1"))


@pytest.mark.parametrize("row", [pytest.param(r, id=str(r)) for r in ROWS if "conv" in str(r)])
def test_functions(row: Any) -> None:
    same_on_device(row, torch.device("cuda:1"))


def run(**options: Any) -> None:
    x, w = torch.ones(1, 2, 5, 5, device="cuda"), torch.ones(3, 2, 3, 3, device="cuda")
    with flags(enabled=True, **options):
        assert torch.nn.functional.conv2d(x, w).unique().tolist() == [18.0]


def test_the_switches_reach_the_library(log: Any) -> None:
    run(allow_tf32=True)
    assert list(log[:5]) == [0, 1, 64, cudnn_library.DEFAULT_MATH, cudnn_library.FLOAT]
    run(allow_tf32=False)
    assert log[3] == cudnn_library.FMA_MATH
    run(deterministic=True)
    assert list(log[1:3]) == [0, 0]
    advised, tried = log[6], log[7]
    run(benchmark=True)
    run(benchmark=True)
    assert (log[1], log[6], log[7]) == (2, advised, tried + 1)


# -- channels last -----------------------------------------------------------------------------------------------------
def lying_last(x: Any) -> Any:
    return x.contiguous(memory_format=torch.channels_last if x.ndim == 4 else torch.channels_last_3d)


def is_last(x: Any) -> bool:
    return x.is_contiguous(memory_format=torch.channels_last if x.ndim == 4 else torch.channels_last_3d)


@pytest.mark.parametrize("which", ["picture", "weights", "both"])
@pytest.mark.parametrize("case", [case for case in CASES if len(case[0]) > 1], ids=str)
def test_a_convolution_in_the_layout_of_its_operands(case: Any, which: str, log: Any) -> None:
    sizes, c, o, kernel, stride, padding, dilation, groups = case
    conv, draw = getattr(torch.nn.functional, f"conv{len(sizes)}d"), np.random.default_rng(0)
    arrays = [draw.standard_normal(s).astype(np.float32) for s in ((3, c, *sizes), (o, c // groups, *kernel))]
    found = []
    for last in (False, True):
        x, w = (torch.tensor(a, device="cuda") for a in arrays)
        x = lying_last(x) if last and which != "weights" else x
        w = lying_last(w) if last and which != "picture" else w
        leaves = [t.detach().requires_grad_() for t in (x, w)]
        y = conv(*leaves, None, stride, padding, dilation, groups)
        # Weights of one place, or of one channel each, lie either way: they do not ask for it.
        expected = any(is_last(t) and not t.is_contiguous() for t in (x, w))
        assert is_last(y) if expected else y.is_contiguous()
        grads = torch.autograd.grad(y, leaves, y.detach() * 2)  # which lies as the result does
        found.append([t.detach().cpu().numpy() for t in (y, *grads)])
        assert log[8] == (1 if expected else int(np.prod(sizes)))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(b).max())


def test_double_precision_stays_in_order(log: Any) -> None:
    x, w = torch.ones(2, 3, 4, 4, dtype=torch.float64), torch.ones(2, 3, 3, 3, dtype=torch.float64)
    assert torch.nn.functional.conv2d(lying_last(x.cuda()), w.cuda()).is_contiguous()
    assert log[8] == 16


def test_without_an_algorithm_for_channels_last_it_is_done_in_order(log: Any) -> None:
    refuse = ctypes.c_int.in_dll(ctypes.CDLL(cudnn_on_cpu.library()), "cudnn_on_cpu_refuse_last")
    refuse.value = 1
    try:
        x, w = torch.ones(2, 3, 4, 4, device="cuda"), torch.ones(2, 3, 3, 3, device="cuda")
        y = torch.nn.functional.conv2d(lying_last(x), w)
    finally:
        refuse.value = 0
    assert y.is_contiguous()
    assert y.unique().tolist() == [27.0]
    assert log[8] == 16


# -- what it is told ---------------------------------------------------------------------------------------------------
def test_sums_of_half_precision_are_kept_in_single(log: Any) -> None:
    x = torch.ones(1, 4096, 1, 1, dtype=torch.float16, device="cuda")
    assert torch.nn.functional.conv2d(x, x).item() == 4096
    assert list(log[3:5]) == [cudnn_library.TENSOR_OP_MATH, cudnn_library.FLOAT]


def test_descriptors_are_kept_and_given_back(log: Any) -> None:
    gc.collect()
    before = log[5]
    for _ in range(3):
        run()
        assert log[5] == before + 4
    cudnn._plan.cache_clear()
    gc.collect()
    assert log[5] == before


def problem(dtype: str = "float32", **changed: Any) -> Problem:
    settings: dict[str, Any] = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)}
    shapes = (1, 1, 4, 4), (1, 1, 2, 2)
    return Problem(*shapes, out_shape(*shapes, **settings), **settings, groups=1, dtype=dtype)._replace(**changed)


def test_why_it_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert convolution.why(problem()) == ("cudnn", {})
    assert convolution.why(problem("complex64"))[1] == {"cudnn": "cuDNN has no complex64"}
    assert convolution.why(problem(x_shape=(0, 1, 4, 4)))[1] == {"cudnn": "an array has no elements"}
    assert convolution.why(problem(y_shape=(1, 1, 2, 2)))[1] == {"cudnn": "the result is not of the usual size"}
    with flags(enabled=False):
        assert convolution.why(problem())[1] == {"cudnn": "torch.backends.cudnn.enabled is False"}
        with convolution.use("cudnn"), pytest.raises(RuntimeError, match=r"'cudnn' cannot do this: torch\.backends"):
            convolution.why(problem())
    monkeypatch.setenv(cudnn_library.VARIABLE, "/nowhere/libcudnn.so.9")
    monkeypatch.setattr(cudnn_library, "_candidates", lambda: iter(["/nowhere/libcudnn.so.9"]))
    cudnn_on_cpu.forget()
    name, reasons = convolution.why(problem())
    assert name == "gemm"
    assert reasons["cudnn"].startswith("cuDNN 9 is not found: /nowhere/libcudnn.so.9")
    assert not torch.backends.cudnn.is_available()


@pytest.mark.parametrize("captured", [True, False])
def test_a_handle_refused_in_a_capture_may_be_had_later(captured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as refusing:

        def refuse(library: Any, index: int) -> Any:
            raise cudnn_library.CudnnError("cudnnCreate: CUDNN_STATUS_INTERNAL_ERROR (4000)")

        refusing.setattr(cudnn_library, "handle", refuse)
        refusing.setattr(cudnn_library.graphs, "capturing", lambda: captured)
        name, reasons = convolution.why(problem())
        assert name == "gemm"
        told = "cudnnCreate: CUDNN_STATUS_INTERNAL_ERROR (4000)"
        assert reasons["cudnn"] == told + " (while a graph is captured: run the step once before)" * captured
    assert convolution.why(problem())[0] == ("cudnn" if captured else "gemm")


def test_an_older_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    built = cudnn_on_cpu.library()
    monkeypatch.setattr(cudnn_library, "MAJOR", 10)
    monkeypatch.setattr(cudnn_library, "_candidates", lambda: iter([built]))
    cudnn_on_cpu.forget()
    assert f"{built} is version 92800, not 10" in cudnn_library.find()[1]


def test_what_torch_says_of_it() -> None:
    assert torch.backends.cudnn.is_available()
    assert torch.backends.cudnn.version() == 92800


def test_an_error_is_told_by_name() -> None:
    library = cudnn_library.find()[0]
    assert library is not None
    made = library.descriptor("Tensor")
    with pytest.raises(cudnn_library.CudnnError, match=r"cudnnSetTensorNdDescriptor: CUDNN_STATUS_BAD_PARAM \(2000\)"):
        library.cudnnSetTensorNdDescriptor(made.pointer, 0, 2, cudnn_library.array((1, 1)), cudnn_library.array((1, 1)))
