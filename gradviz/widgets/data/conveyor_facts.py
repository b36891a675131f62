"""An epoch as it is shown, and what can be said of it: dropped, repeated and never drawn rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from gradviz.widgets.data.loader_trace import Pass

MOST_SHOWN = 200  # rows of an epoch
MOST_NAMED = 40  # rows that are never drawn and named


@dataclass
class Facts:
    """Counts over the whole epoch, shown or not."""

    batches: int
    rows: int  # in batches
    dropped: int
    repeated: int  # rows that are in batches more than once
    never: int | None  # rows that the sampler has not drawn; None where nobody knows how many rows there are


@dataclass
class Epoch:
    """The rows of the batches that are shown, one after another, then those that were dropped."""

    steps: list[int]
    sizes: list[int]
    dropped_shown: int
    facts: Facts
    never: list[int]
    whole: bool
    reordered: bool
    ended: bool

    def batches(self) -> list[list[int]]:
        """The batches that are shown."""
        made, at = [], 0
        for size in self.sizes:
            made.append(self.steps[at : at + size])
            at += size
        return made

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "steps": self.steps,
            "sizes": self.sizes,
            "dropped": self.dropped_shown,
            "facts": asdict(self.facts),
            "never": self.never,
            "whole": self.whole,
        }


def epoch_of(one: Pass, number: Callable[[Any], int], count: int | None, *, named: bool = True) -> Epoch:
    """Number the rows of a pass, count, and keep as many batches as are shown. `named`: its rows are 0 ... count-1."""
    batches = [[number(key) for key in batch] for batch in one.batches]
    dropped = [number(key) for key in one.dropped]
    times = Counter(at for batch in batches for at in batch)
    drawn = {*times, *dropped}
    never = None if count is None else max(0, count - len(drawn))
    facts = Facts(len(batches), sum(map(len, batches)), len(dropped), sum(n > 1 for n in times.values()), never)
    steps: list[int] = []
    sizes: list[int] = []
    for batch in batches:
        if steps and len(steps) + len(batch) > MOST_SHOWN:
            break
        sizes.append(len(batch[:MOST_SHOWN]))
        steps += batch[:MOST_SHOWN]
    whole = len(steps) == facts.rows and len(steps) + len(dropped) <= 2 * MOST_SHOWN
    left = dropped if whole else []
    missing = [at for at in range(count or 0) if at not in drawn][:MOST_NAMED] if never and named else []
    return Epoch(steps + left, sizes, len(left), facts, missing, whole, one.reordered, one.ended)


def words(facts: Facts, batched: bool = True) -> str:
    """What became of the rows, in a sentence."""
    noun = "batch" if facts.batches == 1 else "batches"
    said = [f"{facts.rows} rows in {facts.batches} {noun}" if batched else f"{facts.rows} rows, one by one"]
    if facts.dropped:
        said.append(f"{facts.dropped} dropped: drawn, but in no batch")
    if facts.repeated:
        said.append(f"{facts.repeated} more than once")
    if facts.never:
        said.append(f"{facts.never} never drawn")
    if facts.never == 0 and not facts.repeated and not facts.dropped:
        said.append("every row once")
    return "; ".join(said)


def meet_again(before: Epoch, after: Epoch, number: int) -> str:
    """How two epochs differ: in their order, and in who shares a batch with whom."""
    if before.steps == after.steps and before.sizes == after.sizes:
        return f"the same order as epoch {number}"
    first, second = pairs(before), pairs(after)
    moved = sum(a != b for a, b in zip(before.steps, after.steps, strict=False))
    return (
        f"another order than epoch {number}: {moved} of {len(after.steps)} places hold another row; "
        f"of {len(first)} pairs that shared a batch, {len(first & second)} meet again"
    )


def pairs(epoch: Epoch) -> set[frozenset[int]]:
    """Which rows share a batch."""
    found = {frozenset(pair) for batch in epoch.batches() for pair in combinations(batch, 2)}
    return {pair for pair in found if len(pair) == 2}
