"""The table as Markdown: a line for each work and size, the goals that were missed with their profile under it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from .cores import FAR
from .runner import Line
from .spec import ACCELERATED, BASES, LIBRARIES, Spec

PEERS = [name for name in LIBRARIES if name not in ("gradviz", *BASES)]
NEEDED = 4e6  # bytes: below, no ratio is given: the kernel's counters are exact to a megabyte or two
HOW = """\
Each library runs in a process of its own with its threads pinned (1 thread: one core). The processes take turns of some
milliseconds; those whose turn it is not are stopped, since threads of BLAS go on spinning when they have finished. A
ratio is the median over the turns, its quartiles in brackets; it is time (or memory) in torch's, so
below 1 is faster than torch; of recorded work it is time in that of the same work unwatched. Peers: one number for each
number of threads or the first alone; NumPy is the same work written by hand, forward and backward, with
nothing recorded: what a library on NumPy can reach at best by the plain way. Accelerated: gradviz with its optional
compiled accelerator, which all else here does without. Empty: the library has no such thing, or nobody wrote the
program. Memory: the largest resident set of a new process doing this work, above that of one that has only imported the
library and used tiny layers, exact to a megabyte or two. Times of small ops, nodes and batches of a DataLoader are for
one. Goals that are missed without the accelerator are in **bold**, their profiles and reasons under the table: first
those that it meets, then the others."""
MISSED = {"Goals that NumPy alone misses and the accelerator meets": True, "Other goals that were missed": False}
BETWEEN = """\
Between two cores a byte went there and back in {nearest:.0f} ns at best. †: in more than {far} times that in most turns
of this line. The host of a virtual machine then has its cores under different caches, and what waits for another thread
at every step takes longer, PyTorch's LSTM twice as long."""


class Entry(NamedTuple):
    """What is known of one work in one size."""

    spec: Spec
    size: str
    lines: Mapping[int, Line]  # number of threads -> what was measured
    memory: Mapping[str, int | str]  # library -> bytes, or why not

    @property
    def goal(self) -> float | None:
        return self.spec.goals.get(self.size)


def report(entries: list[Entry], threads: list[int], about: list[str]) -> Iterator[str]:
    """The whole page."""
    ways = [it.apart for entry in entries for it in entry.lines.values() if it.apart is not None]
    nearest = min(ways, default=None)
    yield from ("# Benchmarks", "", *about, "", HOW, "")
    if nearest is not None:
        yield from (BETWEEN.format(nearest=nearest * 1e9, far=FAR), "")
    yield from head(threads)
    for entry in entries:
        yield line(entry, threads, nearest)
    for title, met in MISSED.items():
        yield from ("", f"## {title}", "")
        yield from list(misses(entry for entry in entries if accelerator_meets(entry) is met)) or ["None."]


def head(threads: list[int]) -> Iterator[str]:
    columns = ["work", "size", "goal"]
    for count in threads:
        columns += [f"gradviz, {plural(count)}", "/ torch"]
    columns += [*PEERS, "memory", "/ torch"]
    yield "| " + " | ".join(columns) + " |"
    yield "|---" * len(columns) + "|"


def plural(threads: int) -> str:
    return f"{threads} thread" + "s" * (threads > 1)


def line(entry: Entry, threads: list[int], nearest: float | None = None) -> str:
    """One line of the table; `nearest` is the shortest way between two cores in any."""
    cells = [entry.spec.work, entry.size, "" if entry.goal is None else f"≤ {entry.goal:g}"]
    for count in threads:
        found = entry.lines.get(count, Line())
        cells += [time_of(found), ratio_of(found, entry.goal) + " †" * far(found, nearest)]
    for peer in PEERS:
        cells.append(" · ".join(filter(None, (peer_of(entry.lines.get(count, Line()), peer) for count in threads))))
    cells += [memory_of(entry.memory), memory_ratio(entry)]
    return "| " + " | ".join(cells) + " |"


def time_of(found: Line) -> str:
    return duration(found.seconds["gradviz"]) if "gradviz" in found.seconds else found.errors.get("gradviz", "")


def duration(seconds: float) -> str:
    """Three digits: 0.97 µs, 12.3 µs, 1.07 ms, 2.80 s."""
    unit, scale = next(((u, s) for u, s in (("s", 1.0), ("ms", 1e3)) if seconds * s >= 1), ("µs", 1e6))
    return f"{digits(seconds * scale)} {unit}"


def digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio_of(found: Line, goal: float | None) -> str:
    """``0.62 (0.60 - 0.65)``: median and quartiles; in bold where the goal is missed."""
    if "gradviz" not in found.ratios:
        return short(next((found.errors[name] for name in BASES if name in found.errors), ""))
    low, middle, high = found.ratios["gradviz"]
    text = f"**{middle:.2f}**" if missed(found, goal) else f"{middle:.2f}"
    return f"{text} ({low:.2f} - {high:.2f})"


def far(found: Line, nearest: float | None) -> bool:
    """Whether the cores were far apart when this was measured."""
    return found.apart is not None and nearest is not None and found.apart > FAR * nearest


def missed(found: Line, goal: float | None) -> bool:
    """Whether the median is above the goal, in the digits that are shown."""
    return goal is not None and "gradviz" in found.ratios and round(found.ratios["gradviz"][1], 2) > goal


def peer_of(found: Line, peer: str) -> str:
    """Its time in torch's; a word where it could not."""
    return digits(found.ratios[peer][1]) if peer in found.ratios else short(found.errors.get(peer, ""))


def short(error: str) -> str:
    """The kind of an error, without what it says; nothing where there is no such program."""
    return "" if error.startswith("NotImplementedError") else error.split(":")[0]


def memory_of(memory: Mapping[str, int | str]) -> str:
    found = memory.get("gradviz", "")
    return short(found) if isinstance(found, str) else f"{digits(found / 1e6)} MB"


def memory_ratio(entry: Entry) -> str:
    ours, theirs = entry.memory.get("gradviz"), next((entry.memory[b] for b in BASES if b in entry.memory), None)
    if not isinstance(ours, int) or not isinstance(theirs, int) or theirs < NEEDED:
        return ""
    goal = entry.spec.memory_goals.get(entry.size)
    text = f"{ours / theirs:.2f}"
    return text if goal is None else f"**{text}**, goal ≤ {goal:g}" if ours / theirs > goal else f"{text}, ≤ {goal:g}"


def by_threads(ratios: Mapping[int, float]) -> str:
    return ", ".join(f"{ratio:.2f} with {plural(count)}" for count, ratio in ratios.items())


def of_several(entry: Entry, missing: Mapping[int, Line]) -> str:
    """What a row that misses its goal with several threads only owes to them."""
    fewest = min(entry.lines)
    if fewest in missing or "gradviz" not in entry.lines[fewest].ratios:
        return ""
    low, middle, high = next(iter(missing.values())).ratios["gradviz"]
    why = (
        "the quartiles are far apart: BLAS waits for its own threads where the machine is busy or its cores are moved"
        if high - low > middle / 3
        else "what it is compared with gains more from the threads"
    )
    return f" With {plural(fewest)} it meets the goal; {why}."


def accelerated(entry: Entry) -> str:
    """What the accelerator makes of a row that misses its goal, where it was measured."""
    found = accelerated_ratios(entry)
    meets = "meets" if accelerator_meets(entry) else "misses"
    return f" (with the accelerator, which {meets} it: {by_threads(found)})" if found else ""


def accelerated_ratios(entry: Entry) -> dict[int, float]:
    return {c: it.ratios[ACCELERATED][1] for c, it in entry.lines.items() if ACCELERATED in it.ratios}


def accelerator_meets(entry: Entry) -> bool:
    """Whether the goal is met with the accelerator, at every number of threads."""
    found = accelerated_ratios(entry).values()
    return entry.goal is not None and bool(found) and all(round(ratio, 2) <= entry.goal for ratio in found)


def misses(entries: Iterable[Entry]) -> Iterator[str]:
    """Each goal that was missed: by how much, what limits it, and where the profile says the time went."""
    for entry in entries:
        found = {count: it for count, it in entry.lines.items() if missed(it, entry.goal)}
        if not found:
            continue
        name = f"{entry.spec.work}, {entry.size}".rstrip(", ")
        by = by_threads({count: it.ratios["gradviz"][1] for count, it in found.items()})
        limit = f"What limits it: {entry.spec.limit}.{of_several(entry, found)}"
        yield f"- **{name}**: {by}; goal ≤ {entry.goal:g}{accelerated(entry)}. {limit}"
        for count, it in list(found.items())[:1]:
            if it.profile:
                said = ", ".join(f"`{place}` {part:.0%}" for place, part in it.profile)
                yield f"  Profile with {plural(count)}, each function's own time: {said}."
