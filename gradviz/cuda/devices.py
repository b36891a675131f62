"""Which GPUs there are, which one is current, and what they can do (torch.cuda)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..core.device import Device, Named, device_name
from ..core.tensor import Tensor
from ..gpu import backend
from ..gpu.backend import unusable, why_not
from ..gpu.late import settle


def is_available() -> bool:
    """Whether a CUDA device can be used."""
    return device_count() > 0


def device_count() -> int:
    """The number of CUDA devices that can be used; 0 without CuPy or a driver."""
    return backend.device_count()


def is_initialized() -> bool:
    """Whether a CUDA device has been used so far."""
    return bool(backend.opened())


def init() -> None:
    """Open the current device now rather than when it is first used."""
    _require()
    backend.open_device("cuda")


def _require() -> None:
    if why_not():
        raise unusable()


def index_of(device: Any, optional: bool = True) -> int:
    """The number of a cuda device given as a number, a string, a Device or None for the current one."""
    if isinstance(device, str):
        device = Named(device_name(device))
    if isinstance(device, Device):
        if device.type != "cuda":
            raise ValueError(f"Expected a cuda device, but got: {device}")
        device = device.index
    if device is None:
        if not optional:
            raise ValueError(
                f"Expected a torch.device with a specified index or an integer, but got:{device}",
            )
        _require()
        return backend.current_index()
    return int(device)


def require_index(device: Any) -> int:
    """The number of a device that is there."""
    _require()
    index = index_of(device)
    if not 0 <= index < device_count():
        raise AssertionError("Invalid device id")
    return index


def current_device() -> int:
    """The number of the current device: where "cuda" without a number puts things."""
    _require()
    return backend.current_index()


def set_device(device: Any) -> None:
    """Make a device the current one of this thread. A negative number changes nothing."""
    index = index_of(device, optional=False)
    if index >= 0:
        backend.open_device(device_name("cuda", index))
        backend.set_current(index)


class device:
    """A `with` block in which another device is the current one; a negative number or None changes nothing."""

    def __init__(self, device: Any) -> None:
        self.idx = None if device is None else index_of(device)
        self.prev_idx = -1

    def __enter__(self) -> None:
        if self.idx is not None and self.idx >= 0:
            _require()
            self.prev_idx = backend.current_index()
            backend.open_device(f"cuda:{self.idx}")
            backend.set_current(self.idx)

    def __exit__(self, *exc: object) -> None:
        if self.idx is not None and self.idx >= 0:
            backend.set_current(self.prev_idx)


class device_of(device):
    """A `with` block in which the device of a tensor is the current one; nothing changes for a tensor of the CPU."""

    def __init__(self, obj: Tensor) -> None:
        super().__init__(obj.get_device() if obj.is_cuda else -1)


@dataclass(frozen=True)
class Properties:
    """What a GPU is: its name, its compute capability, its memory in bytes, how many processors it has."""

    name: str
    major: int
    minor: int
    total_memory: int
    multi_processor_count: int
    warp_size: int
    max_threads_per_multi_processor: int
    shared_memory_per_block: int
    regs_per_multiprocessor: int
    L2_cache_size: int
    is_integrated: bool
    is_multi_gpu_board: bool

    def __repr__(self) -> str:
        return (
            f"_CudaDeviceProperties(name={self.name!r}, major={self.major}, minor={self.minor}, "
            f"total_memory={self.total_memory // 2**20}MB, multi_processor_count={self.multi_processor_count}, "
            f"L2_cache_size={self.L2_cache_size // 2**20}MB)"
        )


# Field by field, the driver's name for it.
_FIELDS = {
    "major": "major", "minor": "minor", "total_memory": "totalGlobalMem",
    "multi_processor_count": "multiProcessorCount", "warp_size": "warpSize",
    "max_threads_per_multi_processor": "maxThreadsPerMultiProcessor", "shared_memory_per_block": "sharedMemPerBlock",
    "regs_per_multiprocessor": "regsPerMultiprocessor", "L2_cache_size": "l2CacheSize",
    "is_integrated": "integrated", "is_multi_gpu_board": "isMultiGpuBoard",
}  # fmt: skip


def get_device_properties(device: Any = None) -> Properties:
    """What a device is and can do."""
    index = require_index(device)
    told = backend.cupy().cuda.runtime.getDeviceProperties(index)
    values = {ours: told[theirs] for ours, theirs in _FIELDS.items()}
    values |= {name: bool(values[name]) for name in ("is_integrated", "is_multi_gpu_board")}
    return Properties(name=told["name"].decode(), **values)


def get_device_name(device: Any = None) -> str:
    """The name of a device."""
    return get_device_properties(device).name


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """The compute capability of a device, such as (9, 0)."""
    found = get_device_properties(device)
    return found.major, found.minor


def get_arch_list() -> list[str]:
    """The architectures that kernels are compiled for: CuPy compiles them here, for the devices that are there."""
    found = {get_device_capability(i) for i in range(device_count())}
    return [f"sm_{major}{minor}" for major, minor in sorted(found)]


def get_gencode_flags() -> str:
    """Those architectures as flags of NVIDIA's compiler."""
    numbers = [name.removeprefix("sm_") for name in get_arch_list()]
    return " ".join(f"-gencode compute=compute_{n},code=sm_{n}" for n in numbers)


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether the current device computes in bfloat16: from compute capability 8.0 on, else slowly by emulation."""
    return is_available() and (including_emulation or get_device_capability()[0] >= 8)


def is_tf32_supported() -> bool:
    """Whether the current device has TF32: from compute capability 8.0 on."""
    return is_available() and get_device_capability()[0] >= 8


def can_device_access_peer(device: Any, peer_device: Any) -> bool:
    """Whether a device can read another one's memory."""
    first, second = require_index(device), require_index(peer_device)
    return bool(backend.cupy().cuda.runtime.deviceCanAccessPeer(first, second))


def synchronize(device: Any = None) -> None:
    """Wait until a device has done everything it was given."""
    index = require_index(device)
    backend.cupy().cuda.Device(index).synchronize()
    for place in backend.opened():
        if place.index == index:
            settle(place)
