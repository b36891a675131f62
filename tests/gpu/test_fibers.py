"""The runner of kernels notices what would go wrong on a GPU. No GPU code is executed."""

from __future__ import annotations

import numpy as np
import pytest

from tests.gpu.fibers import KernelError, guarded, without_barrier
from tests.gpu.run_kernel import launch, needs_compiler

pytestmark = needs_compiler
SUM = """
extern "C" __global__ void sums(const float* x, float* out, int n) {
    __shared__ float part[64];
    float sum = 0;
    for (int i = threadIdx.x; i < n; i += 64) sum += x[blockIdx.x * n + i];
    part[threadIdx.x] = sum;
    __syncthreads();
    for (int half = 32; half > 0; half /= 2) {
        if (threadIdx.x < half) part[threadIdx.x] += part[threadIdx.x + half];
        __syncthreads();
    }
    if (threadIdx.x == 0) out[blockIdx.x] = part[0];
}
"""
SEEDS = range(5)


def sums(text: str, seed: int, n: int = 100, claimed: int | None = None, at_end: bool = True) -> bool:
    """Whether the kernel adds up three rows of n numbers rightly."""
    x = guarded(np.arange(3 * n, dtype=np.float32).reshape(3, n), at_end)
    out = guarded(np.zeros(3, np.float32), at_end)
    args = (x.ctypes.data, out.ctypes.data, np.int32(claimed or n))
    launch(text, "sums", (3,), (64,), args, seed)
    return bool((out == x.sum(1)).all())


@pytest.mark.parametrize("seed", SEEDS)
def test_threads_that_wait_for_one_another(seed: int) -> None:
    assert sums(SUM, seed)
    assert sums(SUM, seed, at_end=False)


@pytest.mark.parametrize("which", range(2))
def test_a_barrier_left_out_is_noticed(which: int) -> None:
    texts = without_barrier(SUM)
    assert len(texts) == 2
    assert not all(sums(texts[which], seed) for seed in SEEDS)


def test_a_barrier_that_some_never_reach() -> None:
    with pytest.raises(KernelError, match="others never reach"):
        sums(SUM.replace("__syncthreads();", "if (threadIdx.x < 40) __syncthreads();", 1), 1)


def test_an_index_beyond_shared_memory() -> None:
    with pytest.raises(KernelError, match="undefined behaviour"):
        sums(SUM.replace("part[threadIdx.x] = sum", "part[threadIdx.x + 1] = sum"), 1)


def test_an_address_beyond_an_array() -> None:
    with pytest.raises(KernelError, match="not its own"):
        sums(SUM, 1, claimed=101)
    with pytest.raises(KernelError, match="not its own"):
        sums(SUM.replace("* n + i]", "* n + i - 1]"), 1, at_end=False)
    assert sums(SUM, 1), "the next kernel runs as if nothing had happened"


def test_shared_memory_begins_with_nonsense() -> None:
    text = SUM.replace("part[threadIdx.x] = sum;", "part[threadIdx.x] += sum;")
    assert not sums(text, 1)


def test_the_order_of_threads_depends_on_the_seed() -> None:
    text = """
    extern "C" __global__ void order(int* out, int* next) {
        __syncthreads();
        out[threadIdx.x] = next[0]++;
    }
    """
    seen = set()
    for seed in (1, 2, 2):
        out, count = np.zeros(16, np.int32), np.zeros(1, np.int32)
        launch(text, "order", (1,), (16,), (out.ctypes.data, count.ctypes.data), seed)
        assert sorted(out) == list(range(16))
        seen.add(out.tobytes())
    assert len(seen) == 2
