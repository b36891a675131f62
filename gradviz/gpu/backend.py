"""A cuda device over CuPy: the op table runs on its arrays as it does on NumPy's.

CuPy computes on a "current" device, which each thread has for itself. Where there are several GPUs, every operation
first makes the device of its tensors CuPy's current one (`Device.guard`). The current device of a program, which is
what "cuda" without a number means, is another matter: it is kept here, and only `torch.cuda.set_device` and its like
move it.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
import types
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from ..core.device import CPU, Device, Lazy, NoDeviceError
from ..core.errors import noted

INSTALL = 'pip install "gradviz[cuda12]" for CUDA 12, "gradviz[cuda13]" for CUDA 13'
NOT_BUILT = "Torch not compiled with CUDA enabled"  # what a PyTorch without CUDA says
_opened: dict[int, Device] = {}
_current: ContextVar[int] = ContextVar("current_cuda_device", default=0)


def cupy() -> Any:
    """The CuPy module. Only call it where `why_not()` is empty, or to look at what needs no GPU."""
    return sys.modules.get("cupy") or importlib.import_module("cupy")


def found_by_pathfinder(library: str) -> list[str]:
    """Where NVIDIA's pathfinder, a part of CuPy, finds one of its libraries: one path or none."""
    try:
        from cuda.pathfinder import load_nvidia_dynamic_lib  # type: ignore[import-not-found, unused-ignore]

        return [path for path in (load_nvidia_dynamic_lib(library).abs_path,) if path]
    except Exception:  # not installed, or nothing found: its own error types say no more
        return []


def why_not() -> str:
    """Why no GPU can be used here, with what to do about it; an empty string if one can."""
    if importlib.util.find_spec("cupy") is None:
        return f"CuPy is not installed. With an NVIDIA GPU and its driver: {INSTALL}."
    try:
        cp = cupy()
    except Exception as error:  # a library that CuPy needs is missing or does not fit
        return f"CuPy cannot be imported ({_first_line(error)}). Install the one for this machine: {INSTALL}."
    try:
        count = int(cp.cuda.runtime.getDeviceCount())
    except Exception as error:  # CuPy's own error types are known only once it is imported
        return (
            f"CuPy {cp.__version__} finds no usable NVIDIA driver ({_first_line(error)}). "
            f"Install or update the driver; CuPy must fit it: {INSTALL}."
        )
    if not count:
        return "CuPy finds no NVIDIA GPU on this machine (or CUDA_VISIBLE_DEVICES hides them)."
    return _lacking(cp)


@functools.lru_cache(maxsize=8)
def _lacking(cp: Any) -> str:
    """Which of CUDA's libraries CuPy does not find: NVRTC compiles every kernel, cuBLAS multiplies."""
    loading: dict[str, Callable[[], Any]] = {
        "NVRTC": lambda: cp.cuda.nvrtc.getVersion(),
        "cuBLAS": lambda: cp.cuda.cublas.getMathMode,
    }
    for name, load in loading.items():
        try:
            load()
        except Exception as error:  # CuPy's own error types, ImportError, OSError
            return (
                f"CuPy {cp.__version__} finds a GPU, but not CUDA's library {name} ({_first_line(error)}). "
                f"Install CUDA's toolkit or its wheels: {INSTALL}."
            )
    return ""


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def unusable(text: str = NOT_BUILT) -> NoDeviceError:
    """The error for asking for a GPU where there is none: PyTorch's text, and a note that says why."""
    return noted(NoDeviceError(f"{text}\n{why_not()}\nEverything runs on the CPU without it."))


def device_count() -> int:
    """The number of GPUs that can be used."""
    return 0 if why_not() else int(cupy().cuda.runtime.getDeviceCount())


def opened() -> list[Device]:
    """The devices in use so far, by their number."""
    return [_opened[i] for i in sorted(_opened)]


def current_index() -> int:
    """The number of the program's current device, in this thread."""
    return _current.get()


def set_current(index: int) -> None:
    """Let "cuda" mean this device from here on, in this thread."""
    cupy().cuda.runtime.setDevice(index)
    _current.set(index)


def open_device(name: str) -> Device:
    """The Device called "cuda" (the current one) or "cuda:N".

    NoDeviceError (an AssertionError and a RuntimeError) where there is none, saying why and what to install.
    """
    if why_not():
        raise unusable()
    _, _, text = name.partition(":")
    count = device_count()
    index = int(text) if text else current_index()
    if index >= count:
        raise noted(
            RuntimeError(
                "CUDA error: invalid device ordinal\n"
                f"{name} is not there: this machine has {count} CUDA device(s), cuda:0 to cuda:{count - 1}."
            )
        )
    if index not in _opened:
        _opened[index] = _open(cupy(), index, several=count > 1)
    return _opened[index]


def _open(cp: Any, index: int, several: bool) -> Device:
    from . import (
        completed,
        convolution,
        elements,
        host,
        indexing,
        kept_order,
        late,
        losses,
        memory,
        normalising,
        pointwise,
        pooling,
        products,
        random,
        rows,
        rule_steps,
        steps,
    )

    def guard() -> None:
        runtime.setDevice(index)

    def wrap(value: Any) -> Any:
        """What an operation returned, or what a host holds, as an array of this device."""
        if type(value) is array_type:
            return value
        if several:
            guard()
        return xp.asarray(value)

    def to_numpy(array: Any) -> Any:
        """The numbers on the host, which waits for them: the moment to tell what went wrong before."""
        if late.Told.mode:
            late.fetching()
        host_array = cp.asnumpy(array)
        late.settle(device)
        return host_array

    array_type, runtime = cp.ndarray, cp.cuda.runtime
    sp: Any = Lazy("cupyx.scipy")
    memory.watch(cp, index)
    xp: Any = completed.completed(cp)
    device = Device(
        "cuda",
        index,
        Guarded(xp, guard) if several else xp,
        array_type=array_type,
        wrap=wrap,
        to_numpy=to_numpy,
        sp=Guarded(sp, guard) if several else sp,
        address=lambda array: int(array.data.ptr),
        guard=guard if several else None,
        carry=carry,
    )
    host.on_host(device)
    for kernels in (
        products, indexing, convolution, pooling, normalising, losses, pointwise, elements, rows, steps, rule_steps,
        kept_order,
    ):  # fmt: skip
        kernels.register(device)
    late.check_later(device)
    random.register(device)
    return device


class Guarded:
    """A module whose functions run with one device current; its modules likewise, all else as it is."""

    def __init__(self, module: Any, guard: Any) -> None:
        self._module, self._guard = module, guard

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if isinstance(found, types.ModuleType) or type(found) is Lazy:
            found = Guarded(found, self._guard)
        elif callable(found) and not isinstance(found, type):
            found = _Guarded(found, self._guard)
        self.__dict__[name] = found
        return found


class _Guarded:
    """A function (or ufunc, with its attributes) that runs with one device current."""

    def __init__(self, function: Any, guard: Any) -> None:
        self._function, self._guard = function, guard

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._guard()
        return self._function(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._function, name)
        return _Guarded(found, self._guard) if callable(found) else found


def carry(array: Any, source: Device, target: Device, non_blocking: bool) -> Any:
    """The numbers of an array on another device. With `non_blocking` the host goes on while pinned memory is copied.

    To the host without waiting: the result is pinned memory whose numbers are there after the stream has caught up.
    """
    cp = cupy()
    if target is CPU:
        if not non_blocking:
            return source.to_numpy(array)
        from .memory import pinned_like
        from .streams import Stream, hold

        source.enter()
        stream = cp.cuda.get_current_stream()
        out = array.get(stream=stream, out=pinned_like(array), blocking=False)
        hold(out, Stream.of(stream, source))  # CuPy's pool would hand its memory out again while it is written to
        return out
    if source is not CPU:
        if source.type != "cuda":
            array = source.to_numpy(array)
        return _between(cp, array, source, target)
    from . import graphs
    from .memory import is_pinned
    from .streams import Stream, hold

    if non_blocking and is_pinned(array) and (array.flags.c_contiguous or array.flags.f_contiguous):
        target.enter()
        stream = cp.cuda.get_current_stream()
        out = cp.empty(array.shape, dtype=array.dtype, order="C" if array.flags.c_contiguous else "F")
        out.set(array, stream=stream)
        hold(array, Stream.of(stream, target))  # and while it is read
        return out
    if graphs.capturing():
        raise RuntimeError(
            "CUDA error: operation not permitted when stream is capturing\n"
            "A tensor in pageable memory of the host was copied to the GPU, which waits for it. Copy it before the "
            "capture, into a tensor that the graph reads."
        )
    return target.wrap(array)


def _between(cp: Any, array: Any, source: Device, target: Device) -> Any:
    """A copy of an array for another device. Each device's stream waits for the other's, and the host for neither."""
    if source.type != "cuda":
        return target.wrap(array)
    source.enter()
    sending = cp.cuda.get_current_stream()
    if not array.flags.c_contiguous:  # CuPy would put it in order in this stream, after the event
        array = array.copy()
    written = sending.record()
    target.enter()
    receiving = cp.cuda.get_current_stream()
    receiving.wait_event(written)
    out = array.copy()
    copied = receiving.record()
    source.enter()
    sending.wait_event(copied)  # so that the source's memory is not used anew before
    return out
