"""MNIST and its relatives: 70,000 grey images of 28 x 28 pixels in ten classes, in the files of LeCun's format."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gradviz.core.errors import noted
from gradviz.core.tensor import Tensor

from .arrays import ArrayDataset
from .download import fetch
from .unpack import extract
from .vision import Transform

MISSING = "Dataset not found. You can use download=True to download it"
FILES = [f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
# The third byte of a file says what its elements are.
ELEMENTS = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


class MNIST(ArrayDataset):
    """Handwritten digits under `root/MNIST/raw`, as published; a sample is (PIL image, class number).

    The files may be compressed. With `download` they are fetched from the first mirror that has them, and checked.
    `data` is a uint8 tensor (N, 28, 28), `targets` an int64 tensor (N). Raises RuntimeError if files are missing or
    damaged.
    https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.MNIST.html
    """

    mirrors: Sequence[str] = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/",
    )  # fmt: skip
    # The MD5 checksums of FILES.
    sums: Sequence[str] = (
        "f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432", "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
    )  # fmt: skip
    classes: Sequence[str] = [
        f"{i} - {name}"
        for i, name in enumerate("zero one two three four five six seven eight nine".split())  # noqa: SIM905
    ]
    data: Tensor
    targets: Tensor

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
        if download:
            self.download()
        names = FILES[:2] if train else FILES[2:]
        images, labels = (Path(self.raw_folder, name.removesuffix(".gz")) for name in names)
        for path in (images, labels):
            self._unpack(path)
        self.data, self.targets = read_image_file(images), read_label_file(labels)
        if len(self.data) != len(self.targets):
            raise _damaged(labels, f"it has {len(self.targets)} labels for {len(self.data)} images")

    @property
    def raw_folder(self) -> str:
        """Where the files are."""
        return str(Path(self.root or ".", type(self).__name__, "raw"))

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The class numbers by name."""
        return {name: i for i, name in enumerate(self.classes)}

    def download(self) -> None:
        """Fetches the four files that are not there."""
        folder = Path(self.raw_folder)
        for name, md5 in zip(FILES, self.sums, strict=True):
            if not (folder / name.removesuffix(".gz")).is_file():
                fetch([f"{mirror}{name}" for mirror in self.mirrors], folder / name, md5=md5)
                extract(folder / name, folder)

    def _unpack(self, path: Path) -> None:
        """Sees to it that a file is there, unpacked."""
        if path.is_file():
            return
        packed = path.with_name(f"{path.name}.gz")
        if not packed.is_file():
            raise noted(
                RuntimeError(
                    f"{MISSING}\nLooked for {path.absolute()} and {packed.name}; mirrors: {', '.join(self.mirrors)}."
                )
            )
        extract(packed, path.parent)


class FashionMNIST(MNIST):
    """Pictures of clothes under `root/FashionMNIST/raw`, in MNIST's format (https://arxiv.org/abs/1708.07747).

    https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.FashionMNIST.html
    """

    mirrors = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",)
    sums = (
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe", "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
    )  # fmt: skip
    classes = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


class KMNIST(MNIST):
    """Cursive Japanese characters under `root/KMNIST/raw`, in MNIST's format (https://arxiv.org/abs/1812.01718).

    https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.KMNIST.html
    """

    mirrors = ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",)
    sums = (
        "bdb82020997e1d708af4cf47b453dcf7", "e144d726b3acfaa3e44228e80efcd344", "5c965bf0a639b31b8f53240b1b52f4d7",
        "7320c461ea6c1c855c0b718fb2a4b134",
    )  # fmt: skip
    classes = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]


def _damaged(path: Path, why: str) -> RuntimeError:
    return noted(RuntimeError(f"{MISSING}\n{path} is damaged: {why}. Delete it and put an intact copy there."))


def read_idx(path: Path) -> np.ndarray[Any, Any]:
    """The array in a file of LeCun's format: 0, 0, element type, number of dimensions, the sizes, the elements."""
    raw = path.read_bytes()
    kind = ELEMENTS.get(raw[2]) if len(raw) > 4 and raw[:2] == b"\0\0" else None
    dims = raw[3] if kind is not None else 0
    start = 4 + 4 * dims
    if kind is None or not 1 <= dims <= 4 or len(raw) < start:
        raise _damaged(path, "it does not begin as a file of MNIST's format does")
    sizes = np.frombuffer(raw, ">u4", dims, 4).tolist()
    element = np.dtype(kind)
    if math.prod(sizes) * element.itemsize != len(raw) - start:
        raise _damaged(path, f"its sizes are {sizes}, and {len(raw) - start} bytes follow")
    return np.frombuffer(raw, element, offset=start).reshape(sizes).astype(element.newbyteorder("="))


def read_image_file(path: str | os.PathLike[str]) -> Tensor:
    """Images as a uint8 tensor (N, H, W)."""
    return _read(Path(path), 3)


def read_label_file(path: str | os.PathLike[str]) -> Tensor:
    """Labels as an int64 tensor (N)."""
    return Tensor._of(_read(Path(path), 1)._array.astype(np.int64))


def _read(path: Path, dims: int) -> Tensor:
    array = read_idx(path)
    if array.dtype != np.uint8 or array.ndim != dims:
        raise _damaged(path, f"it holds {array.ndim} dimensions of {array.dtype}, not {dims} of uint8")
    return Tensor._of(array)
