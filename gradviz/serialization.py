"""`save` and `load`: torch's file format, written and read without torch.

A weights file (tensors, numbers, strings and containers of them) is opened by a machine that runs nothing, see
`gradviz._serial.machine`. `weights_only=False` opens anything, whole models included, and runs what the file says.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from gradviz._serial.archive import Archive

__all__ = ["add_safe_globals", "clear_safe_globals", "get_safe_globals", "load", "safe_globals", "save"]

Name = str | os.PathLike[str]
LEGACY_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
ZIP_MAGIC = b"PK\x03\x04"
TAR_MAGIC = b"ustar"
_safe: dict[str, Any] = {}


def save(
    obj: object,
    f: Name | IO[bytes],
    pickle_module: Any = None,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Saves an object in torch's file format, to a path or a file object.

    Tensors that share memory share it again when loaded, and the whole of it is saved: save `view.clone()` to keep a
    small part of a large tensor. A file at a path is written beside its place and renamed when complete, so an
    interrupted save leaves the old file. Raises RuntimeError if the folder does not exist.
    https://docs.pytorch.org/docs/2.13/generated/torch.save.html
    """
    _refuse("save", pickle_module=pickle_module, _disable_byteorder_record=_disable_byteorder_record)
    _refuse("save", _use_new_zipfile_serialization=not _use_new_zipfile_serialization)
    if isinstance(f, (str, os.PathLike)):
        from pathlib import Path

        path = Path(f).resolve()
        _replace(path, lambda file: _write(obj, file, path.stem, pickle_protocol))
    elif hasattr(f, "write"):
        buffer = io.BytesIO()
        _write(obj, buffer, "archive", pickle_protocol)
        f.write(buffer.getbuffer())
    else:
        raise AttributeError(
            "expected 'f' to be string, path, or a file-like object with a 'write' attribute\n"
            f"save(obj, f) got f = {f!r:.80}: the object comes first, then the path."
        )


def load(
    f: Name | IO[bytes],
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Loads what `save` wrote, here or in PyTorch.

    `map_location` says where tensors go: a device, a dict from saved to wanted locations, or a function of a storage
    and its location. With `weights_only` (the default) only tensors, numbers, strings and containers load and nothing
    in the file runs; anything else raises pickle.UnpicklingError. `weights_only=False` runs code that the file chooses:
    use it only for files you trust. A damaged file raises RuntimeError.
    https://docs.pytorch.org/docs/2.13/generated/torch.load.html
    """
    _refuse("load", pickle_module=pickle_module, mmap=mmap, **pickle_load_args)
    if isinstance(f, (str, os.PathLike)):
        from pathlib import Path

        with Path(f).open("rb") as file:
            return _read(file, map_location, weights_only is not False)
    for needed in ("read", "seek", "tell"):
        if not hasattr(f, needed):
            raise AttributeError(
                f"{type(f).__name__!r} object has no attribute {needed!r}. You can only torch.load from a file that is "
                "seekable. Please pre-load the data into a buffer like io.BytesIO and try to load from it instead."
            )
    return _read(f, map_location, weights_only is not False)


def add_safe_globals(safe_globals: Sequence[Any]) -> None:
    """Lets `load` with `weights_only` make objects of these classes, and call these functions."""
    for item in safe_globals:
        value, name = item if isinstance(item, tuple) else (item, f"{item.__module__}.{item.__qualname__}")
        _safe[name] = value


def get_safe_globals() -> list[Any]:
    """The classes and functions that the user has allowed."""
    return list(_safe.values())


def clear_safe_globals() -> None:
    """Forgets what `add_safe_globals` allowed."""
    _safe.clear()


@contextmanager
def safe_globals(safe_globals: Sequence[Any]) -> Iterator[None]:
    """Allows classes and functions, as `add_safe_globals` does, for the length of a `with` block."""
    before = dict(_safe)
    add_safe_globals(safe_globals)
    try:
        yield
    finally:
        _safe.clear()
        _safe.update(before)


def _refuse(function: str, **arguments: Any) -> None:
    for name, value in arguments.items():
        if value:
            raise NotImplementedError(f"{function}() does not support the argument {name!r} (got {value!r:.60})")


def _write(obj: object, file: IO[bytes], root: str, protocol: int) -> None:
    from gradviz._serial import archive
    from gradviz._serial.writer import Writer

    program = io.BytesIO()
    writer = Writer(program, protocol)
    writer.dump(obj)
    archive.write(file, root, program.getvalue(), writer.storages)


def _replace(path: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Writes a file beside `path` and moves it there once complete; a device or pipe is written directly."""
    if not path.parent.is_dir():
        raise RuntimeError(f"Parent directory {path.parent} does not exist.")
    if path.exists() and not path.is_file():
        buffer = io.BytesIO()
        write(buffer)
        path.write_bytes(buffer.getbuffer())
        return
    beside = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with beside.open("w+b") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            beside.chmod(path.stat().st_mode & 0o7777)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _read(file: IO[bytes], map_location: Any, weights_only: bool) -> Any:
    import pickle

    from gradviz._serial.archive import Archive
    from gradviz._serial.machine import run
    from gradviz._serial.reader import Builder, Unpickler, WeightsWorld

    file = _from_here(file)
    _check_format(file)
    archive = Archive(file)
    _check_script(archive)
    builder = Builder(archive, map_location)
    program = archive.read("data.pkl")
    if not weights_only:
        return Unpickler(io.BytesIO(program), builder).load()
    try:
        return run(program, WeightsWorld(builder, _safe))
    except pickle.UnpicklingError as error:
        raise pickle.UnpicklingError(_weights_only(str(error))) from error


def _from_here(file: IO[bytes]) -> IO[bytes]:
    """A file whose beginning is the current position, where a zip archive may start."""
    return io.BytesIO(file.read()) if file.tell() else file


def _check_format(file: IO[bytes]) -> None:
    """Names the formats that are not torch's zip file, so that the error says what to do."""
    import pickle

    start = file.read(512)
    file.seek(0)
    if not start:
        raise EOFError("Ran out of input: the file is empty. It may still be being written, or its disk was full.")
    if start.startswith(ZIP_MAGIC):
        return
    if start.startswith(LEGACY_MAGIC):
        kind = "PyTorch's format from before version 1.6 (one pickle stream)"
    elif start[257:262] == TAR_MAGIC:
        kind = "PyTorch's oldest format (a tar archive)"
    else:
        raise pickle.UnpicklingError(
            _weights_only(f"the file does not start as a file that save() wrote: it starts with {start[:16]!r}.")
        )
    raise RuntimeError(
        f"load() cannot open this file: it is in {kind}. Open it with PyTorch 1.6 or later and save it again, which "
        "writes the zip format."
    )


def _check_script(archive: Archive) -> None:
    if "constants.pkl" in archive:
        raise RuntimeError(
            "Cannot use ``weights_only=True`` with TorchScript archives passed to ``torch.load``. The file is a "
            "TorchScript program, which only PyTorch can run; save the module's state_dict() there instead."
        )


def _weights_only(cause: str) -> str:
    """The text of a refusal."""
    return (
        f"Weights only load failed. {cause}\n"
        "A weights file may hold tensors, numbers, strings and lists, tuples, sets and dicts of them; this one holds "
        "or "
        "asks for more. Files that hold more run code of their choosing when they are loaded: pass weights_only=False "
        "only if you trust where the file came from, or allow a class with "
        "torch.serialization.add_safe_globals([TheClass])."
    )
