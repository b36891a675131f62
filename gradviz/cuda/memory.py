"""Memory of GPUs in numbers (torch.cuda): bytes in use, their peak, bytes kept in the pool."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from typing import Any

from ..gpu import backend
from ..gpu.backend import cupy
from ..gpu.memory import Account, settle, shown, statistics
from .devices import index_of, require_index


def _account(device: Any) -> Account | None:
    """The account of a device; None where no device has been used, as then nothing can be in use."""
    if not backend.opened():
        return None
    return settle(cupy(), index_of(device))


def memory_allocated(device: Any = None) -> int:
    """The bytes that tensors hold on a device."""
    account = _account(device)
    return 0 if account is None else account.allocated.current


def max_memory_allocated(device: Any = None) -> int:
    """The most bytes that tensors have held, since the start or `reset_peak_memory_stats`."""
    account = _account(device)
    return 0 if account is None else account.allocated.peak


def memory_reserved(device: Any = None) -> int:
    """The bytes that the pool has taken from the driver, in use or not."""
    account = _account(device)
    return 0 if account is None else account.reserved.current


def max_memory_reserved(device: Any = None) -> int:
    """The most bytes that the pool has had."""
    account = _account(device)
    return 0 if account is None else account.reserved.peak


def reset_peak_memory_stats(device: Any = None) -> None:
    """Let peaks be counted from now on."""
    account = settle(cupy(), require_index(device))
    for counter in (account.blocks, account.requested, account.allocated, account.reserved):
        counter.reset_peak()


def reset_accumulated_memory_stats(device: Any = None) -> None:
    """Let what came and went be counted from now on."""
    account = settle(cupy(), require_index(device))
    for counter in (account.blocks, account.requested, account.allocated, account.reserved):
        counter.allocated = counter.freed = 0
    account.out_of_memory = 0


def memory_stats(device: Any = None) -> OrderedDict[str, int]:
    """Counts and bytes under PyTorch's names; empty where no device has been used.

    Only the names that CuPy's pool has numbers for: allocation, allocated_bytes, reserved_bytes (`.all.`), num_ooms.
    """
    account = _account(device)
    return OrderedDict() if account is None else statistics(account)


def memory_stats_as_nested_dict(device: Any = None) -> dict[str, Any]:
    """The same, a dict inside a dict for each point in a name."""
    made: dict[str, Any] = {}
    for name, number in memory_stats(device).items():
        *path, last = name.split(".")
        place = made
        for part in path:
            place = place.setdefault(part, {})
        place[last] = number
    return made


_ROWS = {
    "Allocated memory": "allocated_bytes", "GPU reserved memory": "reserved_bytes", "Allocations": "allocation",
}  # fmt: skip


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """The same as a table to print. `abbreviated` leaves out what came and went."""
    index = require_index(device)
    stats = memory_stats(index)
    parts = ("current", "peak") if abbreviated else ("current", "peak", "allocated", "freed")
    heads = {"current": "Cur Usage", "peak": "Peak Usage", "allocated": "Tot Alloc", "freed": "Tot Freed"}
    lines = [f"Memory of cuda:{index}   (out of memory: {stats.get('num_ooms', 0)} times)"]
    lines.append("".join([f"{'Metric':<20}", *(f"{heads[p]:>14}" for p in parts)]))
    for title, name in _ROWS.items():
        values = [stats.get(f"{name}.all.{p}", 0) for p in parts]
        texts = [str(v) if name == "allocation" else shown(v) for v in values]
        lines.append("".join([f"{title:<20}", *(f"{t:>14}" for t in texts)]))
    return "\n".join(lines)


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """The free and the total bytes of a device, as the driver says."""
    with cupy_device(device):
        free, total = cupy().cuda.runtime.memGetInfo()
    return int(free), int(total)


def cupy_device(device: Any) -> Any:
    """A context in which a device is the current one."""
    index = require_index(device)
    return cupy().cuda.Device(index)


def empty_cache() -> None:
    """Give the pool's unused memory back to the driver; nothing where no device has been used."""
    for place in backend.opened():
        with cupy().cuda.Device(place.index):
            cupy().get_default_memory_pool().free_all_blocks()
    if backend.opened():
        cupy().get_default_pinned_memory_pool().free_all_blocks()


def set_per_process_memory_fraction(fraction: float, device: Any = None) -> None:
    """Let the pool take no more than this share of a device's memory."""
    if not isinstance(fraction, float):
        raise TypeError("Invalid type for fraction argument, must be `float`")
    with cupy_device(device):
        if not 0 <= fraction <= 1:
            raise ValueError(f"Invalid fraction value: {fraction}. Allowed range: 0~1")
        cupy().get_default_memory_pool().set_limit(fraction=fraction)


def get_per_process_memory_fraction(device: Any = None) -> float:
    """The share of a device's memory that the pool may take; 1.0 where nothing was set."""
    with cupy_device(device):
        limit, (_, total) = cupy().get_default_memory_pool().get_limit(), cupy().cuda.runtime.memGetInfo()
    return limit / total if limit else 1.0


def get_allocator_backend() -> str:
    """How memory is taken from the driver: "native" is a pool over cudaMalloc, which CuPy's is."""
    return "native"


# -- older names -------------------------------------------------------------------------------------------------------
def reset_max_memory_allocated(device: Any = None) -> None:
    """`reset_peak_memory_stats`, with a FutureWarning."""
    _renamed("reset_max_memory_allocated")
    reset_peak_memory_stats(device)


def reset_max_memory_cached(device: Any = None) -> None:
    """`reset_peak_memory_stats`, with a FutureWarning."""
    _renamed("reset_max_memory_cached")
    reset_peak_memory_stats(device)


def memory_cached(device: Any = None) -> int:
    """`memory_reserved`, with a FutureWarning."""
    warnings.warn("`torch.cuda.memory_cached` has been renamed to `torch.cuda.memory_reserved`", FutureWarning, 2)
    return memory_reserved(device)


def max_memory_cached(device: Any = None) -> int:
    """`max_memory_reserved`, with a FutureWarning."""
    warnings.warn(
        "`torch.cuda.max_memory_cached` has been renamed to `torch.cuda.max_memory_reserved`", FutureWarning, 2
    )
    return max_memory_reserved(device)


def _renamed(name: str) -> None:
    text = f"torch.cuda.{name} now calls torch.cuda.reset_peak_memory_stats, which resets /all/ peak memory stats."
    warnings.warn(text, FutureWarning, stacklevel=3)
