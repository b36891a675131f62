"""Unpacking archives into a folder that they cannot leave: hostile ones are refused, nothing is left half-written."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from gradviz.core.errors import noted

CHUNK = 1 << 20
# An archive may grow to so many times its own size (text compresses to a tenth, bombs to a thousandth), ...
GROWTH, ALWAYS = 200, 64 << 20
# ... and hold so many files.
MOST_FILES = 1_000_000
_TARS = {".tar": "", ".tar.gz": "gz", ".tgz": "gz", ".tar.bz2": "bz2", ".tbz": "bz2", ".tbz2": "bz2", ".tar.xz": "xz",
         ".txz": "xz"}  # fmt: skip
_SINGLE = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma"}


class Member(NamedTuple):
    """One entry of an archive: its name, "file", "folder" or what else it is, and how to open it."""

    name: str
    kind: str
    open: Callable[[], IO[bytes]]


def refused(archive: Path, why: str) -> RuntimeError:
    """The error for an archive that is not unpacked."""
    return noted(RuntimeError(f"{archive.name} is not unpacked: {why}\nIt is at {archive.absolute()}."))


def extract(archive: Path, folder: Path) -> None:
    """Unpacks a .zip, a .tar (.gz, .bz2, .xz), or a single compressed file, into `folder`.

    Everything is unpacked beside its place first and moved there when it is complete. Raises RuntimeError for entries
    that are not plain files and folders or would lie outside, for sizes that only bombs have, and for damaged archives.
    """
    import shutil

    folder.mkdir(parents=True, exist_ok=True)
    room = max(ALWAYS, GROWTH * archive.stat().st_size)
    aside = folder / f".{archive.name}.{os.getpid()}.part"
    shutil.rmtree(aside, ignore_errors=True)
    try:
        with ExitStack() as opened:
            for count, member in enumerate(_members(archive, opened)):
                if count >= MOST_FILES:
                    raise refused(archive, f"it has more than {MOST_FILES} entries")
                place = aside.joinpath(*_parts(archive, member.name))
                if member.kind == "folder":
                    place.mkdir(parents=True, exist_ok=True)
                elif member.kind != "file":
                    raise refused(archive, f"its entry {member.name!r} is {member.kind}, not a file or folder")
                else:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    with member.open() as source:
                        room = _copy(archive, source, place, room)
        _move(aside, folder)
    except _damage() as error:
        raise refused(archive, f"it is damaged ({type(error).__name__}: {error})") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _damage() -> tuple[type[Exception], ...]:
    import lzma
    import tarfile
    import zipfile
    import zlib

    return tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError


def _parts(archive: Path, name: str) -> tuple[str, ...]:
    """The folders and the file that a name stands for, if it lies inside."""
    path = PurePosixPath(name)
    if "\\" in name or "\0" in name or ":" in name.split("/")[0] or path.is_absolute() or ".." in path.parts:
        raise refused(archive, f"its entry {name!r} would lie outside the folder")
    return path.parts


def _copy(archive: Path, source: IO[bytes], place: Path, room: int) -> int:
    """Copies a file and returns the room that is left; sizes that an archive states are not believed."""
    with place.open("xb") as target:
        while chunk := source.read(CHUNK):
            room -= len(chunk)
            if room < 0:
                raise refused(archive, f"it unpacks to more than {GROWTH} times its size, as only bombs do")
            target.write(chunk)
    return room


def _move(source: Path, target: Path) -> None:
    """Each file to its place, the folders made on the way."""
    for root, folders, files in os.walk(source):
        there = target / Path(root).relative_to(source)
        for name in folders:
            (there / name).mkdir(exist_ok=True)
        for name in files:
            (Path(root) / name).replace(there / name)


# -- the kinds of archive --------------------------------------------------------------------------------------------
def _members(archive: Path, opened: ExitStack) -> Iterator[Member]:
    name = archive.name.lower()
    tar = next((mode for ending, mode in _TARS.items() if name.endswith(ending)), None)
    if tar is not None:
        return _of_tar(archive, tar, opened)
    if name.endswith(".zip"):
        return _of_zip(archive, opened)
    single = _SINGLE.get(archive.suffix.lower())
    if single is None:
        raise noted(
            RuntimeError(
                f"Unknown compression or archive type: '{archive.suffix}'.\n"
                f"Known are .zip, {', '.join(_TARS)}, {', '.join(_SINGLE)}."
            )
        )
    module: Any = __import__(single)
    return iter([Member(archive.stem, "file", lambda: module.open(archive, "rb"))])


def _of_tar(archive: Path, mode: str, opened: ExitStack) -> Iterator[Member]:
    import tarfile

    how: Any = f"r:{mode}"
    tar = opened.enter_context(tarfile.open(archive, how))  # noqa: SIM115
    for entry in tar:
        kind = "folder" if entry.isdir() else "file" if entry.isreg() else "a link" if _links(entry) else "a device"
        yield Member(entry.name, kind, lambda entry=entry: tar.extractfile(entry))  # type: ignore[misc, arg-type]


def _links(entry: Any) -> bool:
    return bool(entry.issym() or entry.islnk())


def _of_zip(archive: Path, opened: ExitStack) -> Iterator[Member]:
    import zipfile

    packed = opened.enter_context(zipfile.ZipFile(archive))
    for entry in packed.infolist():
        mode = entry.external_attr >> 16  # the Unix file type, 0 where the archive comes from elsewhere
        odd = stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR)
        kind = "folder" if entry.is_dir() else "a link" if stat.S_ISLNK(mode) else "a device" if odd else "file"
        yield Member(entry.filename, kind, lambda entry=entry: packed.open(entry))  # type: ignore[misc]


# -- some files of an archive ------------------------------------------------------------------------------------------
def take(
    archive: Path, inner: str, names: Iterable[str], folder: Path, largest: int,
    damaged: Callable[[Path, str], Exception],
) -> None:  # fmt: skip
    """Takes the named files out of the folder `inner` of a .tar.gz; each appears when it is complete."""
    import tarfile
    import zlib

    wanted = {f"{inner}/{name}": name for name in names}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                path = member.name.removeprefix("./")
                name = wanted.get(path)
                if name is None:
                    continue
                source = tar.extractfile(member) if member.isreg() and member.size <= largest else None
                if source is None:
                    raise damaged(archive, f"its entry {member.name} is not a file of at most {largest} bytes")
                write_whole(folder / name, source)
                del wanted[path]
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise damaged(archive, f"it cannot be unpacked into {folder}: {error}") from error
    if wanted:
        raise damaged(archive, f"it does not hold {', '.join(wanted)}")


def write_whole(path: Path, source: IO[bytes]) -> None:
    """Writes a file beside its place and renames it when it is complete."""
    import shutil

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            shutil.copyfileobj(source, file)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
