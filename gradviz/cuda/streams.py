"""The current stream of work, and how to choose another (torch.cuda)."""

from __future__ import annotations

from typing import Any

from ..core.device import as_device
from ..gpu import backend, streams
from ..gpu.streams import Stream
from .devices import require_index


def current_stream(device: Any = None) -> Stream:
    """The stream that work for a device goes to now."""
    return streams.current_stream(as_device(f"cuda:{require_index(device)}"))


def default_stream(device: Any = None) -> Stream:
    """The stream that work for a device goes to unless another one is chosen."""
    return streams.default_stream(as_device(f"cuda:{require_index(device)}"))


def get_stream_from_external(data_ptr: int, device: Any = None) -> Stream:
    """A stream that another library made, by the driver's handle."""
    return streams.ExternalStream(data_ptr, as_device(f"cuda:{require_index(device)}"))


def set_stream(stream: Stream | None) -> None:
    """Let work go to this stream, and make its device the current one; None changes nothing."""
    if stream is not None:
        backend.set_current(stream.device_index)
        stream._stream.use()


class StreamContext:
    """A `with` block in which work goes to a stream; None changes nothing."""

    def __init__(self, stream: Stream | None) -> None:
        self.stream = stream

    def __enter__(self) -> None:
        if self.stream is not None:
            self.stream.__enter__()

    def __exit__(self, *exc: object) -> None:
        if self.stream is not None:
            self.stream.__exit__(None, None, None)


def stream(stream: Stream | None) -> StreamContext:
    """A `with` block in which work goes to a stream; None changes nothing."""
    return StreamContext(stream)
