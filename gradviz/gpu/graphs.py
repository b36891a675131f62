"""CUDA graphs: a whole training step recorded once and then launched as one (torch.cuda.CUDAGraph).

While a stream is being captured, what is put into it is written down instead of done. A replay does it all, on the
same memory: new inputs are copied into the tensors that were captured, results are read from those that came out.
Anything that would make the host wait is refused by the driver, so a capture that succeeds shows that the step has
no such thing.

    graph = gradviz.cuda.CUDAGraph()
    with gradviz.cuda.graph(graph):
        loss = step(x, y)
    x.copy_(batch)
    graph.replay()
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.device import Device, as_device
from ..core.random import generator_for
from . import capture_mode, memory
from .backend import cupy, current_index, opened, unusable, why_not
from .streams import Stream


class _Capturing(threading.local):
    """The graphs that this thread captures: other threads work on meanwhile."""

    def __init__(self) -> None:
        self.graphs: list[CUDAGraph] = []


_here = _Capturing()


def is_current_stream_capturing() -> bool:
    """Whether what is put into the current stream is being written down."""
    if why_not():
        raise unusable("Tried to instantiate dummy base class _cuda_isCurrentStreamCapturing")
    return bool(cupy().cuda.get_current_stream(current_index()).is_capturing())


def capturing() -> bool:
    """Whether this thread captures a graph; False also where there is no GPU."""
    return bool(_here.graphs)


def being_captured() -> CUDAGraph:
    """The graph that is being captured."""
    return _here.graphs[-1]


def in_use() -> bool:
    """Whether a cuda device has been used so far."""
    return bool(opened())


def filled_afterwards(numbers: Any) -> Any:
    """An array for the graph that is being captured, which puts these numbers of the host into it at the end.

    It lies apart from the graph's other memory: there each replay writes whatever had the same place for a while.
    """
    graph = being_captured()
    with cupy().cuda.using_allocator(graph._apart.malloc):
        array = cupy().empty(numbers.shape, dtype=numbers.dtype)
    graph._filled.append((array, numbers))
    return array


def keep(value: Any) -> None:
    """Let the graph that is being captured keep what it reads from the host at every replay."""
    being_captured()._kept.append(value)


class Pool:
    """A pool of memory that graphs take from, counted with the memory of its device as long as anyone has it."""

    def __init__(self) -> None:
        self.memory = cupy().cuda.MemoryPool()
        self.malloc = capture_mode.relaxed(memory.telling(cupy(), self.memory.malloc))
        memory.pools.add(self)


def graph_pool_handle() -> Any:
    """A pool of memory that several graphs may share, if they are never replayed at the same time."""
    if why_not():
        raise unusable("Tried to instantiate dummy base class _graph_pool_handle")
    return Pool()


class CUDAGraph:
    """Work captured from a stream, with the memory it works on.

    https://docs.pytorch.org/docs/2.13/generated/torch.cuda.CUDAGraph.html
    """

    def __init__(self, keep_graph: bool = False) -> None:
        if keep_graph:
            raise NotImplementedError("CUDAGraph(): argument 'keep_graph' is not supported. Leave it out.")
        if why_not():
            raise unusable("Tried to instantiate dummy base class CUDAGraph")
        self._graph: Any = None
        self._pool: Any = None
        self._apart: Any = None
        self._allocator: Any = None
        self._stream: Any = None
        self._draws: Draws | None = None
        self._filled: list[tuple[Any, Any]] = []
        self._kept: list[Any] = []
        self.spaces: dict[int, Any] = {}  # what libraries work in, by devices
        self.device: Device | None = None
        self.on_replay: list[Callable[[], None]] = []

    def capture_begin(self, pool: Any = None, capture_error_mode: str = "global") -> None:
        """Write down what is put into the current stream, which must not be the default one."""
        if capture_error_mode not in capture_mode.MODES:
            raise RuntimeError(
                f"Unknown capture error mode. Expected `global`, `thread_local`, or `relaxed`, got {capture_error_mode}"
            )
        if self._graph is not None:
            raise RuntimeError("This CUDAGraph instance already owns a captured graph. Call reset() first.")
        cp, device = cupy(), as_device("cuda")
        stream = cp.cuda.get_current_stream(device.index)
        if stream.ptr == cp.cuda.Stream.null.ptr:
            raise RuntimeError(
                "CUDA graphs must be captured on a non-default stream. (However, after capture, it's ok to replay "
                "them on the default stream.)"
            )
        from . import late

        late.ready()
        self._stream, self._pool = stream, graph_pool_handle() if pool is None else pool
        self._apart = graph_pool_handle()
        self.device, self._draws = device, Draws(device)
        # Memory of its own: what is freed while capturing must not be handed to anyone who runs between replays.
        self._allocator = cp.cuda.using_allocator(self._pool.malloc)
        self._allocator.__enter__()
        try:
            stream.begin_capture(
                getattr(cp.cuda.runtime, f"streamCaptureMode{capture_mode.possible(capture_error_mode)}")
            )
        except BaseException:
            self._leave()
            raise
        _here.graphs.append(self)

    def capture_end(self) -> None:
        """The end of what is written down."""
        try:
            self._graph = self._stream.end_capture()
        finally:
            if self in _here.graphs:
                _here.graphs.remove(self)
            self._leave()
        for array, numbers in self._filled:
            array.set(numbers)
        self._stream.synchronize()  # a replay may be put into another stream, which would not wait for the copies

    def _leave(self) -> None:
        self._allocator.__exit__(None, None, None)
        if self._draws is not None:
            self._draws.end()

    def replay(self) -> None:
        """Do it all again, on the memory that was captured, in the current stream."""
        if self._graph is None:
            raise RuntimeError("Called CUDAGraph::replay without a preceding successful capture.")
        assert self.device is not None
        self.device.enter()
        if self._draws is not None:
            self._draws.advance()
        self._graph.launch(cupy().cuda.get_current_stream())
        for tell in self.on_replay:
            tell()

    def reset(self) -> None:
        """Forget the graph and its memory."""
        self._graph = self._pool = self._apart = self._draws = None
        self._filled.clear()
        self._kept.clear()
        self.spaces.clear()
        self.on_replay.clear()

    def pool(self) -> Any:
        """The pool that the graph's memory is in."""
        return self._pool

    def enable_debug_mode(self) -> None:
        """Nothing: what `debug_dump` writes is always there."""

    def debug_dot(self) -> str:
        """The graph in the DOT language: a box for each kernel, copy and fill, an arrow for "after"."""
        if self._graph is None:
            raise RuntimeError("Called CUDAGraph::debug_dump without a preceding successful capture.")
        return str(self._graph.debug_dot_str())

    def debug_dump(self, debug_path: str) -> None:
        """Write `debug_dot` to a file."""
        Path(debug_path).write_text(self.debug_dot(), encoding="utf-8")


class Draws:
    """The place of a device's generator in its stream, while a graph is captured and at every replay.

    Captured kernels hold the seed and the place where the stream stood. What has changed since is in two numbers on the
    device that they look at, so that a replay draws the numbers that running the step without a graph would draw.
    """

    def __init__(self, device: Device) -> None:
        self.device, self.generator = device, generator_for(device)
        self.seed, self.start = self.generator._seed, self.generator._offset
        self.used = 0
        device.enter()
        self.more = cupy().zeros(2, dtype="uint64")
        self.generator.more = self.more

    def end(self) -> None:
        """Nothing was drawn while capturing."""
        self.used = self.generator._offset - self.start
        self.generator._offset, self.generator.more = self.start, None

    def advance(self) -> None:
        """Take the numbers of one replay from the stream."""
        if self.used:
            start = self.generator.take(self.used)
            self.more[:1].fill((start - self.start) % 2**64)
            self.more[1:].fill(self.seed ^ self.generator._seed)


class graph:
    """A `with` block that captures what is put into a stream of its own (or `stream`) into a CUDAGraph.

    https://docs.pytorch.org/docs/2.13/generated/torch.cuda.graph.html
    """

    def __init__(
        self, cuda_graph: CUDAGraph, pool: Any = None, stream: Stream | None = None, capture_error_mode: str = "global"
    ) -> None:
        self.cuda_graph, self.pool, self.capture_error_mode = cuda_graph, pool, capture_error_mode
        self.stream = Stream() if stream is None else stream

    def __enter__(self) -> None:
        cp = cupy()
        with cp.cuda.Device(self.stream.device_index) as device:
            device.synchronize()
            cp.get_default_memory_pool().free_all_blocks()
        self.stream.__enter__()
        try:
            self.cuda_graph.capture_begin(self.pool, self.capture_error_mode)
        except BaseException:
            self.stream.__exit__(None, None, None)
            raise

    def __exit__(self, *exc: object) -> None:
        try:
            self.cuda_graph.capture_end()
        except Exception:
            if exc[0] is None:  # else the error that ended the capture tells more
                raise
        finally:
            if exc[0] is not None:
                self.cuda_graph.reset()
            self.stream.__exit__(None, None, None)
