"""Nested containers of tensors: taken apart into leaves, and put together again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

LEAF = "*"


class Spec(NamedTuple):
    """The shape of a nest: how to make the container from its parts, and the shapes of the parts."""

    kind: Any
    keys: Any
    parts: tuple[Any, ...]

    def __str__(self) -> str:
        if self.kind is LEAF:
            return str(LEAF)
        inner = ", ".join(str(p) for p in self.parts)
        return f"({inner})" if self.kind is tuple else f"TreeSpec({self.kind.__name__}, {self.keys}, [{inner}])"


_LEAF = Spec(LEAF, None, ())


def children(tree: Any) -> tuple[Any, Any, list[Any]] | None:
    """Kind, keys and parts of a container; None for anything else, which is a leaf."""
    kind = type(tree)
    if kind in (tuple, list):
        return kind, None, list(tree)
    if kind in (dict, OrderedDict):
        return kind, list(tree), list(tree.values())
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return kind, None, list(tree)
    return None


def flatten(tree: Any) -> tuple[list[Any], Spec]:
    """The leaves from left to right, and the shape that puts them together again."""
    found = children(tree)
    if found is None:
        return [tree], _LEAF
    kind, keys, parts = found
    leaves: list[Any] = []
    specs = []
    for part in parts:
        below, spec = flatten(part)
        leaves += below
        specs.append(spec)
    return leaves, Spec(kind, tuple(keys) if keys is not None else None, tuple(specs))


def unflatten(leaves: Sequence[Any], spec: Spec) -> Any:
    """The nest of this shape that holds these leaves."""
    return _take(iter(leaves), spec)


def _take(leaves: Any, spec: Spec) -> Any:
    if spec.kind is LEAF:
        return next(leaves)
    parts = [_take(leaves, part) for part in spec.parts]
    if spec.keys is not None:
        return spec.kind(zip(spec.keys, parts, strict=True))
    return spec.kind(parts) if spec.kind in (tuple, list) else spec.kind(*parts)


def spread(prefix: Any, spec: Spec) -> list[Any] | None:
    """One entry of `prefix` per leaf, an entry standing for all leaves below it; None if the shapes do not fit."""
    found = children(prefix)
    if found is None:
        return [prefix] * count(spec)
    kind, keys, parts = found
    if (
        kind is not spec.kind
        or (tuple(keys) if keys is not None else None) != spec.keys
        or len(parts) != len(spec.parts)
    ):
        return None
    out: list[Any] = []
    for part, below in zip(parts, spec.parts, strict=True):
        entries = spread(part, below)
        if entries is None:
            return None
        out += entries
    return out


def count(spec: Spec) -> int:
    """How many leaves a nest of this shape has."""
    return 1 if spec.kind is LEAF else sum(count(part) for part in spec.parts)
