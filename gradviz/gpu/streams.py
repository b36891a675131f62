"""Streams and events: work for a GPU in order, and marks in it (torch.cuda.Stream, torch.cuda.Event).

What is put into one stream runs in order; different streams run side by side unless one waits for an event of another.
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any, Self

from ..core.device import Device, as_device
from .backend import cupy, current_index, set_current, unusable, why_not


class Stream:
    """A queue of work for one device.

    device: where, the current one if not given. priority: lower numbers run first.
    https://docs.pytorch.org/docs/2.13/generated/torch.cuda.Stream.html
    """

    def __init__(self, device: Any = None, priority: int = 0, **kwargs: Any) -> None:
        if kwargs:
            raise NotImplementedError(f"Stream(): {', '.join(kwargs)} is not supported; see ExternalStream.")
        if why_not():
            raise unusable("torch.cuda.Stream requires CUDA support")
        self.device: Device = as_device("cuda" if device is None else device)
        with cupy().cuda.Device(self.device.index):
            self._stream = cupy().cuda.Stream(non_blocking=True, priority=priority)
        self.priority = priority
        self._before: list[Any] = []

    @classmethod
    def of(cls, stream: Any, device: Device) -> Stream:
        """CuPy's stream as ours."""
        made = object.__new__(cls)
        made.device, made._stream, made.priority, made._before = device, stream, 0, []
        return made

    @property
    def cuda_stream(self) -> int:
        """The driver's handle."""
        return int(self._stream.ptr)

    @property
    def device_index(self) -> int:
        """The number of its device."""
        return int(self.device.index or 0)

    def query(self) -> bool:
        """Whether all work put in has been done."""
        return bool(self._stream.done)

    def synchronize(self) -> None:
        """Wait until all work put in has been done."""
        self._stream.synchronize()

    def record_event(self, event: Event | None = None) -> Event:
        """Put a mark behind the work put in so far; returns it."""
        made = Event() if event is None else event
        made.record(self)
        return made

    def wait_event(self, event: Event) -> None:
        """Let work put in from now on wait for an event, without stopping the host."""
        if event._event is not None:
            self._stream.wait_event(event._event)

    def wait_stream(self, stream: Stream) -> None:
        """Let work put in from now on wait for what is in another stream now."""
        self.wait_event(stream.record_event())

    def __enter__(self) -> Self:
        cp = cupy()
        self._before.append((current_index(), cp.cuda.get_current_stream(self.device_index)))
        set_current(self.device_index)
        self._stream.use()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        device, stream = self._before.pop()
        cupy().cuda.runtime.setDevice(self.device_index)
        stream.use()
        set_current(device)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and (self.cuda_stream, self.device) == (other.cuda_stream, other.device)

    def __hash__(self) -> int:
        return hash((self.cuda_stream, self.device))

    def __repr__(self) -> str:
        return f"<torch.cuda.Stream device={self.device} cuda_stream={self.cuda_stream:#x}>"


class ExternalStream(Stream):
    """A stream that another library made, by the driver's handle; it is neither made nor freed here."""

    def __init__(self, stream_ptr: int, device: Any = None) -> None:
        if why_not():
            raise unusable("torch.cuda.Stream requires CUDA support")
        self.device, self.priority, self._before = as_device("cuda" if device is None else device), 0, []
        self._stream = cupy().cuda.ExternalStream(stream_ptr, self.device.index)


class Event:
    """A mark in a stream: something to wait for, and with `enable_timing=True` a moment in time.

    https://docs.pytorch.org/docs/2.13/generated/torch.cuda.Event.html
    """

    def __init__(
        self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False, external: bool = False
    ) -> None:
        if external:
            raise NotImplementedError("Event(): argument 'external' is not supported. Leave it out.")
        if why_not():
            raise unusable("Tried to instantiate dummy base class Event")
        self.enable_timing, self.blocking, self.interprocess = enable_timing, blocking, interprocess
        self._event: Any = None  # made when first recorded, on the stream's device

    def record(self, stream: Stream | None = None) -> None:
        """Put it behind the work in a stream, the current one if not given."""
        where = current_stream() if stream is None else stream
        with cupy().cuda.Device(where.device_index):
            if self._event is None:
                self._event = cupy().cuda.Event(
                    block=self.blocking, disable_timing=not self.enable_timing, interprocess=self.interprocess
                )
            self._event.record(where._stream)

    def wait(self, stream: Stream | None = None) -> None:
        """Let a stream, the current one if not given, wait for it before it goes on with what is put in from now on."""
        (current_stream() if stream is None else stream).wait_event(self)

    def query(self) -> bool:
        """Whether all work before it has been done."""
        return self._event is None or bool(self._event.done)

    def synchronize(self) -> None:
        """Wait until all work before it has been done."""
        if self._event is not None:
            self._event.synchronize()

    def elapsed_time(self, end_event: Event) -> float:
        """The time from this event to another, in milliseconds."""
        if not (self.enable_timing and end_event.enable_timing):
            raise ValueError("Both events must be created with argument 'enable_timing=True'.")
        if self._event is None or end_event._event is None:
            raise ValueError("Both events must be recorded before calculating elapsed time.")
        if not (self.query() and end_event.query()):
            raise RuntimeError(
                "Both events must be completed before calculating elapsed time. Call end_event.synchronize() first."
            )
        return float(cupy().cuda.get_elapsed_time(self._event, end_event._event))

    def __repr__(self) -> str:
        return "<torch.cuda.Event uninitialized>" if self._event is None else "<torch.cuda.Event>"


def current_stream(device: Any = None) -> Stream:
    """The stream that work goes to now."""
    place = as_device("cuda" if device is None else device)
    return Stream.of(cupy().cuda.get_current_stream(place.index), place)


def default_stream(device: Any = None) -> Stream:
    """The stream that work goes to unless another one is chosen."""
    place = as_device("cuda" if device is None else device)
    streams = cupy().cuda.Stream
    own = os.environ.get("CUPY_CUDA_PER_THREAD_DEFAULT_STREAM", "0") == "1"  # one for each thread, as CuPy is told
    return Stream.of(streams.ptds if own else streams.null, place)


# Arrays that other streams than their own still read, with the event after which they may go (Tensor.record_stream).
_held: list[tuple[Any, Any]] = []


def hold(array: Any, stream: Stream) -> None:
    """Keep an array's memory from being handed out again until a stream has done what is in it now.

    A stream that is captured does it with every replay, so its graph keeps the array.
    """
    from . import graphs

    if graphs.capturing():
        graphs.keep(array)
        return
    _held[:] = [(event, kept) for event, kept in _held if not event.query()]
    _held.append((stream.record_event(), array))
