"""Named results: `torch.return_types.max(values=..., indices=...)`."""

from __future__ import annotations

import operator
from typing import Any

_made: dict[str, Any] = {}


def named(name: str, fields: tuple[str, ...]) -> Any:
    """A tuple class whose fields have names, printed as PyTorch prints its return types."""
    if name in _made:
        return _made[name]

    def show(self: Any) -> str:
        parts = ",\n".join(f"{f}={v!r}" for f, v in zip(fields, self, strict=True))
        return f"torch.return_types.{name}(\n{parts})"

    def reduce(self: Any) -> Any:
        return _again, (name, fields, tuple(self))

    members: dict[str, Any] = {f: property(operator.itemgetter(i)) for i, f in enumerate(fields)}
    members |= {"__reduce__": reduce, "__match_args__": fields}
    _made[name] = type(
        name, (tuple,), {"__slots__": (), "__repr__": show, "__module__": "torch.return_types", **members}
    )
    return _made[name]


def _again(name: str, fields: tuple[str, ...], values: tuple[Any, ...]) -> Any:
    """Undo the pickling of a named result."""
    return named(name, fields)(values)


def known(name: str) -> Any:
    """The class of this name, if an operation has one."""
    return _made.get(name)
