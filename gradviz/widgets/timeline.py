"""`Timeline`: one position for several views. Move one of them and the others follow.

    time = Timeline()
    LossCurve(log, timeline=time)
    GradFlow(history, timeline=time)

The position is an iteration, a phase in it and an operation in that; a view follows those that it shows.
"""

from __future__ import annotations

import itertools

_COUNT = itertools.count(1)


class Timeline:
    """A shared position. `name` tells timelines of one page apart; without it each gets the next number."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name if name is not None else f"timeline {next(_COUNT)}"

    def __repr__(self) -> str:
        return f"Timeline({self.name!r})"


def name_of(timeline: Timeline | str | None) -> str | None:
    """What a view hands to its script."""
    return timeline.name if isinstance(timeline, Timeline) else timeline
