"""CIFAR-10 and CIFAR-100: 60,000 colour images of 32 x 32 pixels (Krizhevsky, 2009)."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gradviz.core.errors import noted

from .arrays import ArrayDataset
from .download import fetch
from .pickled import load
from .unpack import take
from .vision import Transform

MISSING = "Dataset not found or corrupted. You can use download=True to download it"
CHANNELS, SIDE = 3, 32
PIXELS = CHANNELS * SIDE * SIDE
LARGEST_FILE = 256 << 20


class CIFAR10(ArrayDataset):
    """The CIFAR-10 images under `root/cifar-10-batches-py`, as published; a sample is (PIL image, class number).

    If only the published `cifar-10-python.tar.gz` is in `root`, it is unpacked first; with `download` it is fetched if
    need be, and checked. `data` is uint8 of shape (N, 32, 32, 3), `targets` a list of N class numbers. Raises
    RuntimeError if files are missing or damaged. The data files are pickles, read without running anything in them.
    https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.CIFAR10.html
    """

    base_folder = "cifar-10-batches-py"
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    mirrors: Sequence[str] = ()
    filename = "cifar-10-python.tar.gz"
    tgz_md5 = "c58f30108f718f92721af3b95e74349a"
    train_list: Sequence[str] = tuple(f"data_batch_{i}" for i in range(1, 6))
    test_list: Sequence[str] = ("test_batch",)
    meta = "batches.meta"
    names_key, labels_key = "label_names", "labels"
    classes: list[str]
    class_to_idx: dict[str, int]
    data: np.ndarray[Any, Any]
    targets: list[int]

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        folder = Path(root).expanduser() / self.base_folder
        files = self.train_list if train else self.test_list
        self._find((*files, self.meta), folder, download)
        self.classes = _read_names(folder / self.meta, self.names_key)
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        parts = [_read_batch(folder / name, self.labels_key, len(self.classes)) for name in files]
        planes = np.concatenate([part[0] for part in parts]).reshape(-1, CHANNELS, SIDE, SIDE)
        self.data = planes.transpose(0, 2, 3, 1)
        self.targets = [label for part in parts for label in part[1]]

    def _find(self, names: Iterable[str], folder: Path, download: bool) -> None:
        """Sees to it that the files are there: unpacks the archive if need be, or says what is missing."""
        missing = [name for name in names if not (folder / name).is_file()]
        if not missing:
            return
        archive = folder.parent / self.filename
        if archive.is_file():
            try:
                self._unpack(archive, missing, folder)
                return
            except RuntimeError:
                if not download:
                    raise
        if download:
            fetch([self.url, *self.mirrors], archive, md5=self.tgz_md5)
            self._unpack(archive, missing, folder)
            return
        where = os.environ.get("GRADVIZ_DATA")
        setting = f"the environment variable GRADVIZ_DATA is {where!r}" if where else "GRADVIZ_DATA is not set"
        raise noted(
            RuntimeError(
                f"{MISSING}\n"
                f"Looked in {folder.absolute()} for {', '.join(missing)}, and for {archive.absolute()}.\n"
                f"Put {self.filename} from {self.url} into {folder.parent.absolute()}, or give the folder that holds "
                f"{self.base_folder} as root (by convention root=os.environ['GRADVIZ_DATA']; {setting})."
            )
        )

    def _unpack(self, archive: Path, names: Iterable[str], folder: Path) -> None:
        take(archive, self.base_folder, names, folder, LARGEST_FILE, _damaged)


class CIFAR100(CIFAR10):
    """The CIFAR-100 images under `root/cifar-100-python`: as CIFAR10, with a hundred classes.

    https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.CIFAR100.html
    """

    base_folder = "cifar-100-python"
    url = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    filename = "cifar-100-python.tar.gz"
    tgz_md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    train_list: Sequence[str] = ("train",)
    test_list: Sequence[str] = ("test",)
    meta = "meta"
    names_key, labels_key = "fine_label_names", "fine_labels"


def _damaged(path: Path, why: str) -> RuntimeError:
    return noted(RuntimeError(f"{MISSING}\n{path} is damaged: {why}. Delete it and put an intact copy there."))


def _read(path: Path) -> dict[str, Any]:
    try:
        entry = load(path)
    except pickle.UnpicklingError as error:
        raise _damaged(path, str(error)) from error
    if not isinstance(entry, dict):
        raise _damaged(path, f"it holds a {type(entry).__name__} where a dict is expected")
    return entry


def _read_names(path: Path, key: str) -> list[str]:
    names = _read(path).get(key)
    if not (isinstance(names, list) and names and all(isinstance(name, str) for name in names)):
        raise _damaged(path, f"it has no list {key!r}")
    return names


def _read_batch(path: Path, key: str, classes: int) -> tuple[np.ndarray[Any, Any], list[int]]:
    """The pixels, uint8 of shape (n, 3072), and the n labels of one file."""
    entry = _read(path)
    pixels, labels = entry.get("data"), entry.get(key)
    if not (isinstance(pixels, np.ndarray) and pixels.ndim == 2 and pixels.shape[1] == PIXELS and len(pixels)):
        raise _damaged(path, f"'data' is not a uint8 array of rows of {PIXELS}")
    if not (isinstance(labels, list) and len(labels) == len(pixels)):
        raise _damaged(path, f"{key!r} is not a list of {len(pixels)} numbers, one per image")
    if not all(type(label) is int and 0 <= label < classes for label in labels):
        raise _damaged(path, f"{key!r} has entries that are not class numbers from 0 to {classes - 1}")
    return pixels, labels
