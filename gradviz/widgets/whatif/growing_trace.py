"""Which line ran when, and what it added to the graph: a recorder together with Python's own line events.

    trace = Trace(Recorder())
    with trace.running(): f(x)
    trace.steps      each time a line ran, in order

Only the learner's own code is followed: not this package, not the standard library, not what is installed. What such
code computes belongs to the learner's line that called it.
"""

from __future__ import annotations

import contextlib
import linecache
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

from gradviz.core import events
from gradviz.core.clock import short_name
from gradviz.core.events import observe
from gradviz.core.record import Recorder
from gradviz.core.tensor import Tensor

MOST = 1500  # steps; after that only lines that add something are kept
LONG = 80  # lines of one piece of source that are shown
_INSTALLED = tuple(
    dict.fromkeys(
        path for path in map(sysconfig.get_paths().get, ("stdlib", "platstdlib", "purelib", "platlib")) if path
    )
)


@dataclass
class Piece:
    """A function, or a cell or file outside functions: what its lines are."""

    name: str
    file: str  # where it is, for Python
    first: int
    last: int
    whole: bool  # whether it is a function, which is shown whole

    def lines(self) -> list[tuple[int, str]]:
        """(number, text) of what is shown of it; nothing where no source is kept."""
        text = linecache.getlines(self.file)[self.first - 1 : self.last]
        while text and not text[-1].strip():
            text.pop()
        margin = min((len(line) - len(line.lstrip()) for line in text if line.strip()), default=0)
        return [(self.first + i, line.rstrip()[margin:].replace("\t", "    ")) for i, line in enumerate(text)]


@dataclass
class Step:
    """One time that a line ran."""

    piece: int
    line: int
    depth: int  # how many calls deep
    first: int  # nodes from here ...
    last: int  # ... to before here were made by it
    again: bool = False  # the line goes on after a call it made


@dataclass
class Trace:
    """Follows the lines that run. `heard` is called after each step."""

    recorder: Recorder
    heard: Callable[[], None] | None = None
    pieces: list[Piece] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    left_out: int = 0
    _codes: dict[CodeType, int | None] = field(default_factory=dict)
    _stack: list[tuple[FrameType, int, int]] = field(default_factory=list)  # frame, piece, line
    _mark: int = 0
    _named: dict[str, int] = field(default_factory=dict)

    @contextlib.contextmanager
    def running(self, frame: FrameType | None = None, *, listen: bool = True) -> Iterator[None]:
        """Follow what runs inside; with `frame` also the rest of that frame's own lines.

        `listen`: let the recorder hear what happens; not so where it hears already.
        """
        before, mine = sys.gettrace(), frame.f_trace if frame is not None else None
        with observe(self.recorder) if listen else contextlib.nullcontext():
            if frame is not None:
                piece = self._piece(frame.f_code)
                if piece is not None:
                    frame.f_trace = self._local
                    self._stack.append((frame, piece, 0))
            sys.settrace(self._global)
            try:
                yield
            finally:
                sys.settrace(before)
                if frame is not None:
                    frame.f_trace = mine
                self._close()
                self._stack.clear()

    # -- Python's events -----------------------------------------------------------------------------------------
    def _global(self, frame: FrameType, event: str, arg: Any) -> Any:
        piece = self._piece(frame.f_code) if event == "call" else None
        if piece is None:
            return None
        self._close()
        self._stack.append((frame, piece, 0))
        return self._local

    def _local(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "line":
            self._close()
            while self._stack and self._stack[-1][0] is not frame:  # left by an exception, or a generator that waits
                self._stack.pop()
            piece = self._piece(frame.f_code)
            if piece is None:
                return self._local
            if self._stack:
                self._stack.pop()
            self._stack.append((frame, piece, frame.f_lineno))
            self._open(piece, frame.f_lineno)
            if self.heard is not None:
                self.heard()
        elif event == "return":
            self._close()
            if self._stack and self._stack[-1][0] is frame:
                self._stack.pop()
        return self._local

    # -- steps ---------------------------------------------------------------------------------------------------
    def _open(self, piece: int, line: int, again: bool = False) -> None:
        known = self.pieces[piece]
        if not known.whole:
            known.first, known.last = min(known.first, line), max(known.last, line)
        count = len(self.recorder.nodes)
        self.steps.append(Step(piece, line, len(self._stack), count, count, again))
        self._mark = count

    def _close(self) -> None:
        """Give what was made since the last event to the line that was running."""
        count = len(self.recorder.nodes)
        if count > self._mark:
            if self._stack and self._stack[-1][2]:
                _, piece, line = self._stack[-1]
                at = self.steps[-1] if self.steps else None
                if at is None or (at.piece, at.line, at.depth) != (piece, line, len(self._stack)):
                    mark = self._mark
                    self._open(piece, line, again=True)  # it called a function, which has returned
                    self.steps[-1].first = self._mark = mark
                self.steps[-1].last = count
            self._mark = count
        elif len(self.steps) > MOST and self.steps[-1].first == self.steps[-1].last:
            self.steps.pop()
            self.left_out += 1
        self._name()
        if self.heard is not None:
            self.heard()

    def _name(self) -> None:
        """Call results by the variables that hold them where the line ran."""
        if not self._stack or not self.steps or self.steps[-1].first == self.steps[-1].last:
            return
        frame, first = self._stack[-1][0], self.steps[-1].first
        for name, value in list(frame.f_locals.items()):
            if isinstance(value, Tensor) and not name.startswith("_"):
                n = self.recorder._known(value)
                if n is not None and n >= first and self.recorder.nodes[n]["kind"] == "op":
                    node = self.recorder.nodes[n]
                    if "variable" not in node:
                        self._named[name] = self._named.get(name, 0) + 1
                        times = self._named[name]
                        node["variable"] = name if times == 1 else f"{name} #{times}"

    # -- whose code ----------------------------------------------------------------------------------------------
    def _piece(self, code: CodeType) -> int | None:
        """The number of the piece that holds this code; None for code that is not followed."""
        if code not in self._codes:
            self._codes[code] = self._new(code) if followed(code) else None
        return self._codes[code]

    def _new(self, code: CodeType) -> int:
        lines = [line for _, _, line in code.co_lines() if line]
        first, last = code.co_firstlineno, max(lines, default=code.co_firstlineno)
        for i, known in enumerate(self.pieces):
            if known.whole and known.file == code.co_filename and known.first <= first and last <= known.last:
                return i
        outside = code.co_name == "<module>"
        if outside:
            first, last = sys.maxsize, 0
        name = ("the cell" if short_name(code.co_filename) == "<cell>" else "the file") if outside else _called(code)
        self.pieces.append(Piece(name, code.co_filename, first, min(last, first + LONG - 1), not outside))
        return len(self.pieces) - 1


def named(run: Callable[[], Any]) -> Any:
    """Run something under the recorder that listens; results get the names of the variables that held them."""
    recorder = next((o for o in reversed(events.observers()) if isinstance(o, Recorder)), None)
    if recorder is None:
        return run()
    with Trace(recorder).running(listen=False):
        return run()


def _called(code: CodeType) -> str:
    """`Block.forward`, without the functions that it was defined in."""
    return code.co_qualname.rpartition("<locals>.")[2]


def followed(code: CodeType) -> bool:
    """Whether this is the learner's own code."""
    file = code.co_filename
    if file.startswith("<") and not file.startswith("<ipython"):
        return bool(linecache.getlines(file))
    if "site-packages" in file or "dist-packages" in file or file.startswith(_INSTALLED):
        return False
    return not _ours(file)


def _ours(file: str) -> bool:
    """Whether a file belongs to this package."""
    package = sys.modules["gradviz"].__file__ or ""
    return file.startswith(package.removesuffix("__init__.py"))
