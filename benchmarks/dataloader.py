"""Loading small images: CIFAR-sized bytes, cropped and flipped at random and normalised in NumPy, in batches of 64.

Passes over 4,096 images with workers that stay; times are for one batch. PyTorch's workers are processes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .timing import Row, row

IMAGES, BATCH = 4096, 64


def rows(ours: Any, theirs: Any) -> list[Row]:
    two = {"num_workers": 2, "persistent_workers": True}
    forked = {**two, "multiprocessing_context": "fork"}
    cases = (
        ("no workers", {}, {}),
        ("2 threads (torch: processes)", two, two),
        ("2 processes", forked, forked),
    )
    made = []
    for name, mine, reference in cases:
        a, b = _pass(ours, mine), _pass(theirs, reference)
        made.append(row(f"DataLoader, {name}", a, b, per=IMAGES // BATCH, repeats=8))
    return made


def _pass(t: Any, options: dict[str, Any]) -> Any:
    class Images(t.utils.data.Dataset):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            draw = np.random.default_rng(0)
            self.images = draw.integers(0, 256, (IMAGES, 40, 40, 3), dtype=np.uint8)
            self.labels = draw.integers(0, 10, IMAGES)

        def __len__(self) -> int:
            return IMAGES

        def __getitem__(self, index: int) -> Any:
            top, left, flip = t.randint(0, 9, (3,)).tolist()
            image = self.images[index, top : top + 32, left : left + 32]
            image = image[:, ::-1] if flip > 4 else image
            scaled = (image.transpose(2, 0, 1).astype(np.float32) / 255 - 0.5) / 0.25
            return t.from_numpy(scaled), int(self.labels[index])

    loader = t.utils.data.DataLoader(Images(), BATCH, shuffle=True, **options)

    def one_pass() -> None:
        for images, labels in loader:
            assert len(images) == len(labels) == BATCH

    return one_pass
