"""Downloading: several addresses tried in order, continued where it broke off, checked, and in place when complete.

file.tar.gz.part     what has arrived; kept when a download breaks off, and continued by the next
file.tar.gz          appears, whole, once its checksum is right
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from gradviz.core.errors import noted

from .progress import Progress

CHUNK = 1 << 16
TIMEOUT = 30.0
TRIES = 3
LARGEST = 32 << 30


class DownloadError(Exception):
    """Why one address did not give the file."""


def checksum(path: Path, kind: str = "md5", chunk_size: int = 1 << 20) -> str:
    """The checksum of a file, in hexadecimal."""
    digest = hashlib.new(kind, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(chunk_size):
            digest.update(chunk)
    return digest.hexdigest()


def intact(path: Path, sums: dict[str, str]) -> bool:
    """Whether a file is there and has these checksums."""
    return path.is_file() and all(checksum(path, kind) == want.lower() for kind, want in sums.items())


def fetch(
    urls: Sequence[str], path: Path, md5: str | None = None, sha256: str | None = None, progress: bool = True,
    largest: int = LARGEST,
) -> Path:  # fmt: skip
    """Sees to it that the file is at `path`, from the first of `urls` that gives it intact.

    Raises RuntimeError, with what went wrong at each address, if none does.
    """
    sums = {kind: value for kind, value in (("md5", md5), ("sha256", sha256)) if value is not None}
    if sums and intact(path, sums):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part, reasons = path.with_name(f"{path.name}.part"), []
    if not sums:
        # Nothing would show that two halves of different files have been put together.
        part.unlink(missing_ok=True)
    for url in urls:
        try:
            _from(url, part, sums, progress, largest)
        except DownloadError as error:
            reasons.append(f"{url}: {error}")
            continue
        part.replace(path)
        return path
    raise noted(
        RuntimeError(
            f"Error downloading {path.name}\n"
            + "\n".join(reasons)
            + f"\nPut the file at {path.absolute()} yourself, or "
            "try again: what has arrived is kept."
        )
    )


def _from(url: str, part: Path, sums: dict[str, str], progress: bool, largest: int) -> None:
    """One address: tried again where it broke off, and once from the start if what was continued turns out wrong."""
    from urllib.parse import urlsplit

    if urlsplit(url).scheme not in ("http", "https"):
        raise DownloadError("only http and https addresses are downloaded")
    tries, furthest = 0, 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            _receive(url, part, before, progress, largest)
        except BrokenError as error:
            have = part.stat().st_size if part.exists() else 0
            tries = 0 if sums and have > furthest else tries + 1
            furthest = max(have, furthest)
            if not sums:
                part.unlink(missing_ok=True)
            if tries >= TRIES:
                raise DownloadError(str(error)) from error
            continue
        if intact(part, sums):
            return
        found = {kind: checksum(part, kind) for kind in sums}
        part.unlink()
        if not before:
            raise DownloadError(f"the checksum is {found}, not {sums}")


class BrokenError(Exception):
    """A connection that ended early."""


def _receive(url: str, part: Path, have: int, progress: bool, largest: int) -> None:
    """Asks for the file from byte `have` on, and adds what comes to `part`."""
    import http.client
    import urllib.error
    import urllib.request

    # Compressed on the way, a file would have other bytes, and ranges of it would mean nothing.
    headers = {"User-Agent": "gradviz", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT) as answer:
            continues = answer.status == 206 and _starts_at(answer, have)
            _store(answer, part, have if continues else 0, progress, largest)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # no such range: the part is whole already, or of another file
            if _total(error.headers.get("Content-Range")) != have:
                part.unlink()
                raise BrokenError("the server has a shorter file than what was there") from error
            return
        raise DownloadError(f"HTTP {error.code} {error.reason}") from error
    except urllib.error.URLError as error:  # before anything came
        raise DownloadError(str(error.reason)) from error
    except (http.client.HTTPException, OSError) as error:
        raise BrokenError(f"{type(error).__name__}: {error}") from error


def _store(answer: Any, part: Path, start: int, progress: bool, largest: int) -> None:
    length = answer.headers.get("Content-Length")
    total = start + int(length) if length is not None and length.isdigit() else None
    if total is not None and total > largest:
        raise DownloadError(f"it would be {total} bytes, more than {largest}")
    name = part.name.removesuffix(".part")
    done = start
    with ExitStack() as opened:
        file = opened.enter_context(part.open("r+b" if start else "wb"))
        bar = opened.enter_context(Progress(name, total, start)) if progress else None
        file.seek(start)
        file.truncate()
        # read1 gives what there is, so that a connection that breaks off has given everything before that.
        while chunk := answer.read1(CHUNK):
            done += len(chunk)
            if done > largest:
                raise DownloadError(f"it has more than {largest} bytes")
            file.write(chunk)
            if bar is not None:
                bar.add(len(chunk))
    if total is not None and done != total:
        raise BrokenError(f"the connection ended after {done} of {total} bytes")


def _starts_at(answer: Any, have: int) -> bool:
    said = answer.headers.get("Content-Range") or ""
    return said.startswith(f"bytes {have}-")


def _total(content_range: str | None) -> int | None:
    total = (content_range or "").rpartition("/")[2]
    return int(total) if total.isdigit() else None
