"""Data sets in folders, one for each class (torchvision.datasets.folder)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gradviz.vision.transforms.functional.kinds import image_module

from .vision import Transform, VisionDataset

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
Sample = tuple[str, int]


def has_file_allowed_extension(filename: str, extensions: str | tuple[str, ...]) -> bool:
    """Whether a file's name ends in one of these, in capitals or not."""
    return filename.lower().endswith(extensions if isinstance(extensions, str) else tuple(extensions))


def is_image_file(filename: str) -> bool:
    """Whether a file's name ends as those of images do."""
    return has_file_allowed_extension(filename, IMG_EXTENSIONS)


def find_classes(directory: str | os.PathLike[str]) -> tuple[list[str], dict[str, int]]:
    """The names of the folders in a folder, sorted, and their numbers. Raises FileNotFoundError if there are none."""
    classes = sorted(entry.name for entry in Path(directory).iterdir() if entry.is_dir())
    if not classes:
        raise FileNotFoundError(f"Couldn't find any class folder in {directory}.")
    return classes, {name: i for i, name in enumerate(classes)}


def make_dataset(
    directory: str | os.PathLike[str], class_to_idx: dict[str, int] | None = None,
    extensions: str | tuple[str, ...] | None = None, is_valid_file: Callable[[str], bool] | None = None,
    allow_empty: bool = False,
) -> list[Sample]:  # fmt: skip
    """Pairs (path, class number) of the files that `extensions` or `is_valid_file` lets in, class by class, sorted."""
    if class_to_idx is None:
        class_to_idx = find_classes(directory)[1]
    elif not class_to_idx:
        raise ValueError("'class_to_index' must have at least one entry to collect any samples.")
    if (extensions is None) == (is_valid_file is None):
        raise ValueError("Both extensions and is_valid_file cannot be None or not None at the same time")
    allowed = is_valid_file or (lambda path: has_file_allowed_extension(path, extensions or ()))
    found: dict[str, list[Sample]] = {}
    for name in sorted(class_to_idx):
        paths = [
            str(Path(root, file))
            for root, _, files in sorted(os.walk(Path(directory).expanduser() / name, followlinks=True))
            for file in sorted(files)
        ]
        found[name] = [(path, class_to_idx[name]) for path in paths if allowed(path)]
    empty = sorted(name for name, samples in found.items() if not samples)
    if empty and not allow_empty:
        said = "" if extensions is None else (
            f"Supported extensions are: {extensions if isinstance(extensions, str) else ', '.join(extensions)}"
        )  # fmt: skip
        raise FileNotFoundError(f"Found no valid file for the classes {', '.join(empty)}. {said}".rstrip())
    return [sample for samples in found.values() for sample in samples]


class DatasetFolder(VisionDataset):
    """Samples in `root/class/...`: `loader` reads the files with one of `extensions`, or that `is_valid_file` lets in.

    `classes` are the folders' names, sorted; `samples` pairs (path, class number), `targets` their class numbers.
    https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.DatasetFolder.html
    """

    def __init__(
        self, root: str | os.PathLike[str], loader: Callable[[str], Any], extensions: tuple[str, ...] | None = None,
        transform: Transform | None = None, target_transform: Transform | None = None,
        is_valid_file: Callable[[str], bool] | None = None, allow_empty: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(root, transform=transform, target_transform=target_transform)
        classes, class_to_idx = self.find_classes(self.root)
        samples = self.make_dataset(self.root, class_to_idx, extensions, is_valid_file, allow_empty)
        self.loader, self.extensions = loader, extensions
        self.classes, self.class_to_idx = classes, class_to_idx
        self.samples, self.targets = samples, [target for _, target in samples]

    @staticmethod
    def make_dataset(*args: Any, **options: Any) -> list[Sample]:
        """What the samples are; a subclass may decide otherwise."""
        return make_dataset(*args, **options)

    def find_classes(self, directory: Any) -> tuple[list[str], dict[str, int]]:
        """What the classes are; a subclass may decide otherwise."""
        return find_classes(directory)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, target = self.samples[index]
        sample = self.loader(path)
        if self.transform is not None:
            sample = self.transform(sample)
        return sample, target if self.target_transform is None else self.target_transform(target)

    def __len__(self) -> int:
        return len(self.samples)


def pil_loader(path: str) -> Any:
    """The image in a file, in RGB."""
    with Path(path).open("rb") as file:
        return image_module("ImageFolder reads images").open(file).convert("RGB")


def default_loader(path: str) -> Any:
    """What ImageFolder reads its files with: `pil_loader`."""
    return pil_loader(path)


class ImageFolder(DatasetFolder):
    """Images in `root/class/...`; a sample is (PIL image in RGB, class number). `imgs` are its `samples`.

    https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.ImageFolder.html
    """

    def __init__(
        self, root: str | os.PathLike[str], transform: Transform | None = None,
        target_transform: Transform | None = None, loader: Callable[[str], Any] = default_loader,
        is_valid_file: Callable[[str], bool] | None = None, allow_empty: bool = False,
    ) -> None:  # fmt: skip
        extensions = IMG_EXTENSIONS if is_valid_file is None else None
        super().__init__(root, loader, extensions, transform, target_transform, is_valid_file, allow_empty)
        self.imgs = self.samples
