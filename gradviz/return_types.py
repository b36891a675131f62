"""The classes of results with names, such as `torch.return_types.max` (torch.return_types)."""

from __future__ import annotations

from typing import Any

from .core.ops.named import known


def __getattr__(name: str) -> Any:
    found = known(name)
    if found is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return found
