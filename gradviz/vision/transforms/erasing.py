"""RandomErasing: a part of the picture is missing (Zhong et al., 2017, https://arxiv.org/abs/1708.04896)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor

from . import functional as F
from .base import ImageTransform, chance, integer
from .cropping import check_ranges, random_shapes


class RandomErasing(ImageTransform):
    """Overwrites a random rectangle of a tensor with probability p.

    `scale` is the rectangle's range as a share of the image's area, `ratio` that of its height / width; `value` a
    number, one for each channel, or "random" for normal noise.
    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.RandomErasing.html
    """

    def __init__(
        self, p: float = 0.5, scale: Sequence[float] = (0.02, 0.33), ratio: Sequence[float] = (0.3, 3.3),
        value: Any = 0, inplace: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        if not isinstance(value, (int, float, str, tuple, list)):
            raise TypeError("Argument value should be either a number or str or a sequence")
        if isinstance(value, str) and value != "random":
            raise ValueError("If value is str, it should be 'random'")
        check_ranges(scale, ratio)
        if scale[0] < 0 or scale[1] > 1:
            raise ValueError("Scale should be between 0 and 1")
        if not 0 <= p <= 1:
            raise ValueError("Random erasing probability should be between 0 and 1")
        self.p, self.scale, self.ratio, self.value, self.inplace = p, scale, ratio, value, inplace

    @staticmethod
    def get_params(
        img: Tensor, scale: Sequence[float], ratio: Sequence[float], value: list[float] | None = None
    ) -> tuple[int, int, int, int, Tensor]:
        """Top, left, height, width, and what to put there; after ten that do not fit, the image itself."""
        channels, height, width = img.shape[-3:]
        for h, w in random_shapes(height * width, scale, ratio):
            if not (h < height and w < width):
                continue
            if value is None:
                put = FUNCTIONS["empty"](channels, h, w).normal_()
            else:
                put = FUNCTIONS["tensor"](value)[:, None, None]
            return integer(0, height - h + 1), integer(0, width - w + 1), h, w, put
        return 0, 0, height, width, img

    def _draw(self, img: Any) -> tuple[Any, ...] | None:
        if not chance(self.p):
            return None
        if not isinstance(img, Tensor):
            return 0, 0, 0, 0, None  # erase() says what is wrong
        value = self.value
        numbers = [float(value)] if isinstance(value, (int, float)) else None if isinstance(value, str) else list(value)
        if numbers is not None and len(numbers) not in (1, img.shape[-3]):
            raise ValueError(
                f"If value is a sequence, it should have either a single value or {img.shape[-3]} (number of input "
                "channels)"
            )
        return self.get_params(img, self.scale, self.ratio, numbers)

    def _transform(self, img: Any, i: int, j: int, h: int, w: int, v: Any) -> Any:
        return F.erase(img, i, j, h, w, v, self.inplace)

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in ("p", "scale", "ratio", "value", "inplace"))
