"""What `torch.serialization` lets a program set: the classes it trusts, and how files are read."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Sequence
from enum import Enum
from typing import Any, NoReturn

from gradviz.core.errors import noted

SAFE: dict[str, Any] = {}  # full name in the file -> class or function


class LoadEndianness(Enum):
    """The order of bytes in files that do not tell theirs."""

    NATIVE = 1
    LITTLE = 2
    BIG = 3


class _Settings:
    endianness: LoadEndianness | None = None
    mmap_flags: int = getattr(mmap, "MAP_PRIVATE", 2)


def get_default_load_endianness() -> LoadEndianness | None:
    """The order of bytes assumed for files that do not tell theirs; None means little."""
    return _Settings.endianness


def set_default_load_endianness(endianness: LoadEndianness | None) -> None:
    """Sets the order of bytes assumed for files that do not tell theirs."""
    if not isinstance(endianness, LoadEndianness) and endianness is not None:
        raise TypeError("Invalid argument type in function set_default_load_endianness")
    _Settings.endianness = endianness


def assumed_order() -> str:
    """`little` or `big`, for files that do not tell theirs."""
    chosen = _Settings.endianness
    return "little" if chosen is None else sys.byteorder if chosen is LoadEndianness.NATIVE else chosen.name.lower()


def get_crc32_options() -> bool:
    """Whether `save` writes checksums: always."""
    return True


def set_crc32_options(compute_crc32: bool) -> None:
    """Accepts True; files without checksums are not supported."""
    if not compute_crc32:
        raise NotImplementedError("set_crc32_options() does not support compute_crc32=False: save() writes checksums")


def get_default_mmap_options() -> int:
    """How `load(mmap=True)` maps a file: mmap.MAP_PRIVATE or mmap.MAP_SHARED."""
    return _Settings.mmap_flags


class set_default_mmap_options:
    """Sets how `load(mmap=True)` maps a file, for good or for the length of a `with` block.

    Tensors of a file mapped with mmap.MAP_PRIVATE are the program's own; what is written to those of a file mapped with
    mmap.MAP_SHARED is written to the file.
    """

    def __init__(self, flags: int) -> None:
        if flags not in (getattr(mmap, "MAP_PRIVATE", 2), getattr(mmap, "MAP_SHARED", 1)):
            raise ValueError(
                "Invalid argument in function set_default_mmap_options, "
                f"expected mmap.MAP_PRIVATE or mmap.MAP_SHARED, but got {flags}"
            )
        self.prev = _Settings.mmap_flags
        _Settings.mmap_flags = flags

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        _Settings.mmap_flags = self.prev


def add_safe_globals(safe_globals: Sequence[Any]) -> None:
    """Lets `load` with `weights_only` make objects of these classes, and call these functions.

    An item may be a pair of a class and the full name that the file has for it.
    """
    for item in safe_globals:
        value, name = _pair(item) if isinstance(item, tuple) else (item, f"{item.__module__}.{item.__qualname__}")
        SAFE[name] = value


def _pair(item: tuple[Any, ...]) -> tuple[Any, str]:
    if len(item) != 2:
        raise ValueError(
            f"Expected tuple of length 2 (global, str of callable full path), but got tuple of length: {len(item)}"
        )
    if not isinstance(item[1], str):
        raise TypeError(f"Expected second item in tuple to be str of callable full path, but got: {type(item[1])}")
    return item


def get_safe_globals() -> list[Any]:
    """The classes and functions that the user has allowed."""
    return list(SAFE.values())


def clear_safe_globals() -> None:
    """Forgets what `add_safe_globals` allowed."""
    SAFE.clear()


class safe_globals:
    """Allows classes and functions, as `add_safe_globals` does, for the length of a `with` block."""

    def __init__(self, safe_globals: Sequence[Any]) -> None:
        self.safe_globals = safe_globals

    def __enter__(self) -> None:
        self.before = dict(SAFE)
        add_safe_globals(self.safe_globals)

    def __exit__(self, *exc: object) -> None:
        SAFE.clear()
        SAFE.update(self.before)


def register_package(priority: int, tagger: Any, deserializer: Any) -> NoReturn:
    """Not supported: gradviz's devices are its own."""
    raise noted(
        NotImplementedError(
            "register_package() is not supported\nThe devices of gradviz are registered by gradviz; say where tensors "
            "go with load(..., map_location=...)."
        )
    )


class skip_data:
    """Not supported: a file without its data."""

    def __init__(self, materialize_fake_tensors: bool = False) -> None:
        raise NotImplementedError("skip_data() is not supported: save() writes the data of every storage")
