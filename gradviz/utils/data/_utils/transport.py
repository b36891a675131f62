"""How a batch travels between processes: one message of bytes, with large arrays beside it in shared memory.

    message:   count, sizes of the arrays in shared memory  |  pickle of the rest
    memory:    array | gap | array ...                         a nameless file in memory, its handle sent along

The memory has no name, so nobody can forget to remove it: it goes when the last process that holds it lets it go, even
if a worker is killed. The loader's process maps it and does not copy it. Where there are no such files (they are
Linux's), everything is in the message.
"""

from __future__ import annotations

import io
import os
import pickle
import struct
import weakref
from typing import Any

from gradviz.core.device import CPU
from gradviz.core.tensor import Tensor

LARGE = 1 << 20  # bytes from which an array goes to shared memory: below, new memory costs more than sending
ALIGNED = 64
HELD = 64  # batches that may lie in shared memory at once: each holds one of the process's file handles
COWARDLY = (
    "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not support crossing "
    "process boundaries.  If you just want to transfer the data, call detach() on the tensor before serializing "
    "(e.g., putting it on the queue)."
)
_mapped: weakref.WeakSet[Any] = weakref.WeakSet()


class Packet:
    """A message and the handle of the memory that belongs to it, or None."""

    def __init__(self, message: bytes, handle: int | None) -> None:
        self.message, self.handle = message, handle

    def send(self, connection: Any) -> None:
        """Sends it; to be done once."""
        from multiprocessing import reduction

        try:
            connection.send_bytes(self.message)
            if self.handle is not None:
                reduction.send_handle(connection, self.handle, None)
        finally:
            self.drop()

    def drop(self) -> None:
        """Lets the memory go."""
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None


def pack(value: Any) -> Packet:
    """A value as a packet. Raises what pickling it raises."""
    large: list[memoryview] = []

    def inside(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < LARGE or not hasattr(os, "memfd_create"):
            return True
        large.append(raw)
        return False

    stream = io.BytesIO()
    _Pickler(stream, 5, buffer_callback=inside).dump(value)
    sizes = [raw.nbytes for raw in large]
    head = struct.pack(f"<{len(sizes) + 1}Q", len(sizes), *sizes)
    return Packet(head + stream.getbuffer(), _written(large) if large else None)


def receive(connection: Any) -> Any:
    """The next value from a connection. Raises EOFError or OSError if the other end is gone."""
    from multiprocessing import reduction

    message = memoryview(connection.recv_bytes())
    (count,) = struct.unpack_from("<Q", message)
    sizes = struct.unpack_from(f"<{count}Q", message, 8)
    arrays = _read(reduction.recv_handle(connection), sizes) if count else []
    return pickle.loads(message[8 * (count + 1) :], buffers=arrays)


class _Pickler(pickle.Pickler):
    """A tensor that is a view travels alone, without the rest of the memory that it shows."""

    def reducer_override(self, value: Any) -> Any:
        if not isinstance(value, Tensor):
            return NotImplemented
        if value._edge is not None:
            raise RuntimeError(COWARDLY)
        if value._base is None or value.device is not CPU:
            return NotImplemented
        return value.detach().clone().requires_grad_(value._needs).__reduce_ex__(5)


def _placed(sizes: Any) -> tuple[list[int], int]:
    """Where arrays of these sizes start, and where the last one ends."""
    starts, end = [], 0
    for size in sizes:
        starts.append(-(-end // ALIGNED) * ALIGNED)
        end = starts[-1] + size
    return starts, end


def _written(arrays: list[memoryview]) -> int:
    """The handle of new memory that holds these arrays."""
    starts, end = _placed([raw.nbytes for raw in arrays])
    handle = os.memfd_create("gradviz batch", os.MFD_CLOEXEC)
    try:
        os.truncate(handle, end)
        for start, raw in zip(starts, arrays, strict=True):
            done = 0
            while done < raw.nbytes:
                done += os.pwrite(handle, raw[done:], start + done)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _read(handle: int, sizes: Any) -> list[Any]:
    """The arrays' bytes, where they lie; copied if much shared memory is held already."""
    import mmap

    starts, end = _placed(sizes)
    try:
        memory = mmap.mmap(handle, end)
    finally:
        os.close(handle)
    if len(_mapped) >= HELD:
        with memory:
            return [bytearray(memory[start : start + size]) for start, size in zip(starts, sizes, strict=True)]
    _mapped.add(memory)
    whole = memoryview(memory)
    return [whole[start : start + size] for start, size in zip(starts, sizes, strict=True)]
