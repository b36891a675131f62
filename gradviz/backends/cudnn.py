"""NVIDIA's library for neural networks, which is not used here (torch.backends.cudnn).

Programs set `deterministic` and `benchmark`: convolutions are deterministic here, and none are tried out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

enabled = True
benchmark = False
benchmark_limit: int | None = None
deterministic = False
allow_tf32 = True


def is_available() -> bool:
    """Whether it is in use: never."""
    return False


def version() -> int | None:
    """Its version, or None."""
    return None


@contextmanager
def flags(
    enabled: bool = False, benchmark: bool = False, benchmark_limit: int | None = 10, deterministic: bool = False,
    allow_tf32: bool = True,
) -> Iterator[None]:  # fmt: skip
    """The switches set to these values until the end of the `with` block."""
    values = dict(locals())
    kept = {name: globals()[name] for name in values}
    globals().update(values)
    try:
        yield
    finally:
        globals().update(kept)
