"""The functions of cuDNN are called as its headers declare them. No GPU code is executed."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_double, c_float, c_int, c_size_t, c_void_p
from typing import Any

import pytest

from gradviz.gpu import cudnn_library, cudnn_norm
from gradviz.gpu.cudnn_library import SIGNATURES, AlgorithmPerf

from . import cudnn_headers

KNOWN = cudnn_headers.known()
NUMBERS = {"int": c_int, "double": c_double, "size_t": c_size_t, "float": c_float}
CONSTANTS = {
    "CUDNN_DATA_FLOAT": cudnn_library.FLOAT, "CUDNN_DATA_DOUBLE": cudnn_library.DOUBLE,
    "CUDNN_DATA_HALF": cudnn_library.HALF, "CUDNN_DATA_BFLOAT16": cudnn_library.BFLOAT16,
    "CUDNN_TENSOR_NCHW": cudnn_library.NCHW, "CUDNN_TENSOR_NHWC": cudnn_library.NHWC,
    "CUDNN_CROSS_CORRELATION": cudnn_library.CROSS_CORRELATION,
    "CUDNN_DEFAULT_MATH": cudnn_library.DEFAULT_MATH, "CUDNN_TENSOR_OP_MATH": cudnn_library.TENSOR_OP_MATH,
    "CUDNN_FMA_MATH": cudnn_library.FMA_MATH, "CUDNN_BATCHNORM_SPATIAL": cudnn_library.SPATIAL,
    "CUDNN_BATCHNORM_SPATIAL_PERSISTENT": cudnn_library.SPATIAL_PERSISTENT,
    "CUDNN_BATCHNORM_OPS_BN": cudnn_library.BATCH_NORM_ONLY, "CUDNN_STATUS_SUCCESS": 0,
    "CUDNN_BN_MIN_EPSILON": cudnn_norm.MIN_EPSILON,
}  # fmt: skip


def type_of(declaration: str) -> Any:
    """What ctypes is to pass for a parameter as C declares it."""
    words = [w for w in declaration.replace("[", " [").split() if w != "const"]
    kind, inside = words[0], "*" in words or "[" in declaration
    if kind.endswith("AlgoPerf_t"):
        return POINTER(AlgorithmPerf)
    if kind in NUMBERS:
        return POINTER(NUMBERS[kind]) if inside else NUMBERS[kind]
    if kind.endswith(("Descriptor_t", "Handle_t")):
        return POINTER(c_void_p) if inside else c_void_p
    if kind in ("void", "cudaStream_t"):
        return c_void_p
    assert kind.startswith("cudnn"), declaration
    return POINTER(c_int) if inside else c_int  # an enumeration


@pytest.mark.parametrize("name", SIGNATURES)
def test_parameters(name: str) -> None:
    assert list(SIGNATURES[name]) == [type_of(p) for p in KNOWN["functions"][name]]


def test_constants() -> None:
    assert KNOWN["constants"] == CONSTANTS


@pytest.mark.parametrize("name", cudnn_headers.STRUCTS)
def test_what_is_said_of_an_algorithm(name: str) -> None:
    declared = [type_of(field) for field in KNOWN["structs"][name]]
    fields = [field for _, field in AlgorithmPerf._fields_]
    assert fields[:-1] == declared[:-1]
    assert (KNOWN["structs"][name][-1], fields[-1]) == ("int reserved[3]", c_int * 3)


INSTALLED = cudnn_headers.declared()
installed = pytest.mark.skipif(
    INSTALLED is None, reason="cuDNN is not installed: pip install nvidia-cudnn-cu13 (no cuda device is needed)"
)


@installed
def test_what_is_written_down_is_what_the_installed_headers_say() -> None:
    assert INSTALLED == KNOWN


# -- the library itself: descriptors are made without a cuda device ----------------------------------------------------
def library() -> Any:
    return cudnn_library.Library(str(cudnn_headers.files(f"libcudnn.so.{cudnn_library.MAJOR}")[0]))


@installed
def test_it_has_every_function() -> None:
    library()


@installed
def test_the_size_of_a_convolution() -> None:
    real, array = library(), cudnn_library.array
    tensor, weights, made = (real.descriptor(kind) for kind in ("Tensor", "Filter", "Convolution"))
    real.cudnnSetTensorNdDescriptor(tensor.pointer, 0, 4, array((8, 3, 32, 32)), array((3072, 1024, 32, 1)))
    real.cudnnSetFilterNdDescriptor(weights.pointer, 0, 0, 4, array((6, 3, 5, 5)))
    real.cudnnSetConvolutionNdDescriptor(made.pointer, 2, array((0, 0)), array((1, 1)), array((1, 1)), 1, 0)
    sizes = array((0, 0, 0, 0))
    assert (
        real._loaded.cudnnGetConvolutionNdForwardOutputDim(made.pointer, tensor.pointer, weights.pointer, 4, sizes) == 0
    )
    assert list(sizes) == [8, 6, 28, 28]


@installed
@pytest.mark.parametrize("dtype", cudnn_norm.TYPES)
@pytest.mark.parametrize(
    ("shape", "last"), [((4, 3, 5), False), ((4, 3, 5, 2), False), ((4, 3, 5, 2), True), ((2, 3, 4, 2, 3), True)]
)
def test_weights_are_described_as_it_would(shape: tuple[int, ...], last: bool, dtype: str) -> None:
    real = library()
    plan = cudnn_norm._plan(real, 0, shape, dtype, last, False, False)
    derived = real.descriptor("Tensor")
    mode = ctypes.c_int(cudnn_library.SPATIAL)
    assert real._loaded.cudnnDeriveBNTensorDescriptor(derived.pointer, plan.x.pointer, mode) == 0

    def read(descriptor: Any) -> list[Any]:
        kind, count = c_int(), c_int()
        sizes, strides = (cudnn_library.array((0,) * 8) for _ in range(2))
        ask = real._loaded.cudnnGetTensorNdDescriptor
        assert ask(descriptor.pointer, 8, ctypes.byref(kind), ctypes.byref(count), sizes, strides) == 0
        return [kind.value, list(sizes[: count.value]), strides[1]]

    assert read(plan.channels) == read(derived)
