"""What is known of a run that failed: its record, the frames of the error, and what was noted on the way.

All of it holds live objects. The picture is made from it at once, and it is then let go.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple

from gradviz.core.backward import Backward
from gradviz.core.clock import short_name
from gradviz.core.record import Recorder
from gradviz.core.tensor import Tensor
from gradviz.widgets.errors.notes import OURS, Line, Notes
from gradviz.widgets.graph.source import shorten


class Frame(NamedTuple):
    """One call on the way to an error."""

    module: str
    name: str
    values: Mapping[str, Any]
    file: str
    line: int
    code: Any

    @property
    def ours(self) -> bool:
        """Whether it runs library code."""
        return self.module.partition(".")[0] == OURS


def frames_of(trace: TracebackType | None) -> list[Frame]:
    """The calls of a traceback, outermost first."""
    found = []
    while trace is not None:
        at = trace.tb_frame
        name = str(at.f_globals.get("__name__", ""))
        found.append(Frame(name, at.f_code.co_name, at.f_locals, at.f_code.co_filename, trace.tb_lineno, at.f_code))
        trace = trace.tb_next
    return found


@dataclass
class Evidence:
    """All that a cause is recognised by."""

    notes: Notes
    error: BaseException | None = None
    root: Tensor | None = None
    leaves: dict[str, Tensor] = field(default_factory=dict)  # those the learner asks about
    prefixes: dict[str, Any] = field(default_factory=dict)  # parameters by the learner's modules
    frames: list[Frame] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.error is not None:
            self.frames = frames_of(self.error.__traceback__)
            held = next((f for f in reversed(self.frames) if isinstance(f.values.get("self"), Backward)), None)
            roots = () if held is None else getattr(held.values["self"], "roots", ())
            self.root = next((r for r in roots if isinstance(r, Tensor)), self.root)
            self._call()
        self.shorten()

    def shorten(self) -> None:
        """Where a single module was used its variable says nothing: `net.fc.weight` is `fc.weight`."""
        shorten(self.recorder, self.prefixes)

    def _call(self) -> None:
        """Call values by the variables of the learner's functions that the error came through, the innermost first."""
        for frame in reversed([f for f in self.frames if not f.ours]):
            for name, value in list(frame.values.items()):
                n = self.recorder._known(value) if isinstance(value, Tensor) and name[:1] != "_" else None
                if n is not None and self.nodes[n]["kind"] == "op":
                    self.nodes[n].setdefault("variable", name)

    @property
    def recorder(self) -> Recorder:
        """The recorder of the run."""
        return self.notes.recorder

    @property
    def nodes(self) -> list[dict[str, Any]]:
        return self.recorder.nodes

    @property
    def text(self) -> str:
        """The error's own text, with its notes."""
        return "\n".join([str(self.error), *getattr(self.error, "__notes__", [])]) if self.error is not None else ""

    @property
    def line(self) -> Line | None:
        """The learner's line that failed: the innermost that is not the library's."""
        found = [f for f in self.frames if not f.ours and not _machinery(f)]
        return Line(found[-1].file, found[-1].line) if found else None

    def innermost(self, *names: str) -> Frame | None:
        """The deepest call of a library function of one of these names."""
        return next((f for f in reversed(self.frames) if f.ours and f.name in names), None)

    def name(self, n: int | None) -> str:
        """What a node is called: by the learner's variable where it has one."""
        if n is None or not 0 <= n < len(self.nodes):
            return "?"
        node = self.nodes[n]
        return str(node.get("variable") or node["label"] or node["op"])

    def place(self, n: int | None) -> Line | None:
        """The line a node was made at."""
        if n is None:
            return None
        known = self.notes.places.get(n)
        said = self.nodes[n]["line"] if 0 <= n < len(self.nodes) else None
        return known or (self.find(f"{said['file']}:{said['lineno']}") if said else None)

    def find(self, where: str) -> Line | None:
        """`cell.py:3` as a line whose text can be read, if its file took part in the run."""
        found = re.fullmatch(r"(.*):(\d+)", where)
        if found is None:
            return None
        files = [f.file for f in self.frames] + [p.file for p in self.notes.places.values()] + list(linecache.cache)
        return Line(next((f for f in files if short_name(f) == found[1]), found[1]), int(found[2]))


def _machinery(frame: Frame) -> bool:
    """Python's own or an installed package's."""
    return "site-packages" in frame.file or "/lib/python" in frame.file.replace("\\", "/")
