"""Reading the pickles that image data sets are published as, without running them: dicts, lists and uint8 arrays."""

from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from gradviz._serial.machine import World, run


class _Array:
    """An array that is still being described: pickles make it empty and give it shape and bytes afterwards."""

    value: np.ndarray[Any, Any] | None = None


class _Name:
    """One of the few names that a pickled array mentions."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class _UInt8:
    """The element type uint8, the only one there is here."""


# NumPy's module was renamed: the published files were written by Python 2 and say numpy.core.
_NAMES = {
    f"{module}.{name}": _Name(name)
    for module, name in [
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy.core.numeric", "_frombuffer"),
        ("numpy._core.numeric", "_frombuffer"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("_codecs", "encode"),
    ]
}


class _ArrayWorld(World):
    def find(self, module: str, name: str) -> Any:
        found = _NAMES.get(f"{module}.{name}")
        return super().find(module, name) if found is None else found

    def call(self, function: Any, arguments: tuple[Any, ...]) -> Any:
        kind = getattr(function, "name", None)
        if kind == "dtype" and str(_text(arguments[0])) in ("u1", "|u1", "uint8"):
            return _UInt8()
        if kind == "_reconstruct":
            return _Array()
        if kind == "encode" and arguments[1:] in ((), ("latin1",)):
            return arguments[0].encode("latin1")
        if kind == "_frombuffer" and isinstance(arguments[1], _UInt8):
            made = _Array()
            made.value = _array(arguments[2], arguments[0], arguments[3] == "F")
            return made
        raise pickle.UnpicklingError(
            f"it calls {kind or function!r} with {arguments!r:.60}, which image data does not need"
        )

    def build(self, instance: Any, state: Any) -> None:
        if isinstance(instance, _UInt8):
            return
        if not isinstance(instance, _Array):
            super().build(instance, state)
        _, shape, element, fortran, content = state
        if not isinstance(element, _UInt8):
            raise pickle.UnpicklingError("its array does not hold uint8")
        instance.value = _array(shape, content, bool(fortran))


def load(path: Path) -> Any:
    """The value in a pickled data file, its keys and text as str, its arrays uint8.

    Raises pickle.UnpicklingError for a damaged file and for one that asks for anything else.
    """
    return _plain(run(path.read_bytes(), _ArrayWorld()))


def _array(shape: Any, content: Any, fortran: bool) -> np.ndarray[Any, Any]:
    raw = content.encode("latin1") if isinstance(content, str) else content
    if not all(type(size) is int and size >= 0 for size in shape) or math.prod(shape) != len(raw):
        raise pickle.UnpicklingError(f"its array of shape {shape!r:.40} comes with {len(raw)} bytes")
    return np.frombuffer(raw, np.uint8).reshape(shape, order="F" if fortran else "C")


def _text(value: Any) -> Any:
    return value.decode("latin1") if isinstance(value, bytes) else value


def _plain(value: Any) -> Any:
    """Bytes as text and described arrays as arrays, in the dict of lists that a data file is."""
    if isinstance(value, dict):
        return {_text(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_text(item) for item in value]
    return value.value if isinstance(value, _Array) else _text(value)
