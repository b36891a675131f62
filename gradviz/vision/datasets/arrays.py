"""Data sets whose images are in memory: one by one as PIL images, or many at once where that gives the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.core.tensor import Tensor
from gradviz.vision.transforms.functional.kinds import image_module
from gradviz.vision.transforms.images import batch_transform, takes_arrays

from .vision import VisionDataset


class ArrayDataset(VisionDataset):
    """uint8 images `data`, (N, H, W) or (N, H, W, C), an array or a tensor, and N class numbers `targets`."""

    train: bool | None
    data: Any
    targets: Any

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, target = self._pixels()[index], int(self.targets[index])
        if not takes_arrays(self.transform):
            image = image_module(f"{type(self).__name__} gives PIL images").fromarray(image)
        if self.transform is not None:
            image = self.transform(image)
        return image, target if self.target_transform is None else self.target_transform(target)

    def __len__(self) -> int:
        return len(self.data)

    def _pixels(self) -> np.ndarray[Any, Any]:
        pixels: np.ndarray[Any, Any] = self.data._array if isinstance(self.data, Tensor) else self.data
        return pixels

    def extra_repr(self) -> str:
        return "" if self.train is None else f"Split: {'Train' if self.train else 'Test'}"

    def _gather(self, indices: Sequence[int]) -> Any:
        """A batch in one step where the transform works on whole arrays; the same numbers as one by one."""
        change = batch_transform(self.transform)
        if change is None or self.target_transform is not None or not all(type(i) is int for i in indices):
            return None
        if not indices or not -len(self) <= min(indices) <= max(indices) < len(self):
            return None
        if isinstance(self.targets, Tensor):
            labels = self.targets._array[list(indices)]
        elif all(type(self.targets[i]) is int for i in indices):
            labels = np.array([self.targets[i] for i in indices], np.int64)
        else:
            return None
        pixels = self._pixels()
        planes = pixels.transpose(0, 3, 1, 2) if pixels.ndim == 4 else pixels[:, None]
        return [Tensor._of(change(planes[list(indices)])), Tensor._of(labels)]
