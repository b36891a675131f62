"""FakeData: noise in the shape of a data set, for trying a program without one."""

from __future__ import annotations

from typing import Any

from gradviz.core.op import FUNCTIONS
from gradviz.core.random import get_rng_state, manual_seed, set_rng_state
from gradviz.vision.transforms.functional import to_pil_image

from .vision import Transform, VisionDataset


class FakeData(VisionDataset):
    """`size` random PIL images with random class numbers; sample i is always the same, and the same as torchvision's.

    https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.FakeData.html
    """

    def __init__(
        self, size: int = 1000, image_size: tuple[int, int, int] = (3, 224, 224), num_classes: int = 10,
        transform: Transform | None = None, target_transform: Transform | None = None, random_offset: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(None, transform=transform, target_transform=target_transform)
        self.size, self.image_size, self.num_classes, self.random_offset = size, image_size, num_classes, random_offset

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if index >= len(self):
            raise IndexError(f"{type(self).__name__} index out of range")
        state = get_rng_state()
        try:
            manual_seed(index + self.random_offset)
            pixels = FUNCTIONS["randn"](*self.image_size)
            target = FUNCTIONS["randint"](0, self.num_classes, (1,))[0]
        finally:
            set_rng_state(state)
        image = to_pil_image(pixels)
        if self.transform is not None:
            image = self.transform(image)
        return image, target if self.target_transform is None else self.target_transform(target)

    def __len__(self) -> int:
        return self.size
