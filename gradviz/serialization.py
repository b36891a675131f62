"""`save` and `load`: torch's file format, written and read without torch.

A weights file (tensors, numbers, strings and containers of them) is opened by a machine that runs nothing, see
`gradviz._serial.machine`. `weights_only=False` opens anything, whole models included, and runs what the file says.
"""

from __future__ import annotations

import io
import os
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradviz._serial.archive import Archive
    from gradviz._serial.legacy import Legacy

# How files are read, and which classes are trusted: gradviz._serial.options, imported when first asked for.
_OPTIONS = (
    "LoadEndianness", "add_safe_globals", "clear_safe_globals", "get_crc32_options", "get_default_load_endianness",
    "get_default_mmap_options", "get_safe_globals", "register_package", "safe_globals", "set_crc32_options",
    "set_default_load_endianness", "set_default_mmap_options", "skip_data",
)  # fmt: skip
__all__ = ["get_unsafe_globals_in_checkpoint", "load", "save", *_OPTIONS]

Name = str | os.PathLike[str]
ZIP_MAGIC = b"PK\x03\x04"
TAR_MAGIC = b"ustar"


def __getattr__(name: str) -> Any:
    if name in _OPTIONS:
        from gradviz._serial import options

        return getattr(options, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


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
    interrupted save leaves the old file. `_use_new_zipfile_serialization=False` writes the format from before PyTorch
    1.6. Raises RuntimeError if the folder does not exist.
    https://docs.pytorch.org/docs/2.13/generated/torch.save.html
    """
    if getattr(pickle_module, "__name__", None) not in (None, "pickle"):
        raise NotImplementedError(
            f"save() supports only Python's own pickle as pickle_module (got {pickle_module!r:.60})"
        )

    def write(file: IO[bytes], root: str) -> None:
        _write(obj, file, root, pickle_protocol, _use_new_zipfile_serialization, not _disable_byteorder_record)

    if isinstance(f, (str, os.PathLike)):
        from pathlib import Path

        from gradviz._serial.atomic import replace

        path = Path(f).resolve()
        replace(path, lambda file: write(file, path.stem))
    elif hasattr(f, "write"):
        buffer = io.BytesIO()
        write(buffer, "archive")
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
    """Loads what `save` wrote, here or in PyTorch, in the zip format or that from before PyTorch 1.6.

    `map_location` says where tensors go: a device, a dict from saved to wanted locations, or a function of a storage
    and its location. With `weights_only` (the default) only tensors, numbers, strings and containers load and nothing
    in the file runs; anything else raises pickle.UnpicklingError. `weights_only=False` runs code that the file chooses:
    use it only for files you trust; it unpickles with `pickle_module`. With `mmap`, storages of a zip file stay on disk
    until they are used. `encoding` is that of byte strings from Python 2. A damaged file raises RuntimeError.
    https://docs.pytorch.org/docs/2.13/generated/torch.load.html
    """
    safely = weights_only if weights_only is not None else pickle_module is None
    if safely and pickle_module is not None:
        raise RuntimeError(
            "Can not safely load weights when explicit pickle_module is specified\n"
            "A pickle module runs what the file says: leave it out, or pass weights_only=False for a file you trust."
        )
    unknown = set(pickle_load_args) - ({"encoding"} if safely else {"encoding", "errors", "fix_imports", "buffers"})
    if unknown:
        raise NotImplementedError(f"load() does not support the argument {min(unknown)!r}")
    how = {"encoding": "utf-8", **pickle_load_args}
    if isinstance(f, (str, os.PathLike)):
        from pathlib import Path

        with Path(f).open("rb" if not mmap else _mode()) as file:
            return _read(file, map_location, safely, bool(mmap), pickle_module, how)
    if mmap:
        raise ValueError("f must be a file path in order to use the mmap argument")
    return _read(_seekable(f), map_location, safely, False, pickle_module, how)


def get_unsafe_globals_in_checkpoint(f: Name | IO[bytes]) -> list[str]:
    """The names in a file that `load` refuses with `weights_only`, found without running anything.

    https://docs.pytorch.org/docs/2.13/notes/serialization.html
    """
    from gradviz._serial.options import SAFE, assumed_order
    from gradviz._serial.reader import Builder
    from gradviz._serial.worlds import WeightsWorld, named

    if isinstance(f, (str, os.PathLike)):
        from pathlib import Path

        with Path(f).open("rb") as file:
            return get_unsafe_globals_in_checkpoint(file)
    source = _open(_seekable(f), None)
    allowed = WeightsWorld(Builder(source, None, assumed_order()), SAFE)
    return [name for name in named(source.program()) if not allowed.knows(name)]


def _mode() -> str:
    import mmap

    from gradviz._serial.options import get_default_mmap_options

    return "rb" if get_default_mmap_options() == mmap.MAP_PRIVATE else "r+b"


def _seekable(f: Any) -> IO[bytes]:
    for needed in ("read", "seek", "tell"):
        if not hasattr(f, needed):
            raise AttributeError(
                f"{type(f).__name__!r} object has no attribute {needed!r}. You can only torch.load from a file that is "
                "seekable. Please pre-load the data into a buffer like io.BytesIO and try to load from it instead."
            )
    file: IO[bytes] = f
    # A file whose beginning is the current position, where a zip archive may start.
    return io.BytesIO(file.read()) if file.tell() else file


def _write(obj: object, file: IO[bytes], root: str, protocol: int, zipped: bool, byte_order: bool) -> None:
    from gradviz._serial.writer import Writer

    program = io.BytesIO()
    writer = Writer(program, protocol, legacy=not zipped)
    writer.dump(obj)
    if zipped:
        from gradviz._serial import archive

        archive.write(file, root, program.getvalue(), writer.storages, byte_order)
    else:
        from gradviz._serial import legacy

        legacy.write(file, program.getvalue(), list(zip(writer.storages, writer.element_sizes, strict=True)), protocol)


def _read(
    file: IO[bytes], map_location: Any, safely: bool, mapped: bool, pickle_module: Any, how: dict[str, Any]
) -> Any:
    import pickle

    from gradviz._serial.machine import run
    from gradviz._serial.options import SAFE, assumed_order, get_default_mmap_options
    from gradviz._serial.reader import Builder
    from gradviz._serial.worlds import WeightsWorld, unpickle

    builder = None
    try:
        source = _open(file, get_default_mmap_options() if mapped else None)
        builder = Builder(source, map_location, assumed_order())
        if safely:
            return run(source.program(), WeightsWorld(builder, SAFE, how["encoding"]))
    except pickle.UnpicklingError as error:
        if builder is not None and builder.raised is not None:
            raise builder.raised from None
        raise pickle.UnpicklingError(_weights_only(str(error))) from error
    return unpickle(io.BytesIO(source.program()), builder, pickle_module or pickle, **how)


def _open(file: IO[bytes], flags: int | None) -> Archive | Legacy:
    """The file by its format, which its first bytes tell."""
    import pickle

    from gradviz._serial.archive import Archive
    from gradviz._serial.legacy import MAGIC, Legacy

    start = file.read(512)
    file.seek(0)
    if not start:
        raise EOFError("Ran out of input: the file is empty. It may still be being written, or its disk was full.")
    if start.startswith(ZIP_MAGIC):
        archive = Archive(file, flags)
        _check_script(archive)
        return archive
    if start[257:262] == TAR_MAGIC:
        raise RuntimeError(
            "Cannot use ``weights_only=True`` with files saved in the legacy .tar format. load() cannot open PyTorch's "
            "oldest format (a tar archive, from before version 0.2): open it with PyTorch and save it again."
        )
    if start[:1] != b"\x80" or MAGIC[2:] not in start[:40]:
        raise pickle.UnpicklingError(
            f"the file does not start as a file that save() wrote: it starts with {start[:16]!r}."
        )
    if flags is not None:
        raise RuntimeError(
            "mmap can only be used with files saved with `torch.save(_use_new_zipfile_serialization=True), please "
            "torch.save your checkpoint with this option in order to use mmap."
        )
    return Legacy(file)


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
