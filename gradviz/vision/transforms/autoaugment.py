"""Augmentations that others have found to work: AutoAugment, RandAugment, TrivialAugmentWide."""

from __future__ import annotations

import enum
import functools
import math
from collections.abc import Callable
from typing import Any

from gradviz.core.op import FUNCTIONS

from . import functional as F
from .base import ImageTransform, integer
from .functional.kinds import InterpolationMode, as_mode, size_of
from .geometry import fill_for

# Each augmentation: the function of image, strength, and the options `interpolation` and `fill`.
Change = Callable[..., Any]


def _shear(along: int, img: Any, strength: float, options: dict[str, Any]) -> Any:
    shear = [0.0, 0.0]
    shear[along] = math.degrees(math.atan(strength))
    return F.affine(img, 0.0, [0, 0], 1.0, shear, center=[0, 0], **options)


def _translate(along: int, img: Any, strength: float, options: dict[str, Any]) -> Any:
    moved = [0, 0]
    moved[along] = int(strength)
    return F.affine(img, 0.0, moved, 1.0, [0.0, 0.0], **options)


CHANGES: dict[str, Change] = {
    "Identity": lambda img, strength, options: img,
    "ShearX": functools.partial(_shear, 0),
    "ShearY": functools.partial(_shear, 1),
    "TranslateX": functools.partial(_translate, 0),
    "TranslateY": functools.partial(_translate, 1),
    "Rotate": lambda img, strength, options: F.rotate(img, strength, **options),
    "Brightness": lambda img, strength, options: F.adjust_brightness(img, 1.0 + strength),
    "Color": lambda img, strength, options: F.adjust_saturation(img, 1.0 + strength),
    "Contrast": lambda img, strength, options: F.adjust_contrast(img, 1.0 + strength),
    "Sharpness": lambda img, strength, options: F.adjust_sharpness(img, 1.0 + strength),
    "Posterize": lambda img, strength, options: F.posterize(img, int(strength)),
    "Solarize": lambda img, strength, options: F.solarize(img, strength),
    "AutoContrast": lambda img, strength, options: F.autocontrast(img),
    "Equalize": lambda img, strength, options: F.equalize(img),
    "Invert": lambda img, strength, options: F.invert(img),
}
# These go in both directions, the sign drawn.
SIGNED = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast", "Sharpness")
WITHOUT_STRENGTH = ("Identity", "AutoContrast", "Equalize", "Invert")


def strengths(name: str, bins: int, size: tuple[int, int], wide: bool = False) -> list[float]:
    """An augmentation's `bins` strengths, from nothing to the most; empty for one that has none."""
    if name in WITHOUT_STRENGTH:
        return []
    if name == "Posterize":
        step = (bins - 1) / (6 if wide else 4)
        return (8 - (FUNCTIONS["arange"](bins) / step).round().int()).tolist()  # type: ignore[no-any-return]
    height, width = size
    most = {"Shear": 0.3, "TranslateX": 150.0 / 331.0 * width, "TranslateY": 150.0 / 331.0 * height, "Rotate": 30.0}
    if wide:
        most = {"Shear": 0.99, "Translate": 32.0, "Rotate": 135.0}
    end = next((value for key, value in most.items() if name.startswith(key)), 0.99 if wide else 0.9)
    first, last = (255.0, 0.0) if name == "Solarize" else (0.0, end)
    return FUNCTIONS["linspace"](first, last, steps=bins).tolist()  # type: ignore[no-any-return]


class AutoAugmentPolicy(enum.Enum):
    """The data set that a policy of AutoAugment was found on."""

    IMAGENET = "imagenet"
    CIFAR10 = "cifar10"
    SVHN = "svhn"


# Tables 7 to 9 of the paper. Each entry is a pair of augmentations, with their probabilities in tenths and strengths.
_POLICIES = {
    "imagenet": """
        Posterize 4 8, Rotate 6 9; Solarize 6 5, AutoContrast 6; Equalize 8, Equalize 6; Posterize 6 7, Posterize 6 6;
        Equalize 4, Solarize 2 4; Equalize 4, Rotate 8 8; Solarize 6 3, Equalize 6; Posterize 8 5, Equalize 10;
        Rotate 2 3, Solarize 6 8; Equalize 6, Posterize 4 6; Rotate 8 8, Color 4 0; Rotate 4 9, Equalize 6;
        Equalize 0, Equalize 8; Invert 6, Equalize 10; Color 6 4, Contrast 10 8; Rotate 8 8, Color 10 2;
        Color 8 8, Solarize 8 7; Sharpness 4 7, Invert 6; ShearX 6 5, Equalize 10; Color 4 0, Equalize 6;
        Equalize 4, Solarize 2 4; Solarize 6 5, AutoContrast 6; Invert 6, Equalize 10; Color 6 4, Contrast 10 8;
        Equalize 8, Equalize 6""",
    "cifar10": """
        Invert 1, Contrast 2 6; Rotate 7 2, TranslateX 3 9; Sharpness 8 1, Sharpness 9 3; ShearY 5 8, TranslateY 7 9;
        AutoContrast 5, Equalize 9; ShearY 2 7, Posterize 3 7; Color 4 3, Brightness 6 7; Sharpness 3 9, Brightness 7 9;
        Equalize 6, Equalize 5; Contrast 6 7, Sharpness 6 5; Color 7 7, TranslateX 5 8; Equalize 3, AutoContrast 4;
        TranslateY 4 3, Sharpness 2 6; Brightness 9 6, Color 2 8; Solarize 5 2, Invert 0; Equalize 2, AutoContrast 6;
        Equalize 2, Equalize 6; Color 9 9, Equalize 6; AutoContrast 8, Solarize 2 8; Brightness 1 3, Color 7 0;
        Solarize 4 5, AutoContrast 9; TranslateY 9 9, TranslateY 7 9; AutoContrast 9, Solarize 8 3;
        Equalize 8, Invert 1; TranslateY 7 9, AutoContrast 9""",
    "svhn": """
        ShearX 9 4, Invert 2; ShearY 9 8, Invert 7; Equalize 6, Solarize 6 6; Invert 9, Equalize 6;
        Equalize 6, Rotate 9 3; ShearX 9 4, AutoContrast 8; ShearY 9 8, Invert 4; ShearY 9 5, Solarize 2 6;
        Invert 9, AutoContrast 8; Equalize 6, Rotate 9 3; ShearX 9 4, Solarize 3 3; ShearY 8 8, Invert 7;
        Equalize 9, TranslateY 6 6; Invert 9, Equalize 6; Contrast 3 3, Rotate 8 4; Invert 8, TranslateY 0 2;
        ShearY 7 6, Solarize 4 8; Invert 6, Rotate 8 4; ShearY 3 7, TranslateX 9 3; ShearX 1 6, Invert 6;
        Solarize 7 2, TranslateY 6 7; ShearY 8 4, Invert 8; ShearX 7 9, TranslateY 8 3; ShearY 8 5, AutoContrast 7;
        ShearX 7 2, Invert 1""",
}


def policies(policy: AutoAugmentPolicy) -> list[list[tuple[str, float, int | None]]]:
    """The 25 pairs (augmentation, probability, strength's number) of a policy."""
    made = []
    for entry in _POLICIES[policy.value].split(";"):
        words = [step.split() for step in entry.split(",")]
        made.append([(w[0], int(w[1]) / 10, int(w[2]) if len(w) > 2 else None) for w in words])
    return made


class _Augment(ImageTransform):
    interpolation: InterpolationMode
    fill: Any

    def _change(self, img: Any, name: str, strength: float) -> Any:
        options = {"interpolation": self.interpolation, "fill": fill_for(img, self.fill)}
        return CHANGES[name](img, strength, options)


class AutoAugment(_Augment):
    """Two augmentations, a pair of 25 that were found by search (Cubuk et al., 2018, https://arxiv.org/abs/1805.09501).

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.AutoAugment.html
    """

    def __init__(
        self, policy: AutoAugmentPolicy = AutoAugmentPolicy.IMAGENET,
        interpolation: Any = InterpolationMode.NEAREST, fill: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if not isinstance(policy, AutoAugmentPolicy):
            raise ValueError(f"The provided policy {policy} is not recognized.")
        self.policy, self.interpolation, self.fill = policy, as_mode(interpolation), fill
        self._policies = policies(policy)

    @staticmethod
    def get_params(transform_num: int) -> tuple[int, Any, Any]:
        """The pair's number, two probabilities to compare with, two signs."""
        return integer(0, transform_num), FUNCTIONS["rand"](2), FUNCTIONS["randint"](2, (2,))

    def _draw(self, img: Any) -> tuple[Any, ...] | None:
        return self.get_params(len(self._policies))

    def _transform(self, img: Any, *drawn: Any) -> Any:
        number, limits, signs = drawn[0], drawn[1].tolist(), drawn[2].tolist()
        for (name, p, level), limit, sign in zip(self._policies[number], limits, signs, strict=True):
            if limit > p:
                continue
            strength = 0.0 if level is None else float(strengths(name, 10, size_of(img))[level])
            img = self._change(img, name, -strength if name in SIGNED and sign == 0 else strength)
        return img

    def extra_repr(self) -> str:
        return f"policy={self.policy}, fill={self.fill}"


class RandAugment(_Augment):
    """`num_ops` random augmentations of one strength (Cubuk et al., 2019, https://arxiv.org/abs/1909.13719).

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.RandAugment.html
    """

    def __init__(
        self, num_ops: int = 2, magnitude: int = 9, num_magnitude_bins: int = 31,
        interpolation: Any = InterpolationMode.NEAREST, fill: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_ops, self.magnitude, self.num_magnitude_bins = num_ops, magnitude, num_magnitude_bins
        self.interpolation, self.fill = as_mode(interpolation), fill

    def _draw(self, img: Any) -> tuple[Any, ...] | None:
        return tuple(_drawn(self._levels(size_of(img)), self.magnitude) for _ in range(self.num_ops))

    def _levels(self, size: tuple[int, int]) -> dict[str, list[float]]:
        return {name: strengths(name, self.num_magnitude_bins, size) for name in CHANGES if name != "Invert"}

    def _transform(self, img: Any, *drawn: Any) -> Any:
        for name, strength in drawn:
            img = self._change(img, name, strength)
        return img

    def extra_repr(self) -> str:
        names = ("num_ops", "magnitude", "num_magnitude_bins", "interpolation", "fill")
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)


class TrivialAugmentWide(_Augment):
    """One random augmentation of random strength (Mueller and Hutter, 2021, https://arxiv.org/abs/2103.10158).

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.TrivialAugmentWide.html
    """

    def __init__(
        self, num_magnitude_bins: int = 31, interpolation: Any = InterpolationMode.NEAREST, fill: Any = None
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_magnitude_bins, self.interpolation, self.fill = num_magnitude_bins, as_mode(interpolation), fill

    def _draw(self, img: Any) -> tuple[Any, ...] | None:
        bins, size = self.num_magnitude_bins, size_of(img)
        return _drawn({name: strengths(name, bins, size, wide=True) for name in CHANGES if name != "Invert"})

    def _transform(self, img: Any, *drawn: Any) -> Any:
        return self._change(img, *drawn)

    def extra_repr(self) -> str:
        names = ("num_magnitude_bins", "interpolation", "fill")
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)


def _drawn(levels: dict[str, list[float]], level: int | None = None) -> tuple[str, float]:
    """An augmentation and its strength: `level` of its levels, else one drawn; then its sign."""
    name = list(levels)[integer(0, len(levels))]
    have = levels[name]
    strength = 0.0
    if have:
        strength = float(have[integer(0, len(have)) if level is None else level])
    return name, -strength if name in SIGNED and integer(0, 2) else strength
