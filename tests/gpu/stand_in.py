"""A stand-in for the module CuPy on a machine with two GPUs, for gradviz.gpu and gradviz.cuda. No GPU code is executed.

Arrays are the strict device's, each on one of two devices: what touches one while the other is current fails, as it
does without peer access. Streams and events only keep order and time; pools count bytes; kernels are run by g++ on the
CPU; a captured graph is done again on the same memory. Whatever is asked for by a name that CuPy's wheel does not have
fails.
"""

from __future__ import annotations

import functools
import importlib.machinery
import math
import sys
import time
import types
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np

from tests import cublas_on_cpu
from tests.cublas_on_cpu import cublas
from tests.cupy_ways import WAYS
from tests.gpu import run_kernel
from tests.gpu.cupy_names import known
from tests.strict_device import Namespace, StrictArray, sp
from tests.strict_machine import here, replay

CUPY = known()
COUNT = 2
CAPACITY = 256 * 2**20  # bytes of each device
RELAXED = 2


class CUDARuntimeError(RuntimeError):
    pass


class OutOfMemoryError(MemoryError):
    pass


class Block:
    """Memory of a pool, given back when nothing refers to it (CuPy's MemoryPointer)."""

    def __init__(self, pool: Pool, device: int, size: int) -> None:
        self.pool, self.device, self.size = pool, device, size
        weakref.finalize(self, pool.take_back, device, size, here.capture)


class Pool:
    """A pool of memory for each device, in blocks of 512 bytes."""

    def __init__(self, allocator: Any = None) -> None:
        self.used, self.free, self.limit = [0] * COUNT, [0] * COUNT, [0] * COUNT
        self.recycled = False  # whether a graph has memory here for more than one thing
        POOLS.add(self)

    def malloc(self, size: int) -> Block:
        device = here.device or 0
        size = max(-(-size // 512) * 512, 512)
        if size > self.free[device]:
            if here.capture is not None and here.capture_mode != RELAXED:
                raise CUDARuntimeError("cudaErrorStreamCaptureUnsupported: cudaMalloc while a stream is capturing")
            taken = sum(p.used[device] + p.free[device] for p in POOLS)
            own = self.used[device] + self.free[device]
            if taken + size > CAPACITY or (self.limit[device] and own + size > self.limit[device]):
                tell("alloc_postprocess", device_id=device, mem_size=size, mem_ptr=0)
                tell("malloc_postprocess", device_id=device, size=size, mem_size=size, mem_ptr=0, pmem_id=0)
                raise OutOfMemoryError(f"Out of memory allocating {size:,} bytes")
            self.free[device] += size
            tell("alloc_postprocess", device_id=device, mem_size=size, mem_ptr=512)
        self.free[device] -= size
        self.used[device] += size
        tell("malloc_postprocess", device_id=device, size=size, mem_size=size, mem_ptr=512, pmem_id=512)
        return Block(self, device, size)

    def take_back(self, device: int, size: int, capture: Any) -> None:
        self.recycled |= capture is not None and capture is here.capture
        self.used[device] -= size
        self.free[device] += size
        tell("free_postprocess", device_id=device, mem_size=size, mem_ptr=512, pmem_id=512)

    def used_bytes(self) -> int:
        return self.used[here.device or 0]

    def total_bytes(self) -> int:
        return self.used[here.device or 0] + self.free[here.device or 0]

    def free_all_blocks(self, stream: Any = None) -> None:
        self.free[here.device or 0] = 0

    def get_limit(self) -> int:
        return self.limit[here.device or 0]

    def set_limit(self, size: int | None = None, fraction: float | None = None) -> None:
        self.limit[here.device or 0] = int(CAPACITY * fraction) if fraction is not None else size or 0


POOLS: weakref.WeakSet[Pool] = weakref.WeakSet()
HOOKS: list[Any] = []


def tell(what: str, **told: Any) -> None:
    for hook in HOOKS:
        getattr(hook, what)(**told)


class MemoryHook:
    name = "MemoryHook"

    def alloc_postprocess(self, **told: Any) -> None: ...
    def malloc_postprocess(self, **told: Any) -> None: ...
    def free_postprocess(self, **told: Any) -> None: ...

    def __enter__(self) -> Any:
        HOOKS.append(self)
        return self

    def __exit__(self, *exc: object) -> None:
        HOOKS.remove(self)


class Device:
    def __init__(self, device: int | None = None) -> None:
        self.id = (here.device or 0) if device is None else int(device)
        self.before: list[int | None] = []

    def __enter__(self) -> Self:
        self.before.append(here.device)
        here.device = self.id
        return self

    def __exit__(self, *exc: object) -> None:
        here.device = self.before.pop()

    @property
    def compute_capability(self) -> str:
        return "{major}{minor}".format(**properties(self.id))

    def use(self) -> None:
        here.device = self.id

    def synchronize(self) -> None:
        here.wait("synchronize")


class Stream:
    null: Stream
    ptds: Stream
    _next = 0x1000

    def __init__(
        self, null: bool = False, non_blocking: bool = False, ptds: bool = False, priority: Any = None
    ) -> None:
        Stream._next += 16
        self.ptr = 0 if null else 2 if ptds else Stream._next
        self.device_id = -1 if null or ptds else here.device
        self.steps: list[Any] | None = None

    done = True

    def synchronize(self) -> None:
        here.wait("synchronize")

    def record(self, event: Event | None = None) -> Event:
        made = Event() if event is None else event
        made.record(self)
        return made

    def wait_event(self, event: Event) -> None:
        assert event.at is not None

    def use(self) -> None:
        if self.device_id not in (-1, here.device):
            raise RuntimeError("The device that the stream is created on does not match with the current device")
        STREAMS[here.device or 0] = self

    def begin_capture(self, mode: int | None = None) -> None:
        assert self.ptr, "cannot capture the null stream"
        here.capture, here.capture_mode = [], RELAXED if mode is None else mode

    def end_capture(self) -> Graph:
        steps, here.capture = here.capture, None
        assert steps is not None
        return Graph(steps)

    def is_capturing(self) -> bool:
        return here.capture is not None


Stream.null = Stream(null=True)
Stream.ptds = Stream(ptds=True)
STREAMS = [Stream.null] * COUNT


class Event:
    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False) -> None:
        self.timed, self.at = not disable_timing, None

    def record(self, stream: Any = None) -> None:
        self.at = time.perf_counter()

    def synchronize(self) -> None:
        here.wait("synchronize")

    done = True


class Graph:
    def __init__(self, steps: list[Any]) -> None:
        self.steps = steps

    def launch(self, stream: Any = None) -> None:
        replay(self.steps)

    def upload(self, stream: Any = None) -> None: ...

    def debug_dot_str(self, flags: int | None = None) -> str:
        names = [getattr(function, "__name__", "kernel") for function, *_ in self.steps]
        boxes = "".join(f'n{i} [label="{name}"];\n' for i, name in enumerate(names))
        return "digraph dot {\n" + boxes + "".join(f"n{i} -> n{i + 1};\n" for i in range(len(names) - 1)) + "}\n"


class PinnedMemoryPointer(bytearray):
    """Page-locked memory of the host."""


class RawModule:
    """Kernels from their text, run on the CPU."""

    def __init__(
        self, code: str | None = None, *, path: Any = None, options: tuple[str, ...] = (), **rest: Any
    ) -> None:
        assert code is not None
        assert set(rest) <= set(CUPY["cupy.RawModule"]["()"])
        self.code = code

    def get_function(self, name: str) -> Any:
        def kernel(
            grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...], *, shared_mem: int = 0
        ) -> None:
            assert all(isinstance(a, (StrictArray, np.generic)) for a in args), "CuPy takes arrays and NumPy's numbers"
            run_kernel.check_arguments(self.code, name, args)
            assert 0 < max(grid) < 2**31, grid
            assert 0 < math.prod(block) <= 1024, block
            given = tuple(opened_for_kernel(a) for a in args)

            def run(*values: Any) -> None:
                pointers = [a.ctypes.data if isinstance(a, np.ndarray) else a for a in values]
                run_kernel.launch(self.code, name, grid, block, tuple(pointers))

            run.__name__, run.kernel = name, True  # type: ignore[attr-defined]
            if here.capture is None:
                here.launch(name, run, given, {})
                return
            here.capture.append((run, given, {}, None))  # what it reads is not there before the replay
            here.launches[name] += 1

        return kernel


def opened_for_kernel(value: Any) -> Any:
    if not isinstance(value, StrictArray):
        return value
    assert value.place == here.device, "an array of another device"
    return value._a


def asnumpy(a: Any, stream: Any = None, order: str = "C", out: Any = None, *, blocking: bool = True) -> Any:
    return a.get(stream, order, out, blocking) if isinstance(a, StrictArray) else np.asarray(a)


def exchange_capture_mode(mode: int) -> int:
    before, here.capture_mode = here.capture_mode, mode
    return before


def properties(device: int) -> dict[str, Any]:
    return {
        "name": b"Stand-in GPU", "major": 8, "minor": 0, "totalGlobalMem": CAPACITY, "multiProcessorCount": 4,
        "warpSize": 32, "maxThreadsPerMultiProcessor": 2048, "sharedMemPerBlock": 49152, "regsPerMultiprocessor": 65536,
        "l2CacheSize": 2**20, "integrated": 0, "isMultiGpuBoard": 0,
    }  # fmt: skip


def set_device(device: int) -> None:
    if not 0 <= device < COUNT:
        raise CUDARuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
    here.device = device


def mem_get_info() -> tuple[int, int]:
    taken = sum(p.used[here.device or 0] + p.free[here.device or 0] for p in POOLS)
    return CAPACITY - taken, CAPACITY


def set_allocator(allocator: Any) -> None:
    assert not here.allocators, "the global allocator cannot be changed inside using_allocator"
    here.allocate = allocator


@contextmanager
def errstate(*, linalg: str | None = None, **others: Any) -> Iterator[None]:
    assert set(others) <= {"divide", "over", "under", "invalid"}
    before, here.linalg = here.linalg, linalg or here.linalg
    try:
        yield
    finally:
        here.linalg = before


@contextmanager
def using_allocator(allocator: Any) -> Iterator[None]:
    before, here.allocate = here.allocate, allocator
    here.allocators += 1
    try:
        yield
    finally:
        here.allocate = before
        here.allocators -= 1


def module(path: str, **names: Any) -> types.ModuleType:
    """A module of these names, each of which CuPy has."""
    missing = set(names) - set(CUPY[path]) - {"__version__"}
    assert not missing, f"{path} has no {missing}"
    made = types.ModuleType(path)
    made.__dict__.update(names)
    return made


def set_compute_type(dtype: Any, compute_type: int) -> None:
    assert np.dtype(dtype) == np.float32
    assert compute_type in (cublas_on_cpu.DEFAULT, cublas_on_cpu.TF32)
    cublas.compute = compute_type


def set_math_mode(handle: int, mode: int) -> None:
    assert (handle, mode & ~16) in ((handle_here(), 0), (handle_here(), cublas_on_cpu.TF32_MATH))
    cublas.math = mode


class Cublas:
    """libcublas, as far as it is called directly."""

    def __init__(self) -> None:
        self.stream: dict[int, int] = {}
        self.space: dict[int, int] = {}

    def cublasCreate_v2(self, pointer: Any) -> None:
        assert here.capture is None or here.capture_mode == RELAXED, "it takes memory"
        pointer._obj.value = 1000 * (len(self.stream) + 1) + handle_here()
        self.stream[pointer._obj.value] = 0

    def cublasSetStream_v2(self, handle: Any, stream: int) -> None:
        self.stream[handle.value] = stream
        self.space.pop(handle.value, None)

    def cublasSetWorkspace_v2(self, handle: Any, space: int, size: int) -> None:
        assert size >= 2**22
        self.space[handle.value] = space

    def cublasSetMathMode(self, handle: Any, mode: int) -> None:
        assert mode in (0, 16)
        cublas.direct = mode

    def cublasGemmStridedBatchedEx(self, handle: Any, *args: Any) -> None:
        assert handle.value % 1000 == handle_here()
        assert self.stream[handle.value] == STREAMS[here.device or 0].ptr
        assert self.space[handle.value], "cuBLAS would take memory for itself"
        names = ("transa", "transb", "m", "n", "k", "alpha", "A", "Atype", "lda", "strideA", "B", "Btype", "ldb",
                 "strideB", "beta", "C", "Ctype", "ldc", "strideC", "batchCount", "computeType", "algo")  # fmt: skip
        given = dict(zip(names, args, strict=True))
        arrays = tuple(given.pop(name).array for name in "ABC")
        here.launch("gemmStridedBatchedEx", cublas_on_cpu.strided_batched, arrays, given)


def handle_here() -> int:
    return 100 + (here.device or 0)


NOTED: list[tuple[Any, ...]] = []


def noted(*what: Any) -> int:
    """Something for a profiler, which is not here."""
    NOTED.append(what)
    return len(NOTED)


def build() -> dict[str, Any]:
    """The modules, by their names."""
    pool, pinned = Pool(), types.SimpleNamespace(free_all_blocks=lambda: None)
    runtime = module(
        "cupy.cuda.runtime",
        getDeviceCount=lambda: COUNT, getDevice=lambda: here.device or 0, setDevice=set_device, memGetInfo=mem_get_info,
        getDeviceProperties=properties, deviceCanAccessPeer=lambda device, peerDevice: 0, streamCaptureModeGlobal=0,
        driverGetVersion=lambda: 13000, streamCaptureModeThreadLocal=1, streamCaptureModeRelaxed=2,
        deviceGetPCIBusId=lambda device: f"0000:0{device + 1}:00.0",
    )  # fmt: skip
    cuda = module(
        "cupy.cuda", runtime=runtime, memory=module("cupy.cuda.memory", OutOfMemoryError=OutOfMemoryError),
        Device=Device, Stream=Stream, Event=Event, Graph=Graph, MemoryPool=Pool, MemoryHook=MemoryHook,
        ExternalStream=lambda ptr, device_id=-1: Stream(), using_allocator=using_allocator,
        alloc_pinned_memory=lambda size: PinnedMemoryPointer(size), is_available=lambda: True,
        set_allocator=set_allocator, get_allocator=lambda: here.allocate or pool.malloc,
        nvrtc=module("cupy.cuda.nvrtc", getVersion=lambda: (13, 0)),
        nvtx=module("cupy.cuda.nvtx", **{name: functools.partial(noted, name) for name in CUPY["cupy.cuda.nvtx"]}),
        profiler=module("cupy.cuda.profiler", start=lambda: noted("start"), stop=lambda: noted("stop")),
        get_current_stream=lambda device_id=-1: STREAMS[(here.device or 0) if device_id in (-1, None) else device_id],
        get_cublas_handle=handle_here,
        get_elapsed_time=lambda start_event, end_event: (end_event.at - start_event.at) * 1e3,
    )  # fmt: skip
    cupy = Namespace("cupy", "numpy")
    cupy.__dict__.update(
        cuda=cuda, asnumpy=asnumpy, RawModule=RawModule, get_default_memory_pool=lambda: pool,
        get_default_pinned_memory_pool=lambda: pinned, is_available=lambda: True, __version__="14.2.0 (stand-in)",
    )  # fmt: skip
    cuda.cublas = module(  # type: ignore[attr-defined]
        "cupy.cuda.cublas", getMathMode=lambda handle: cublas.math, setMathMode=set_math_mode
    )
    numbers = {"COMPUTE_TYPE_DEFAULT": cublas_on_cpu.DEFAULT, "COMPUTE_TYPE_TF32": cublas_on_cpu.TF32}
    core = module("cupy._core", get_compute_type=lambda dtype: cublas.compute, set_compute_type=set_compute_type)
    core._routines_linalg = module("cupy._core._routines_linalg", **numbers)  # type: ignore[attr-defined]
    cupy.__dict__["_core"] = core
    scipy = types.ModuleType("cupyx.scipy")
    modules = {"cupy": cupy, "cupyx": module("cupyx", errstate=errstate), "cupyx.scipy": scipy}
    modules |= {f"cupyx.scipy.{name}": getattr(sp, name) for name in vars(sp)}
    for name, made in modules.items():
        made.__spec__ = importlib.machinery.ModuleSpec(name, None)
    return modules


@contextmanager
def two_gpus() -> Iterator[Any]:
    """A `with` block in which gradviz finds CuPy and two GPUs, beginning with no device open."""
    from gradviz.core import checks, device, random
    from gradviz.gpu import backend, capture_mode, cublas_library, late, memory

    tables = [device._known, random._others, backend._opened, memory.accounts, late._checks]
    tables.append(checks._later)
    kept = [dict(table) for table in tables]
    driver = capture_mode.exchange
    capture_mode.exchange = lambda: exchange_capture_mode  # type: ignore[assignment]
    library, found = cublas_library.find, Cublas()
    cublas_library.find = lambda: found  # type: ignore[assignment, return-value]
    watching, streams = list(memory._watching), list(STREAMS)
    modules = build()
    sys.modules.update(modules)
    here.device, here.linalg, here.ways = 0, "ignore", WAYS
    here.reset()
    cublas.reset()
    try:
        yield modules["cupy"]
    finally:
        here.device = here.capture = here.allocate = None
        here.linalg, here.ways = "raise", {}
        backend._current.set(0)
        device.Several.guarded = False
        capture_mode.exchange = driver
        cublas_library.find = library
        cublas_library._here.made.clear()
        POOLS.clear()
        late.Told.mode = 0
        HOOKS.clear()
        NOTED.clear()
        STREAMS[:] = streams
        memory._watching[:] = watching
        for table, before in zip(tables, kept, strict=True):
            table.clear()
            table.update(before)
        for name in modules:
            del sys.modules[name]
