"""Batches of a loader, pass after pass, with a place that can be gone back to; and how fast they are gone through."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sized
from typing import Any

from gradviz.widgets.training.keyframes import Place, draws_now, generators_of, set_draws

WINDOW = 4.0  # seconds that the speed is the mean of
EVERY = 0.1  # seconds between two marks of it


class Feed:
    """The batches of `epochs` passes over a loader.

    `again` tells whether the loader can be gone through again; an iterator, such as a generator, cannot.
    """

    def __init__(self, loader: Iterable[Any], epochs: int) -> None:
        if not hasattr(loader, "__iter__"):
            raise TypeError(f"A loader is something to iterate over; got {type(loader).__name__}.")
        self.loader, self.epochs = loader, epochs
        self.again = not hasattr(loader, "__next__")
        if not self.again and epochs > 1:
            raise ValueError(
                f"{type(loader).__name__} can be gone through once only, and epochs is {epochs}. Give a list, a "
                "DataLoader, or an object whose __iter__ starts anew."
            )
        self.generators = generators_of(loader)
        self.epoch = self.index = 0
        self.start: dict[str, Any] | None = None
        self.iterator: Iterator[Any] | None = None

    @property
    def done(self) -> bool:
        """Whether all passes are through."""
        return self.epoch >= self.epochs

    @property
    def begun(self) -> bool:
        """Whether anything was drawn yet."""
        return self.epoch > 0 or self.index > 0

    def draw(self) -> Any:
        """The next batch; StopIteration at the end of the pass."""
        if self.iterator is None:
            self.start = draws_now(self.generators)
            self.iterator = iter(self.loader)
        batch = next(self.iterator)
        self.index += 1
        return batch

    def next_pass(self) -> None:
        """The pass is through; begin the next."""
        self.epoch, self.index, self.iterator, self.start = self.epoch + 1, 0, None, None

    def place(self) -> Place:
        """Where it stands."""
        return Place(self.epoch, self.index, self.start)

    def at(self, place: Place) -> Feed:
        """Another feed of the same loader that stands there; the batches before it are drawn again and dropped."""
        made = Feed(self.loader, self.epochs)
        made.epoch = place.epoch
        if place.start is not None:
            set_draws(place.start)
            for _ in range(place.batches):
                made.draw()
            made.start = place.start
            if made.iterator is None:
                made.iterator = iter(self.loader)
        return made

    def left(self) -> int | None:
        """How many batches are to come; None where the loader has no length."""
        if not isinstance(self.loader, Sized):
            return 0 if self.done else None
        try:
            per = len(self.loader)
        except TypeError:
            return None
        return max(0, (self.epochs - self.epoch) * per - self.index)


def samples_in(batch: Any) -> int:
    """How many samples a batch holds: the length of its first tensor."""
    while isinstance(batch, (tuple, list, dict)) and batch:
        batch = next(iter(batch.values())) if isinstance(batch, dict) else batch[0]
    shape = getattr(batch, "shape", None)
    return int(shape[0]) if shape else 1


class Speed:
    """Steps and samples a second over the last seconds, and how long it has been running."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int, int]] = deque()
        self.steps = self.samples = 0
        self.seconds = 0.0
        self._last = 0.0

    def restart(self) -> None:
        """A pause is over: it does not count."""
        self._last = time.perf_counter()
        self._marks.clear()
        self._marks.append((self._last, self.steps, self.samples))

    def took(self, samples: int) -> None:
        """A step was taken."""
        now = time.perf_counter()
        self.steps += 1
        self.samples += samples
        self.seconds += now - self._last
        self._last = now
        if not self._marks or now - self._marks[-1][0] >= EVERY:
            self._marks.append((now, self.steps, self.samples))
            while len(self._marks) > 2 and now - self._marks[0][0] > WINDOW:
                self._marks.popleft()

    def rates(self) -> tuple[float, float] | None:
        """Steps and samples a second; None before there is anything to say."""
        if not self._marks:
            return None
        then, steps, samples = self._marks[0]
        took = self._last - then
        if self.steps == steps or took <= 0:
            return None
        return (self.steps - steps) / took, (self.samples - samples) / took


def memory() -> int | None:
    """Bytes of main memory that this process holds; None where the system does not tell."""
    try:
        import os
        from pathlib import Path

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        pass
    try:
        import psutil

        return int(psutil.Process().memory_info().rss)
    except ImportError:
        return None
