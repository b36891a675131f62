"""What a piece of work takes on a machine, by published rates: launches, copies, the slower of arithmetic and memory.

    seconds = launches * launch + copied / bus + max(flop / flops, touched / memory)

The last term is the roofline model; nothing overlaps, and every rate is the best one that its maker states.
Source: S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model for multicore
architectures", Communications of the ACM 52 (2009), https://doi.org/10.1145/1498765.1498785
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from gradviz.viz.measure import clean

LARGEST = 2**30  # of the n that can be asked for
HUGE = 1e30  # operations, or bytes


class Machine(NamedTuple):
    """The rates of a device, per second."""

    name: str
    flops: float  # float32 operations
    memory: float  # bytes between its memory and its arithmetic
    bus: float = math.inf  # bytes from the computer's memory to its own, one way
    launch: float = 0.0  # seconds for telling it to do something, however small


class Work(NamedTuple):
    """Something that is done with n numbers, rows or images: what of it costs, as functions of n."""

    name: str
    start: Callable[[int, str], tuple[Callable[..., Any], tuple[Any, ...]]] | None
    flop: Callable[[int], float]
    copied: Callable[[int], float]  # bytes, there and back
    touched: Callable[[int], float]  # bytes of the device's own memory that are read or written
    launches: int
    most: int
    unit: str  # what n counts


class Cost(NamedTuple):
    """Seconds."""

    launch: float
    copy: float
    compute: float
    memory: float

    @property
    def work(self) -> float:
        """The slower of arithmetic and memory."""
        return max(self.compute, self.memory)

    @property
    def total(self) -> float:
        return self.launch + self.copy + self.work


def cost(machine: Machine, work: Work, n: int, copies: bool) -> Cost:
    """What doing the work once takes."""
    copied = work.copied(n) / machine.bus if copies else 0.0
    return Cost(work.launches * machine.launch, copied, work.flop(n) / machine.flops, work.touched(n) / machine.memory)


def sizes(most: int) -> list[int]:
    """1, 2, 3, 4, 6, 8, 11, 16, ...: two to an octave, and the largest."""
    steps = (round(2 ** (i / 2)) for i in range(2 * most.bit_length()))
    return sorted({n for n in steps if n < most} | {most})


def crossover(work: Work, cpu: Machine, gpu: Machine, copies: bool) -> int | None:
    """The smallest n from which on the GPU is faster; None if it is at no n up to the largest."""

    def wins(n: int) -> bool:
        return cost(gpu, work, n, copies).total < cost(cpu, work, n, copies).total

    low, high = 0, 0
    for n in sizes(work.most):
        if wins(n):
            high = high or n
        else:
            low, high = n, 0
    if not high:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if wins(middle) else (middle, high)
    return high


# -- what a learner gives ----------------------------------------------------------------------------------------------
RATES = ("flops", "memory", "bus", "launch")
PARTS = ("start", "flop", "copied", "touched", "launches", "most", "unit")


def machine_of(name: Any, given: Any) -> Machine:
    """A machine from a dict of its rates."""
    who = f"DeviceCrossover: the machine {str(name)[:60]!r}"
    _known(who, given, RATES, ("flops", "memory"))
    rates = {key: float(value) for key, value in given.items()}
    for key, rate in rates.items():
        if not (rate >= 0 if key == "launch" else rate > 0) or (key != "bus" and math.isinf(rate)):
            raise ValueError(f"{who}: {key} must be a positive number; got {given[key]!r:.60}.")
    return Machine(clean(str(name))[:40], **rates)


def work_of(name: Any, given: Any) -> Work:
    """A piece of work from a dict; what it leaves out: `touched` is `copied`, one launch, n up to 4,096."""
    who = f"DeviceCrossover: the work {str(name)[:60]!r}"
    _known(who, given, PARTS, ("flop", "copied"))
    for key in ("start", "flop", "copied", "touched"):
        if given.get(key) is not None and not callable(given[key]):
            raise TypeError(f"{who}: {key} must be a function of n; got {type(given[key]).__name__}.")
    launches, most = given.get("launches", 1), given.get("most", 4096)
    for key, value, least, top in (("launches", launches, 1, 10**6), ("most", most, 2, LARGEST)):
        if not isinstance(value, int) or not least <= value <= top:
            raise ValueError(f"{who}: {key} must be a whole number from {least} to {top:,}; got {value!r:.60}.")
    made = Work(
        clean(str(name))[:60],
        given.get("start"),
        given["flop"],
        given["copied"],
        given.get("touched") or given["copied"],
        launches,
        most,
        clean(str(given.get("unit", "")))[:40],
    )
    for n in sizes(most):
        for key in ("flop", "copied", "touched"):
            value = getattr(made, key)(n)
            if not isinstance(value, (int, float)) or not 0 <= value <= HUGE:
                raise ValueError(f"{who}: {key}({n}) must be a number from 0 to {HUGE:g}; got {value!r:.60}.")
        if not (made.flop(n) or made.touched(n)):
            raise ValueError(f"{who}: with n = {n} there is nothing to do; flop and touched are both 0.")
    return made


def _known(who: str, given: Any, known: tuple[str, ...], needed: tuple[str, ...]) -> None:
    if not isinstance(given, Mapping):
        raise TypeError(f"{who} must be a dict with {', '.join(known)}; got {type(given).__name__}.")
    strange = [key for key in given if key not in known]
    missing = [key for key in needed if key not in given]
    if strange or missing:
        wrong = f"there is no {strange[0]!r:.60}" if strange else f"{missing[0]!r} is missing"
        raise ValueError(f"{who}: {wrong}. It has {', '.join(known)}; {' and '.join(needed)} are needed.")
