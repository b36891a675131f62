"""A progress bar in text: it redraws its line in a terminal and in a notebook, and prints one line elsewhere."""

from __future__ import annotations

import sys
import time
from typing import IO, Any, Self

WIDTH = 24
EVERY = 0.1


class Progress:
    """How far `total` bytes have come (None where that is not known); used in a `with` block."""

    def __init__(self, name: str, total: int | None, done: int = 0, stream: IO[str] | None = None) -> None:
        self.name, self.total, self.done = name, total, done
        self.stream = sys.stderr if stream is None else stream
        self.redraws = _redraws(self.stream)
        self.began, self.first, self.drawn = time.monotonic(), done, 0.0

    def __enter__(self) -> Self:
        return self

    def add(self, n: int) -> None:
        """n more bytes are there."""
        self.done += n
        now = time.monotonic()
        if self.redraws and now - self.drawn >= EVERY:
            self.drawn = now
            self.stream.write(f"\r{self.line()}")
            self.stream.flush()

    def line(self) -> str:
        """The bar as text: name, share, bytes, speed and the time left."""
        seconds = max(time.monotonic() - self.began, 1e-6)
        speed = (self.done - self.first) / seconds
        shown = f"{_size(self.done)}, {_size(speed)}/s"
        if not self.total:
            return f"{self.name}: {shown}"
        share = min(self.done / self.total, 1.0)
        bar = ("#" * round(share * WIDTH)).ljust(WIDTH, ".")
        left = f", {(self.total - self.done) / speed:.0f} s left" if speed > 0 and self.done < self.total else ""
        return f"{self.name}: {share:4.0%} [{bar}] {_size(self.done)} of {_size(self.total)}, {_size(speed)}/s{left}"

    def __exit__(self, *exc: object) -> None:
        start = "\r" if self.redraws else ""
        # Shorter than the line before it, a line is padded so that nothing of that stays visible.
        self.stream.write(f"{start}{self.line().ljust(100 if self.redraws else 0)}\n")
        self.stream.flush()


def _redraws(stream: Any) -> bool:
    """Whether a carriage return takes back a line: in terminals, and in a notebook's output."""
    kind = type(stream).__module__
    return kind.startswith("ipykernel") or bool(getattr(stream, "isatty", bool)())


def _size(n: float) -> str:
    for unit in ("B", "kB", "MB"):
        if n < 1000:
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1000
    return f"{n:.1f} GB"
