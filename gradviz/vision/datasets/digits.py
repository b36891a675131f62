"""Digits: real images that need no download, from scikit-learn (Alpaydin and Kaynak, 1998)."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.core.tensor import Tensor

from .arrays import ArrayDataset
from .vision import Transform

BRIGHTEST = 16  # what a full pixel is in scikit-learn's numbers


class Digits(ArrayDataset):
    """1,797 handwritten digits of 8 x 8 pixels, which scikit-learn brings along; a sample is (PIL image, class number).

    `train` chooses the first four fifths (1,437) or the rest (360); None is all. `data` is a uint8 tensor (N, 8, 8)
    from 0 to 255, `targets` an int64 tensor (N). Raises ImportError if scikit-learn is not installed.
    https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_digits.html
    """

    classes = [str(i) for i in range(10)]
    data: Tensor
    targets: Tensor

    def __init__(
        self, train: bool | None = None, transform: Transform | None = None, target_transform: Transform | None = None
    ) -> None:  # fmt: skip
        super().__init__(None, transform=transform, target_transform=target_transform)
        self.train = train
        images, labels = _load()
        cut = len(images) * 4 // 5
        rows = slice(None) if train is None else slice(cut) if train else slice(cut, None)
        pixels = np.rint(images[rows] * (255 / BRIGHTEST)).astype(np.uint8)
        self.data, self.targets = Tensor._of(pixels), Tensor._of(labels[rows].astype(np.int64))

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The class numbers by name."""
        return {name: i for i, name in enumerate(self.classes)}


def _load() -> tuple[Any, Any]:
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "sklearn":
            raise
        raise ImportError(
            "Digits are scikit-learn's, and scikit-learn is not installed: run `pip install scikit-learn`."
        ) from error
    found = load_digits()
    return found.images, found.target
