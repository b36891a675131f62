"""What a program of PyTorch asks of torch.cuda besides tensors: on two stand-in GPUs, and where there is none.

CuPy is tests/gpu/stand_in.py: no GPU code is executed.
"""

from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz import cuda
from gradviz.core.device import as_device
from gradviz.gpu import backend, streams
from tests.strict_device import StrictArray
from tests.strict_machine import here

from .run_kernel import needs_compiler
from .stand_in import NOTED, Stream

# -- names -------------------------------------------------------------------------------------------------------------
# What torch.cuda has and gradviz.cuda has not, and why.
ABSENT = {
    "old storages": """BFloat16Storage BoolStorage ByteStorage CharStorage ComplexDoubleStorage ComplexFloatStorage
        DoubleStorage FloatStorage HalfStorage IntStorage LongStorage ShortStorage""",
    "PyTorch's own way to its C++ library": """CudaError DeferredCudaCallError check_error cudaStatus cudart
        current_blas_handle current_solver_handle default_generators ipc_collect jiterator""",
    "PyTorch's allocator, which CuPy's is not": """caching_allocator_alloc caching_allocator_delete MemPool use_mem_pool
        caching_allocator_disabled caching_allocator_enable CUDAPluggableAllocator change_current_allocator
        memory_snapshot host_memory_stats host_memory_stats_as_nested_dict reset_accumulated_host_memory_stats
        reset_peak_host_memory_stats""",
    "parts of a GPU, sparse tensors, ROCm": "GreenContext sparse tunable nccl",
}


def test_names_are_torchs() -> None:
    real = pytest.importorskip("torch", reason="torch is not installed")
    absent = {name for names in ABSENT.values() for name in names.split()}
    assert {name for name in real.cuda.__all__ if not hasattr(cuda, name)} == absent
    for module in ("nvtx", "profiler"):
        assert set(getattr(real.cuda, module).__all__) <= set(dir(getattr(cuda, module)))


WITHOUT = (
    "cuda.nvtx.range_push('a')", "cuda.profiler.start()", "cuda.get_sync_debug_mode()", "cuda.set_sync_debug_mode(1)",
    "cuda.synchronize()", "cuda.current_device()", "torch.ones(1).cuda()", "torch.ones(1, device='cuda')",
    "cuda.get_device_properties(0)", "torch.ones(1).pin_memory()", "cuda.current_stream()", "cuda.CUDAGraph()",
    "cuda.memory_summary()", "cuda.get_per_process_memory_fraction()", "torch.nn.Linear(1, 1).to('cuda')",
)  # fmt: skip


def told(error: BaseException) -> str:
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


@pytest.mark.parametrize("call", WITHOUT)
def test_without_a_gpu_every_error_says_why_and_what_to_install(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend.importlib.util, "find_spec", lambda name: None)
    with pytest.raises((AssertionError, RuntimeError)) as found:
        eval(call)
    assert 'CuPy is not installed. With an NVIDIA GPU and its driver: pip install "gradviz[cuda12]"' in told(
        found.value
    )


@pytest.mark.parametrize(("library", "name"), [("nvrtc", "NVRTC"), ("cublas", "cuBLAS")])
def test_a_gpu_without_cudas_libraries_is_not_used(library: str, name: str, machine: Any) -> None:
    def missing(*_: Any) -> Any:
        raise RuntimeError(f"Failure finding lib{library}\nNo such file")

    backend._lacking.cache_clear()
    broken = types.ModuleType(library)
    broken.__getattr__ = missing  # type: ignore[method-assign]
    setattr(machine.cuda, library, broken)
    try:
        assert not cuda.is_available()
        with pytest.raises(RuntimeError) as found:
            torch.ones(1, device="cuda")
        assert f"finds a GPU, but not CUDA's library {name} (Failure finding lib{library})" in told(found.value)
    finally:
        backend._lacking.cache_clear()


# -- profilers, sensors, waits -----------------------------------------------------------------------------------------
def test_stretches_are_named_for_the_profiler(machine: Any) -> None:
    @cuda.nvtx.range("step {}", 3)
    def step() -> int:
        return cuda.nvtx.range_push("inner")

    assert (step(), cuda.nvtx.range_pop()) == (1, 0)
    cuda.nvtx.range_end(cuda.nvtx.range_start("apart"))
    cuda.nvtx.mark("here")
    with cuda.profiler.profile():
        NOTED.append(("between",))
    assert [what[0] for what in NOTED] == [
        "RangePush", "RangePush", "RangePop", "RangePop", "RangeStart", "RangeEnd", "Mark", "start", "between", "stop",
    ]  # fmt: skip
    assert NOTED[0] == ("RangePush", "step 3")


def test_sensors_ask_nvml_by_the_address_of_the_device(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(ModuleNotFoundError, match=r"nvidia-ml-py does not seem to be installed"):
        cuda.temperature()
    assert cuda.list_gpu_processes() == "pynvml module not found, please install nvidia-ml-py"
    nvml: Any = types.SimpleNamespace(
        nvmlInit=lambda: None, NVMLError_DriverNotLoaded=KeyError, nvmlDeviceGetHandleByPciBusId=bytes.decode,
        nvmlDeviceGetTemperature=lambda handle, kind: {"0000:02:00.0": 54}[handle] + kind,
        nvmlDeviceGetUtilizationRates=lambda handle: types.SimpleNamespace(gpu=90, memory=40),
        nvmlDeviceGetPowerUsage=lambda handle: 250_000, nvmlDeviceGetClockInfo=lambda handle, kind: 1980,
        nvmlDeviceGetMemoryInfo=lambda handle: types.SimpleNamespace(used=7),
        nvmlDeviceGetComputeRunningProcesses=lambda handle: [types.SimpleNamespace(pid=42, usedGpuMemory=3 * 2**20)],
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    assert [cuda.temperature(1), cuda.utilization(1), cuda.memory_usage(1)] == [54, 90, 40]
    assert [cuda.power_draw(), cuda.clock_rate(), cuda.device_memory_used()] == [250_000, 1980, 7]
    assert cuda.list_gpu_processes(1) == "GPU:1\nprocess         42 uses        3.000 MB GPU memory"


def test_waits_are_told_if_asked_for(machine: Any) -> None:
    x = torch.ones(3, device="cuda")
    assert cuda.get_sync_debug_mode() == 0
    cuda.set_sync_debug_mode("warn")
    with pytest.warns(UserWarning, match="called a synchronizing CUDA operation"):
        x.sum().item()
    cuda.set_sync_debug_mode(2)
    with pytest.raises(RuntimeError, match="called a synchronizing CUDA operation"):
        x.cpu()
    for wrong in ("loud", 3):
        with pytest.raises(RuntimeError, match="invalid value of debug_mode, expected one of"):
            cuda.set_sync_debug_mode(wrong)
    cuda.set_sync_debug_mode("default")
    assert x.tolist() == [1.0, 1.0, 1.0]


def test_memory_in_other_words(machine: Any) -> None:
    x = torch.ones(1000, device="cuda")
    nested = cuda.memory_stats_as_nested_dict()
    assert nested["allocated_bytes"]["all"]["current"] == cuda.memory_allocated() >= 4000
    cuda.reset_accumulated_memory_stats()
    assert cuda.memory_stats()["allocated_bytes.all.allocated"] == 0
    for name, like in (("memory_cached", "memory_reserved"), ("max_memory_cached", "max_memory_reserved")):
        with pytest.warns(FutureWarning, match=f"renamed to `torch.cuda.{like}`"):
            assert getattr(cuda, name)() == getattr(cuda, like)()
    with pytest.warns(FutureWarning, match="which resets /all/ peak memory stats"):
        cuda.reset_max_memory_allocated()
    assert cuda.max_memory_allocated() == cuda.memory_allocated()
    assert cuda.get_per_process_memory_fraction() == 1.0
    cuda.set_per_process_memory_fraction(0.5)
    assert cuda.get_per_process_memory_fraction() == 0.5
    cuda.set_per_process_memory_fraction(1.0)
    assert (cuda.get_allocator_backend(), x.numel()) == ("native", 1000)
    stream = cuda.get_stream_from_external(cuda.Stream().cuda_stream)
    assert isinstance(stream, cuda.ExternalStream)


def test_an_allocator_of_the_program_is_kept(machine: Any) -> None:
    sizes: list[int] = []

    def own(size: int) -> Any:
        sizes.append(size)
        return machine.get_default_memory_pool().malloc(size)

    machine.cuda.set_allocator(own)
    torch.ones(1000, device="cuda")
    assert 4000 in sizes


# -- several streams and devices ---------------------------------------------------------------------------------------
def test_what_is_moved_between_devices_is_in_order_before_the_event(
    machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CuPy would put it in order in the source's stream after the event that the other stream waits for."""
    seen: list[str] = []
    record, copy = Stream.record, StrictArray.copy  # type: ignore[attr-defined]
    monkeypatch.setattr(Stream, "record", lambda self, event=None: (seen.append("event"), record(self, event))[1])

    def noting(self: StrictArray, *args: Any) -> Any:
        seen.append("copy in order" if self.flags.c_contiguous else "copy out of order")
        return copy(self, *args)

    monkeypatch.setattr(StrictArray, "copy", noting)
    x = torch.arange(6.0, device="cuda:0").reshape(2, 3).T
    assert x.to("cuda:1").tolist() == [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
    assert seen[:3] == ["copy out of order", "event", "copy in order"]


def test_pinned_memory_is_kept_while_it_is_copied(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """CuPy's pool would hand it out again, and the next batch would be written over the last."""
    streams._held.clear()
    monkeypatch.setattr(streams.Event, "query", lambda self: False)
    batch = torch.ones(3).pin_memory()
    there = batch.to("cuda", non_blocking=True)
    back = there.to("cpu", non_blocking=True)
    kept = [array for _, array in streams._held]
    assert any(array is batch._array for array in kept)
    assert any(array is back._array for array in kept)
    streams._held.clear()


@needs_compiler
def test_a_graph_is_replayed_on_its_own_device(machine: Any) -> None:
    with cuda.device(1):
        x, made = torch.ones(3, device="cuda:1"), cuda.CUDAGraph()
        with cuda.graph(made):
            y = torch.nn.functional.dropout(x, 0.5) + x
    torch.ones(1, device="cuda:0") + 1  # the device that CuPy has current now
    first = (made.replay(), y.tolist())[1]
    assert here.device == 1
    assert any((made.replay(), y.tolist())[1] != first for _ in range(5))


@needs_compiler
def test_a_graphs_memory_is_counted(machine: Any) -> None:
    x, made = torch.ones(100_000, device="cuda"), cuda.CUDAGraph()
    before = cuda.memory_allocated()
    with cuda.graph(made):
        y = x + 1
    assert cuda.memory_allocated() - before >= y.numel() * 4


def test_another_thread_works_on_while_a_graph_is_captured(machine: Any) -> None:
    import threading

    from gradviz.gpu import graphs

    made, seen = cuda.CUDAGraph(), []
    with cuda.graph(made):
        thread = threading.Thread(target=lambda: seen.append(graphs.capturing()))
        thread.start()
        thread.join()
        assert graphs.capturing()
    assert seen == [False]


@pytest.mark.parametrize("name", ["cholesky", "inv", "solve"])
def test_a_matrix_without_a_decomposition_is_told(name: str, machine: Any) -> None:
    """Left alone CuPy goes on with numbers that mean nothing."""
    bad = torch.tensor([[1.0, 2.0], [2.0, 1.0]] if name == "cholesky" else [[1.0, 2.0], [2.0, 4.0]])
    args = (bad, torch.ones(2)) if name == "solve" else (bad,)
    with pytest.raises(RuntimeError) as want:
        getattr(torch.linalg, name)(*args)
    with pytest.raises(type(want.value)) as found:
        getattr(torch.linalg, name)(*(a.to("cuda") for a in args))
    assert str(found.value) == str(want.value)
    raw = machine.linalg.cholesky(machine.asarray(np.array([[1.0, 2.0], [2.0, 1.0]])))
    assert np.isfinite(raw.get()).all()
    assert as_device("cuda").type == "cuda"
