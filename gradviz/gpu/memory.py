"""Memory of cuda devices: what is in use, its peak, pinned host memory, and PyTorch's error where there is no more.

CuPy keeps a pool for each device: freed memory stays in it for the next array. "Allocated" is what arrays hold,
"reserved" is what the pool has taken from the driver.
"""

from __future__ import annotations

import math
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.settings import OutOfMemoryError

MIB = 2**20


class Counter:
    """Bytes of one kind on one device: now, at most, and all that came and went."""

    __slots__ = ("allocated", "current", "freed", "peak")

    def __init__(self) -> None:
        self.current = self.peak = self.allocated = self.freed = 0

    def add(self, n: int) -> None:
        self.current = now = self.current + n
        self.allocated += n
        if now > self.peak:
            self.peak = now

    def remove(self, n: int) -> None:
        self.current -= n
        self.freed += n

    def reset_peak(self) -> None:
        self.peak = self.current


class Account:
    """What a device's pool has handed out: blocks and bytes of arrays, and bytes taken from the driver."""

    def __init__(self) -> None:
        self.blocks, self.requested, self.allocated, self.reserved = Counter(), Counter(), Counter(), Counter()
        self.out_of_memory = 0


class _Accounts(dict[int, Account]):
    """The account of each device, begun when it is first asked for."""

    def __missing__(self, index: int) -> Account:
        return self.setdefault(index, Account())


accounts = _Accounts()
# The hook that all threads share, and which of them have it: CuPy's hooks belong to a thread.
_watching: list[Any] = []
_thread = threading.local()
# The pools of graphs, each of which has `memory`, CuPy's pool.
pools: weakref.WeakSet[Any] = weakref.WeakSet()


def watch(cp: Any, index: int) -> None:
    """Begin to keep account of a device."""
    if not _watching:
        _watching.append(_hook_type(cp)())
        cp.cuda.set_allocator(telling(cp, cp.cuda.get_allocator()))  # which a program may have set


def telling(cp: Any, malloc: Callable[[int], Any]) -> Callable[[int], Any]:
    """An allocator that keeps account and has PyTorch's error where there is no more memory."""

    def allocate(size: int) -> Any:
        if getattr(_thread, "hook", None) is not _watching[0]:
            _thread.hook = _watching[0]
            _thread.hook.__enter__()
        try:
            return malloc(size)
        except cp.cuda.memory.OutOfMemoryError as error:
            raise _out_of_memory(cp, size) from error

    return allocate


def _hook_type(cp: Any) -> type:
    """A class of hooks that CuPy calls with every block that is handed out or taken back."""
    of = accounts  # arrays are freed when the program ends, and this module may already be empty then

    class Watch(cp.cuda.MemoryHook):  # type: ignore[misc]
        name = "gradviz"

        # A pointer of 0 says that there was no memory.
        def alloc_postprocess(self, **told: Any) -> None:
            if told["mem_ptr"]:
                of[told["device_id"]].reserved.add(told["mem_size"])

        def malloc_postprocess(self, **told: Any) -> None:
            if not told["mem_ptr"]:
                return
            account = of[told["device_id"]]
            account.blocks.add(1)
            account.requested.allocated += told["size"]  # a freed block no longer knows what was asked
            account.allocated.add(told["mem_size"])

        def free_postprocess(self, **told: Any) -> None:
            account = of[told["device_id"]]
            account.blocks.remove(1)
            account.allocated.remove(told["mem_size"])

    return Watch


def _out_of_memory(cp: Any, size: int) -> OutOfMemoryError:
    index = int(cp.cuda.runtime.getDevice())
    accounts[index].out_of_memory += 1
    free, total = cp.cuda.runtime.memGetInfo()
    used, taken = pool_bytes(cp, index)
    return OutOfMemoryError(
        f"CUDA out of memory. Tried to allocate {shown(size)}. GPU {index} has a total capacity of {shown(total)} of "
        f"which {shown(free)} is free. Of the allocated memory {shown(used)} is allocated by gradviz, and "
        f"{shown(taken - used)} is reserved by gradviz but unallocated."
    )


def shown(n: int) -> str:
    """A number of bytes as PyTorch's messages write it."""
    for unit, size in (("GiB", 2**30), ("MiB", MIB), ("KiB", 2**10)):
        if n >= size:
            return f"{n / size:.2f} {unit}"
    return f"{n} bytes"


def pool_bytes(cp: Any, index: int) -> tuple[int, int]:
    """The bytes that arrays of a device hold now, and those its pools have taken from the driver."""
    with cp.cuda.Device(index):
        every = (cp.get_default_memory_pool(), *(pool.memory for pool in pools))
        return sum(int(pool.used_bytes()) for pool in every), sum(int(pool.total_bytes()) for pool in every)


def settle(cp: Any, index: int) -> Account:
    """The account of a device, brought in line with what the pool itself says (other threads' arrays, freed blocks)."""
    account = accounts[index]
    for counter, n in zip((account.allocated, account.reserved), pool_bytes(cp, index), strict=True):
        counter.current = n
        counter.peak = max(counter.peak, n)
    return account


def statistics(account: Account) -> OrderedDict[str, int]:
    """An account under PyTorch's names, those of them that CuPy's pool has numbers for."""
    made: OrderedDict[str, int] = OrderedDict()
    for name, counter in (
        ("allocated_bytes", account.allocated), ("allocation", account.blocks),
        ("requested_bytes", account.requested), ("reserved_bytes", account.reserved),
    ):  # fmt: skip
        for part in ("allocated", "current", "freed", "peak"):
            if counter is not account.requested or part == "allocated":
                made[f"{name}.all.{part}"] = getattr(counter, part)
    made["num_ooms"] = account.out_of_memory
    return made


# -- pinned host memory ------------------------------------------------------------------------------------------------
def pinned(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A copy of a host array in memory that the GPU reads and writes by itself (page-locked)."""
    made = pinned_like(array)
    made[...] = array
    return made


def pinned_like(array: Any) -> np.ndarray[Any, Any]:
    """Page-locked host memory for the shape and type of an array, in rows."""
    from .backend import cupy

    memory = cupy().cuda.alloc_pinned_memory(max(array.nbytes, 1))
    count = math.prod(array.shape)
    made: np.ndarray[Any, Any] = np.frombuffer(memory, array.dtype, count) if count else np.empty(0, array.dtype)
    return made.reshape(array.shape)


def is_pinned(array: Any) -> bool:
    """Whether the memory of a host array is page-locked: whether CuPy's pinned pool owns it."""
    held = array
    while held is not None:
        if type(held).__name__ == "PinnedMemoryPointer":
            return True
        held = held.obj if isinstance(held, memoryview) else getattr(held, "base", None)
    return False
