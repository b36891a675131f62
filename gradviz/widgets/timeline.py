"""`Timeline`: one position for several views. Move one of them and the others follow.

    time = Timeline()
    LossCurve(log, timeline=time)
    GradFlow(history, timeline=time)
    time.go(120)              # moves what is on the page, where a kernel is behind it
    time.iteration            # where the reader is

The position is an iteration, a phase in it and an operation in that; a view follows those that it shows. Between views
of one page this needs no kernel; from Python it reaches a page through any live view that shares the timeline.
"""

from __future__ import annotations

import itertools
import weakref
from typing import Any

_COUNT = itertools.count(1)
PHASES = ("forward", "backward", "update")


class Timeline:
    """A shared position. `name` tells timelines of one page apart; without it each gets the next number.

    Attributes:
        iteration, phase, op: where the page was last, or where `go` has put it; None before either.
    """

    def __init__(self, name: str | None = None) -> None:
        self.name = name if name is not None else f"timeline {next(_COUNT)}"
        self.iteration: float | None = None
        self.phase: str | None = None
        self.op: int | None = None
        self._moves = 0
        self._widgets: weakref.WeakSet[Any] = weakref.WeakSet()

    def __repr__(self) -> str:
        return f"Timeline({self.name!r})"

    def go(self, iteration: float, phase: str | None = None, op: int | None = None) -> None:
        """Move every view of this timeline there.

        Args:
            iteration: the step, as the views count them; a view goes to the nearest one that it has.
            phase: "forward", "backward" or "update".
            op: the number of an operation in that phase.
        """
        if isinstance(iteration, bool) or not isinstance(iteration, (int, float)) or iteration - iteration != 0:
            raise TypeError(f"iteration is a finite number; got {iteration!r}.")
        if phase is not None and phase not in PHASES:
            raise ValueError(f"phase is one of {', '.join(PHASES)}, or None; got {phase!r}.")
        self.iteration, self.phase, self.op = iteration, phase, op
        self._moves += 1
        for widget in list(self._widgets):
            widget.moment = self.moment()

    def moment(self) -> dict[str, Any]:
        """The position as the page is told it; empty before `go`."""
        if not self._moves:
            return {}
        known = {"iteration": self.iteration, "phase": self.phase, "op": self.op}
        return {"move": self._moves, **{name: value for name, value in known.items() if value is not None}}

    def heard(self, moment: dict[str, Any]) -> None:
        """The reader has moved."""
        self.iteration, self.phase, self.op = moment["iteration"], moment.get("phase"), moment.get("op")

    def follow(self, widget: Any) -> None:
        """Move this widget too, as long as it lives."""
        self._widgets.add(widget)


def name_of(timeline: Timeline | str | None) -> str | None:
    """What a view hands to its script."""
    return timeline.name if isinstance(timeline, Timeline) else timeline
