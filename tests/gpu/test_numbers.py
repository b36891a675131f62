"""The 16-bit floats of kernels/numbers.cuh against NumPy's and ml_dtypes', all of them. No GPU code is executed."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from gradviz.gpu.compiled import FOLDER

from .run_kernel import launch, needs_compiler

pytestmark = needs_compiler
TYPES = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16}


def run(kind: str, body: str, given: np.ndarray, into: Any) -> np.ndarray:
    text = f"""{(FOLDER / "numbers.cuh").read_text()}
    extern "C" __global__ void convert(const void* given, void* into, int n) {{
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        if (i < n) {body.replace("T", kind)};
    }}"""
    out = np.zeros(given.size, into)
    args = (given.ctypes.data, out.ctypes.data, np.int32(given.size))
    launch(text, "convert", (-(-given.size // 256),), (256,), args)
    return out


@pytest.mark.parametrize("kind", TYPES)
def test_every_16_bit_float_widens(kind: str) -> None:
    bits = np.arange(2**16, dtype=np.uint16)
    found = run(kind, "((float*)into)[i] = ((const T*)given)[i]", bits, np.float32)
    np.testing.assert_array_equal(found, bits.view(TYPES[kind]).astype(np.float32))


@pytest.mark.parametrize("kind", TYPES)
def test_floats_round_to_the_nearest_even(kind: str) -> None:
    dtype = TYPES[kind]
    each = np.arange(2**16, dtype=np.uint16).view(dtype).astype(np.float32)
    finite = np.sort(each[np.isfinite(each)])
    between = ((finite[:-1].astype(np.float64) + finite[1:]) / 2).astype(np.float32)  # ties, and a little beside them
    beside = [np.nextafter(between, np.float32(s * np.inf), dtype=np.float32) for s in (1, -1)]
    drawn = np.random.default_rng(0).integers(0, 2**32, 2**18, dtype=np.uint32).view(np.float32)
    given = np.concatenate((each, between, *beside, drawn)).astype(np.float32)
    found = run(kind, "((T*)into)[i] = T(((const float*)given)[i])", given, np.uint16).view(dtype)
    with np.errstate(all="ignore"):
        want = given.astype(dtype)
    nan = np.isnan(given)
    assert (np.isnan(found.astype(np.float32)) == np.isnan(want.astype(np.float32))).all()
    assert (found[~nan].view(np.uint16) == want[~nan].view(np.uint16)).all()
