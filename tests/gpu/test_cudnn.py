"""The binding of cuDNN, against a stand-in library that g++ compiles (cudnn_on_cpu.cpp). No GPU code is executed.

It has the parameters that cuDNN 9's headers declare. Where the real library is installed, its descriptors are made as
well: that needs no GPU.
"""

from __future__ import annotations

import ctypes
import gc
import importlib.metadata
import subprocess
from collections.abc import Iterator
from pathlib import Path
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

from .run_kernel import compiler
from .stand_in import two_gpus

pytestmark = pytest.mark.skipif(compiler() is None, reason="g++ is not installed")
SOURCE = Path(__file__).with_name("cudnn_on_cpu.cpp")
CACHES = (cudnn_library.find, cudnn._usable, cudnn._plan)
flags = torch.backends.cudnn.flags


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> str:
    library = tmp_path_factory.mktemp("cudnn") / "libcudnn_on_cpu.so.9"
    subprocess.run(["g++", "-std=c++17", "-O1", "-shared", "-fPIC", str(SOURCE), "-o", str(library)], check=True)
    return str(library)


def forget() -> None:
    for cache in CACHES:
        cache.cache_clear()
    cudnn_library._of_thread.__dict__.clear()


@pytest.fixture(autouse=True)
def machine(built: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv(cudnn_library.VARIABLE, built)
    forget()
    with two_gpus() as cupy:
        yield cupy
    forget()


@pytest.fixture
def log(built: str) -> Any:
    """What it notes: direction, algorithm, workspace, arithmetic, type of sums, descriptors, advice, trials."""
    return (ctypes.c_longlong * 8).in_dll(ctypes.CDLL(built), "cudnn_on_cpu_log")


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
    forget()
    name, reasons = convolution.why(problem())
    assert name == "gemm"
    assert reasons["cudnn"].startswith("cuDNN 9 is not found: /nowhere/libcudnn.so.9")
    assert not torch.backends.cudnn.is_available()


def test_an_older_library_is_refused(built: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cudnn_library, "MAJOR", 10)
    monkeypatch.setattr(cudnn_library, "_candidates", lambda: iter([built]))
    forget()
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


def test_descriptors_of_the_real_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skipped where cuDNN is not installed (pip install nvidia-cudnn-cu13; no GPU is needed)."""
    try:
        files = importlib.metadata.files("nvidia-cudnn-cu13") or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("cuDNN is not installed: pip install nvidia-cudnn-cu13 (no cuda device is needed)")
    path = next(str(f.locate()) for f in files if f.name == f"libcudnn.so.{cudnn_library.MAJOR}")
    library = cudnn_library.Library(path)
    tensor, weights, made = (library.descriptor(kind) for kind in ("Tensor", "Filter", "Convolution"))
    four, two = cudnn_library.array((8, 3, 32, 32)), cudnn_library.array((1, 1))
    library.cudnnSetTensorNdDescriptor(tensor.pointer, 0, 4, four, cudnn_library.array((3072, 1024, 32, 1)))
    library.cudnnSetFilterNdDescriptor(weights.pointer, 0, 0, 4, cudnn_library.array((6, 3, 5, 5)))
    library.cudnnSetConvolutionNdDescriptor(made.pointer, 2, cudnn_library.array((0, 0)), two, two, 1, 0)
    sizes = cudnn_library.array((0, 0, 0, 0))
    ask = library._loaded.cudnnGetConvolutionNdForwardOutputDim
    assert ask(made.pointer, tensor.pointer, weights.pointer, 4, sizes) == 0
    assert list(sizes) == [8, 6, 28, 28]
