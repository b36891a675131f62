"""One word to the C library's allocator, so that arrays come from memory that is already there.

glibc takes every block above a threshold (128 kB at first) from the kernel anew, page fault by page fault, and gives it
back at once. It raises the threshold to the size of the largest such block it has seen freed, up to 32 MB (mallopt(3),
M_MMAP_THRESHOLD). A training step allocates the same few large arrays again and again; without this each step of a
CIFAR network at batch 64 takes about 2,900 page faults and twice the time.
"""

from __future__ import annotations

import numpy as np

LARGEST = 32 * 2**20 - 2**16  # just below the most that glibc accepts


def settle() -> None:
    """Allocate and free one large block. Nothing is written to it, so it costs no memory; elsewhere it does nothing."""
    np.empty(LARGEST, dtype=np.uint8)
