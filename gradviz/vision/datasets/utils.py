"""Downloading and unpacking by torchvision's names (torchvision.datasets.utils)."""

from __future__ import annotations

import os
from pathlib import Path

from .download import checksum, fetch, intact
from .unpack import extract

PathLike = str | os.PathLike[str]


def calculate_md5(fpath: PathLike, chunk_size: int = 1 << 20) -> str:
    """The MD5 checksum of a file, in hexadecimal."""
    return checksum(Path(fpath), "md5", chunk_size)


def check_md5(fpath: PathLike, md5: str) -> bool:
    """Whether a file has this MD5 checksum."""
    return md5 == calculate_md5(fpath)


def check_integrity(fpath: PathLike, md5: str | None = None) -> bool:
    """Whether a file is there, and has this MD5 checksum if one is given."""
    return intact(Path(fpath), {} if md5 is None else {"md5": md5})


def download_url(
    url: str, root: PathLike, filename: str | None = None, md5: str | None = None, max_redirect_hops: int = 3
) -> None:  # fmt: skip
    """Downloads a file into the folder `root`, unless it is there with this checksum.

    A download that broke off is continued. Raises RuntimeError if the file cannot be had or is not the right one.
    """
    if max_redirect_hops != 3:
        raise NotImplementedError("download_url() does not support the argument 'max_redirect_hops'")
    path = Path(root).expanduser() / (filename or Path(url).name)
    if md5 is None and path.is_file():
        return
    fetch([url], path, md5=md5)


def extract_archive(from_path: PathLike, to_path: PathLike | None = None, remove_finished: bool = False) -> str:
    """Unpacks an archive or a compressed file, beside itself unless `to_path` is given; returns where.

    Raises RuntimeError for an archive that is damaged or would write outside. For a compressed file `to_path` is the
    folder, as it is for archives.
    """
    archive = Path(from_path)
    folder = archive.parent if to_path is None else Path(to_path)
    extract(archive, folder)
    if remove_finished:
        archive.unlink()
    return str(folder)


def download_and_extract_archive(
    url: str, download_root: PathLike, extract_root: PathLike | None = None, filename: str | None = None,
    md5: str | None = None, remove_finished: bool = False,
) -> None:  # fmt: skip
    """`download_url`, then `extract_archive`."""
    root = Path(download_root).expanduser()
    name = filename or Path(url).name
    download_url(url, root, name, md5)
    extract_archive(root / name, root if extract_root is None else extract_root, remove_finished)
