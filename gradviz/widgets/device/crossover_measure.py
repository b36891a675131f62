"""Time a piece of work on this machine: on the CPU, and on a GPU where there is one, with and without copies."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any, NamedTuple

from gradviz.widgets.device.crossover_model import Work
from gradviz.widgets.optim.descent import undisturbed

SAMPLE = 4e-3  # seconds a sample lasts at least, as many calls as that takes
REPEATS = 5  # samples, of which the median counts
LONG = 0.25  # seconds: after a call that took longer, no larger n is tried
BYTES = 64e6  # of inputs and result: no larger n is tried


class Point(NamedTuple):
    """What was measured: where ("cpu", "gpu", or "copies" for a GPU with copies there and back), for which n."""

    place: str
    n: int
    seconds: float


def places() -> list[str]:
    """Where this machine can be measured."""
    import gradviz as torch

    return ["cpu", "copies", "gpu"] if torch.cuda.is_available() else ["cpu"]


def points(work: Work, where: list[str]) -> Iterator[Point]:
    """Powers of two from 1 on, until the work is large or takes long; each place on its own."""
    assert work.start is not None
    for place in where:
        n = 1
        while n <= work.most and work.copied(n) <= BYTES:
            took = measured(work, n, place)
            yield Point(place, n, took)
            if took > LONG:
                break
            n *= 2


def measured(work: Work, n: int, place: str) -> float:
    """Seconds for doing the work once. A GPU is waited for: what a call returns is a promise."""
    import gradviz as torch

    assert work.start is not None
    device = "cpu" if place == "cpu" else "cuda"
    with undisturbed():
        run, inputs = work.start(n, device)
        if place == "copies":
            return timed(lambda: _home(run(*(x.to(device) for x in inputs))), torch.cuda.synchronize)
        inputs = tuple(x.to(device) for x in inputs)
        return timed(lambda: run(*inputs), torch.cuda.synchronize if device == "cuda" else None)


def _home(result: Any) -> Any:
    """The result in the computer's own memory."""
    return result.to("cpu") if hasattr(result, "to") else result


def timed(call: Callable[[], Any], wait: Callable[[], Any] | None = None) -> float:
    """Seconds a call takes: the median of a few samples, after one call that is not counted (it may compile)."""

    def sample(count: int) -> float:
        start = perf_counter()
        for _ in range(count):
            call()
        if wait is not None:
            wait()
        return (perf_counter() - start) / count

    sample(1)
    once = sample(1)
    if once > LONG / REPEATS:
        return once
    count = max(1, round(SAMPLE / max(once, 1e-7)))
    return statistics.median(sample(count) for _ in range(REPEATS))
