"""Loading small images: CIFAR-sized bytes, cropped and flipped at random and normalised in NumPy, in batches.

Passes over 2,048 images with workers that stay; times are for one batch. PyTorch's workers are processes always. Memory
is that of the main process: threads are in it with the batches they have ready, worker processes are not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .spec import Make, Spec, Work, both

IMAGES = 2048
SIZES = {"batch 16": 16, "batch 64": 64, "batch 256": 256}
STAY = {"num_workers": 2, "persistent_workers": True}


def data() -> tuple[np.ndarray, np.ndarray]:
    """Images (2048, 40, 40, 3) and their labels."""
    draw = np.random.default_rng(0)
    return draw.integers(0, 256, (IMAGES, 40, 40, 3), dtype=np.uint8), draw.integers(0, 10, IMAGES)


def changed(image: np.ndarray, top: int, left: int, flip: int) -> np.ndarray:
    """What is done to an image before training sees it."""
    image = image[top : top + 32, left : left + 32]
    image = image[:, ::-1] if flip > 4 else image
    return (image.transpose(2, 0, 1).astype(np.float32) / 255 - 0.5) / 0.25


def passes(**options: Any) -> Make:
    """A pass of the library's DataLoader with these options."""

    def make(t: Any, batch: int) -> Work:
        class Images(t.utils.data.Dataset):
            def __init__(self) -> None:
                self.images, self.labels = data()

            def __len__(self) -> int:
                return IMAGES

            def __getitem__(self, index: int) -> Any:
                place = t.randint(0, 9, (3,)).tolist()
                return t.from_numpy(changed(self.images[index], *place)), int(self.labels[index])

        loader = t.utils.data.DataLoader(Images(), batch, shuffle=True, **options)

        def one_pass() -> None:
            for images, labels in loader:
                assert len(images) == len(labels) == batch

        return one_pass

    return make


def numpy(np_: Any, batch: int) -> Work:
    """A loop: draw, change, stack."""
    (images, labels), draw = data(), np.random.default_rng(0)

    def one_pass() -> None:
        order = draw.permutation(IMAGES)
        for start in range(0, IMAGES, batch):
            chosen = order[start : start + batch]
            np.stack([changed(images[i], *draw.integers(0, 9, 3).tolist()) for i in chosen])
            labels[chosen]

    return one_pass


def _batches(batch: int) -> int:
    return IMAGES // batch


SPECS = [
    Spec(
        "DataLoader, no workers, a batch",
        SIZES,
        both(passes(), numpy=numpy),
        per=_batches,
        limit="the data set's own NumPy, and drawing three numbers for each image",
    ),
    Spec(
        "DataLoader, 2 threads (torch: processes), a batch",
        SIZES,
        both(passes(**STAY)),
        per=_batches,
        limit="Python's lock: threads share the time of one, but nothing is copied from process to process",
        least_threads=2,
    ),
    Spec(
        "DataLoader, 2 processes, a batch",
        SIZES,
        both(passes(**STAY, multiprocessing_context="fork")),
        per=_batches,
        limit="the data set's own NumPy, and handing batches from process to process",
        least_threads=2,
    ),
]
