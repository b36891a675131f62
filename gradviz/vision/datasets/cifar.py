"""CIFAR-10: 60,000 colour images of 32 x 32 pixels in ten classes (Krizhevsky, 2009)."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from gradviz.core.errors import noted
from gradviz.core.tensor import Tensor
from gradviz.vision.transforms.images import batch_transform, image_module, takes_arrays

from .pickled import load
from .vision import Transform, VisionDataset

MISSING = "Dataset not found or corrupted. You can use download=True to download it"
CHANNELS, SIDE = 3, 32
PIXELS = CHANNELS * SIDE * SIDE
LARGEST_FILE = 64 << 20


class CIFAR10(VisionDataset):
    """The CIFAR-10 images under `root/cifar-10-batches-py`, as published; a sample is (PIL image, class number).

    If only the published `cifar-10-python.tar.gz` is in `root`, it is unpacked first. `data` is uint8 of shape
    (N, 32, 32, 3), `targets` a list of N class numbers. Raises RuntimeError if files are missing or damaged. The data
    files are pickles, read without running anything in them.
    https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.CIFAR10.html
    """

    base_folder = "cifar-10-batches-py"
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    filename = "cifar-10-python.tar.gz"
    train_list: Sequence[str] = tuple(f"data_batch_{i}" for i in range(1, 6))
    test_list: Sequence[str] = ("test_batch",)
    meta = "batches.meta"
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
        self.classes = _read_names(folder / self.meta)
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        parts = [_read_batch(folder / name, len(self.classes)) for name in files]
        planes = np.concatenate([part[0] for part in parts]).reshape(-1, CHANNELS, SIDE, SIDE)
        self.data = planes.transpose(0, 2, 3, 1)
        self.targets = [label for part in parts for label in part[1]]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, target = self.data[index], self.targets[index]
        if not takes_arrays(self.transform):
            image = image_module(f"{type(self).__name__} gives PIL images").fromarray(image)
        if self.transform is not None:
            image = self.transform(image)
        return image, target if self.target_transform is None else self.target_transform(target)

    def __len__(self) -> int:
        return len(self.data)

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train is True else 'Test'}"

    def _gather(self, indices: Sequence[int]) -> Any:
        """A batch in one step where the transform works on whole arrays; the same numbers as one by one."""
        pixels = batch_transform(self.transform)
        if pixels is None or self.target_transform is not None or not all(type(i) is int for i in indices):
            return None
        if not indices or not -len(self) <= min(indices) <= max(indices) < len(self):
            return None
        labels = [self.targets[i] for i in indices]
        if not all(type(label) is int for label in labels):
            return None
        images = pixels(self.data.transpose(0, 3, 1, 2)[list(indices)])
        return [Tensor._of(images), Tensor._of(np.array(labels, np.int64))]

    def _find(self, names: Iterable[str], folder: Path, download: bool) -> None:
        """Sees to it that the files are there: unpacks the archive if need be, or says what is missing."""
        missing = [name for name in names if not (folder / name).is_file()]
        if not missing:
            return
        archive = folder.parent / self.filename
        if archive.is_file():
            unpack(archive, self.base_folder, missing, folder)
            return
        where = os.environ.get("GRADVIZ_DATA")
        setting = f"the environment variable GRADVIZ_DATA is {where!r}" if where else "GRADVIZ_DATA is not set"
        looked = (
            f"Looked in {folder.absolute()} for {', '.join(missing)}, and for {archive.absolute()}.\n"
            f"Put {self.filename} from {self.url} into {folder.parent.absolute()}, or give the folder that holds "
            f"{self.base_folder} as root (by convention root=os.environ['GRADVIZ_DATA']; {setting})."
        )
        if download:
            raise NotImplementedError(
                f"CIFAR10 does not support the argument 'download' when files are missing.\n{looked}"
            )
        raise noted(RuntimeError(f"{MISSING}\n{looked}"))


def unpack(archive: Path, inner: str, names: Iterable[str], folder: Path) -> None:
    """Takes the named files out of a .tar.gz into `folder`; each appears when complete, nothing else is written."""
    import tarfile
    import zlib

    wanted = {f"{inner}/{name}": name for name in names}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = wanted.get(member.name.removeprefix("./"))
                if name is None:
                    continue
                source = tar.extractfile(member) if member.isreg() and member.size <= LARGEST_FILE else None
                if source is None:
                    raise _damaged(archive, f"its entry {member.name} is not a file of at most {LARGEST_FILE} bytes")
                _write_whole(folder / name, source)
                del wanted[member.name.removeprefix("./")]
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise _damaged(archive, f"it cannot be unpacked into {folder}: {error}") from error
    if wanted:
        raise _damaged(archive, f"it does not hold {', '.join(wanted)}")


def _write_whole(path: Path, source: IO[bytes]) -> None:
    import shutil

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            shutil.copyfileobj(source, file)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


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


def _read_names(path: Path) -> list[str]:
    names = _read(path).get("label_names")
    if not (isinstance(names, list) and names and all(isinstance(name, str) for name in names)):
        raise _damaged(path, "it has no list 'label_names'")
    return names


def _read_batch(path: Path, classes: int) -> tuple[np.ndarray[Any, Any], list[int]]:
    """The pixels, uint8 of shape (n, 3072), and the n labels of one file."""
    entry = _read(path)
    pixels, labels = entry.get("data"), entry.get("labels")
    if not (isinstance(pixels, np.ndarray) and pixels.ndim == 2 and pixels.shape[1] == PIXELS and len(pixels)):
        raise _damaged(path, f"'data' is not a uint8 array of rows of {PIXELS}")
    if not (isinstance(labels, list) and len(labels) == len(pixels)):
        raise _damaged(path, f"'labels' is not a list of {len(pixels)} numbers, one per image")
    if not all(type(label) is int and 0 <= label < classes for label in labels):
        raise _damaged(path, f"'labels' has entries that are not class numbers from 0 to {classes - 1}")
    return pixels, labels
