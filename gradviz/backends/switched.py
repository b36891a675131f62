"""Modules whose attributes are switches: setting one checks it, as in PyTorch."""

from __future__ import annotations

import sys
import types
from typing import Any

from ..core import precision


class Switched(types.ModuleType):
    """A module some of whose attributes are properties of its class."""


def become(name: str, kind: type[Switched]) -> None:
    """Let a module be of this kind from here on."""
    sys.modules[name].__class__ = kind


def truth(name: str, value: Any) -> bool:
    """The value of a switch that is on or off; RuntimeError for all else. `name`: what PyTorch calls setting it."""
    if not isinstance(value, bool):
        raise RuntimeError(f"{name} expects a bool, but got {type(value).__name__}")
    return value


def plain(name: str, word: str) -> property:
    """A switch that is on or off and kept in the module itself as `_name`."""

    def put(module: Any, value: Any) -> None:
        module.__dict__["_" + name] = truth(word, value)

    return property(lambda module: module.__dict__["_" + name], put)


def fp32_precision(backend: str, op: str, sets: tuple[str, str] | None = None) -> property:
    """One place of the table in `gradviz.core.precision`; `sets`: the place that setting it sets, if another."""
    where = sets or (backend, op)

    def put(_: Any, value: Any) -> None:
        precision.put(*where, value)

    return property(lambda _: precision.get(backend, op), put)


class Fp32Precision:
    """What has `fp32_precision` and nothing else: `torch.backends.cudnn.conv` and its like."""

    def __init__(self, backend: str, op: str) -> None:
        self.__dict__.update(backend=backend, op=op)

    def __getattr__(self, name: str) -> Any:
        if name != "fp32_precision":
            raise AttributeError("Unknown attribute " + name)
        return precision.get(self.backend, self.op)

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "fp32_precision":
            raise AttributeError("Unknown attribute " + name)
        precision.put(self.backend, self.op, value)


def set_all(module: Any, names: tuple[str, ...], given: dict[str, Any]) -> tuple[Any, ...]:
    """Set those switches of a module that are given (as `_name`, not None); what all of these names were before."""
    before = tuple(getattr(module, name) for name in names)
    for name in names:
        if given["_" + name] is not None:
            setattr(module, name, given["_" + name])
    return before
