"""What image data sets have in common: a folder, transforms for images and targets, and how they print."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gradviz.utils.data import Dataset

Transform = Callable[[Any], Any]
INDENT = 4


class StandardTransform:
    """A transform for the image and one for the target, called together."""

    def __init__(self, transform: Transform | None = None, target_transform: Transform | None = None) -> None:
        self.transform, self.target_transform = transform, target_transform

    def __call__(self, input: Any, target: Any) -> tuple[Any, Any]:
        if self.transform is not None:
            input = self.transform(input)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return input, target

    def __repr__(self) -> str:
        parts = [("Transform: ", self.transform), ("Target transform: ", self.target_transform)]
        lines = [type(self).__name__]
        for head, transform in parts:
            if transform is not None:
                first, *rest = repr(transform).splitlines()
                lines += [head + first, *(" " * len(head) + line for line in rest)]
        return "\n".join(lines)


class VisionDataset(Dataset[Any]):
    """A data set under the folder `root`. Give `transform` and `target_transform`, or `transforms` for both at once.

    https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.VisionDataset.html
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        transforms: Callable[[Any, Any], tuple[Any, Any]] | None = None,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
    ) -> None:
        self.root = str(Path(root).expanduser()) if isinstance(root, str) and root.startswith("~") else root
        if transforms is not None and (transform is not None or target_transform is not None):
            raise ValueError("Only transforms or transform/target_transform can be passed as argument")
        self.transform, self.target_transform = transform, target_transform
        if transform is not None or target_transform is not None:
            transforms = StandardTransform(transform, target_transform)
        self.transforms = transforms

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} needs `def __len__(self)`: the number of its samples.")

    def __repr__(self) -> str:
        body = [f"Number of datapoints: {len(self)}"]
        if self.root is not None:
            body.append(f"Root location: {self.root}")
        body += self.extra_repr().splitlines()
        if self.transforms is not None:
            body.append(repr(self.transforms))
        return "\n".join([f"Dataset {type(self).__name__}", *(" " * INDENT + line for line in body)])

    def extra_repr(self) -> str:
        """More lines for the printed form."""
        return ""
