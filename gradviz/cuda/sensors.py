"""What `nvidia-smi` tells of a GPU: how busy, how hot, who uses it (torch.cuda). It needs the package nvidia-ml-py."""

from __future__ import annotations

import importlib
from typing import Any

from ..gpu.backend import cupy
from .devices import require_index

MISSING = "nvidia-ml-py does not seem to be installed or it can't be imported."
CLOCK_SM = 1  # NVML_CLOCK_SM
TEMPERATURE_GPU = 0  # NVML_TEMPERATURE_GPU


def _library() -> Any:
    try:
        return importlib.import_module("pynvml")
    except ImportError as error:
        raise ModuleNotFoundError(MISSING) from error


def _handle(device: Any) -> tuple[Any, Any]:
    """NVML, and what it calls a device: by the address on the bus, as CUDA_VISIBLE_DEVICES may have renumbered them."""
    nvml = _library()
    try:
        nvml.nvmlInit()
    except nvml.NVMLError_DriverNotLoaded as error:
        raise RuntimeError("cuda driver can't be loaded, is cuda enabled?") from error
    address = cupy().cuda.runtime.deviceGetPCIBusId(require_index(device))
    return nvml, nvml.nvmlDeviceGetHandleByPciBusId(address.encode())


def utilization(device: Any = None) -> int:
    """The percent of the last moments (1/6 to 1 second) in which a kernel ran."""
    nvml, handle = _handle(device)
    return int(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)


def memory_usage(device: Any = None) -> int:
    """The percent of the last moments in which memory was read or written."""
    nvml, handle = _handle(device)
    return int(nvml.nvmlDeviceGetUtilizationRates(handle).memory)


def temperature(device: Any = None) -> int:
    """Degrees Celsius."""
    nvml, handle = _handle(device)
    return int(nvml.nvmlDeviceGetTemperature(handle, TEMPERATURE_GPU))


def power_draw(device: Any = None) -> int:
    """Milliwatts."""
    nvml, handle = _handle(device)
    return int(nvml.nvmlDeviceGetPowerUsage(handle))


def clock_rate(device: Any = None) -> int:
    """The clock of the processors, in MHz."""
    nvml, handle = _handle(device)
    return int(nvml.nvmlDeviceGetClockInfo(handle, CLOCK_SM))


def device_memory_used(device: Any = None) -> int:
    """The bytes in use on a device by everyone."""
    nvml, handle = _handle(device)
    return int(nvml.nvmlDeviceGetMemoryInfo(handle).used)


def list_gpu_processes(device: Any = None) -> str:
    """Who uses a device, and how much of its memory, as lines of text."""
    try:
        nvml, handle = _handle(device)
    except ModuleNotFoundError:
        return "pynvml module not found, please install nvidia-ml-py"
    found = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
    lines = [f"process {p.pid:>10d} uses {p.usedGpuMemory / 2**20:>12.3f} MB GPU memory" for p in found]
    return "\n".join([f"GPU:{require_index(device)}", *(lines or ["no processes are running"])])
