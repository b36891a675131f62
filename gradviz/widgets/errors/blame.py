"""What a cause says of a run: the sentence, the nodes and lines to blame, and the usual fix."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gradviz.widgets.errors.evidence import Evidence
from gradviz.widgets.errors.notes import Line


class Place(NamedTuple):
    """One line of the program with the part it played."""

    role: str
    line: Line | None
    n: int | None = None
    text: str = ""  # said where the source cannot be read


@dataclass
class Blame:
    """`marks`: badges by node, (kind, text), kinds as in viz/svg.py; `notes`: words on arrows, by (node, input)."""

    headline: str
    places: list[Place] = field(default_factory=list)
    marks: dict[int, tuple[str, str]] = field(default_factory=dict)
    notes: dict[tuple[int, str], str] = field(default_factory=dict)
    facts: list[str] = field(default_factory=list)
    fix: str = ""
    wrong: str = ""  # a line as it is written by mistake
    right: str = ""  # and as it should be

    @property
    def centre(self) -> int | None:
        """The node that is most to blame."""
        order = ("bad", "stop", "removed", "changed", "added", "ok")
        return min(self.marks, key=lambda n: (order.index(self.marks[n][0]), n), default=None)


def add_op(evidence: Evidence, name: str, inputs: list[dict[str, Any]], **given: Any) -> int:
    """A node for an operation that never came to a result."""
    n = len(evidence.nodes)
    line = evidence.line
    told = {"file": line.where.rpartition(":")[0], "lineno": line.lineno, "text": line.text} if line else None
    evidence.recorder.adopt({
        "n": n, "kind": "op", "op": name, "name": None, "label": name, "path": "", "module": None, "inputs": inputs,
        "settings": {}, "shape": [], "dtype": "no result", "requires_grad": False, "view": False, "inplace": False,
        "value": None, "forward": "", "rules": {}, "latex": None, "elementwise": False, "line": told, "output": 0,
        "failed": True, **given,
    })  # fmt: skip
    evidence.recorder.steps.append({"kind": "forward", "n": n})
    return n
