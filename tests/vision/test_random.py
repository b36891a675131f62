"""Random transforms: what they draw from the stream, in torchvision's order, and what they do with it."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.vision import transforms as T
from gradviz.vision.transforms import autoaugment
from gradviz.vision.transforms import functional as F

torch = pytest.importorskip("torch")
image_module = pytest.importorskip("PIL.Image")
MODE = T.InterpolationMode
H, W = 12, 15


def array() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (H, W, 3), dtype=np.uint8)


def tensor() -> Any:
    return gradviz.from_numpy(array().transpose(2, 0, 1).copy())


def image() -> Any:
    return image_module.fromarray(array())


def rand() -> float:
    return float(torch.rand(1))


def uniform(low: float, high: float) -> float:
    return torch.empty(1).uniform_(float(low), float(high)).item()


def randint(low: int, high: int) -> int:
    return int(torch.randint(low, high, size=(1,)))


def shapes(area: int, scale: Any, ratio: Any) -> Any:
    """Ten random pairs: sides of a part of an area."""
    low, high = torch.log(torch.tensor(ratio)).tolist()
    for _ in range(10):
        part = area * uniform(*scale)
        aspect = torch.exp(torch.empty(1).uniform_(low, high)).item()
        yield round(math.sqrt(part * aspect)), round(math.sqrt(part / aspect))


def resized_crop(x: Any) -> Any:
    for w, h in shapes(H * W, (0.2, 1.0), (0.5, 2.0)):
        if 0 < w <= W and 0 < h <= H:
            return F.resized_crop(x, randint(0, H - h + 1), randint(0, W - w + 1), h, w, (5, 5))
    raise AssertionError("ten shapes that do not fit, with this seed")


def erased(x: Any, value: Any) -> Any:
    if rand() >= 0.8:
        return x
    for h, w in shapes(H * W, (0.02, 0.33), (0.3, 3.3)):
        if h < H and w < W:
            put = torch.empty(3, h, w).normal_().numpy() if value == "random" else np.reshape(value, (-1, 1, 1))
            return F.erase(x, randint(0, H - h + 1), randint(0, W - w + 1), h, w, gradviz.tensor(put))
    return x


def jitter(x: Any) -> Any:
    order = torch.randperm(4).tolist()
    factors = [uniform(0.5, 1.5), uniform(0.7, 1.3), None, uniform(-0.1, 0.1)]
    changes = [F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue]
    for i in order:
        x = x if factors[i] is None else changes[i](x, factors[i])
    return x


def affine(x: Any) -> Any:
    angle = uniform(-20, 20)
    moved = [round(uniform(-0.1 * W, 0.1 * W)), round(uniform(-0.2 * H, 0.2 * H))]
    return F.affine(x, angle, moved, uniform(0.8, 1.2), [uniform(-5, 5), uniform(1, 2)], fill=[7.0] * 3)


def perspective(x: Any) -> Any:
    if rand() >= 0.7:
        return x
    dx, dy = int(0.6 * (W // 2)), int(0.6 * (H // 2))
    ends = [
        [randint(0, dx + 1), randint(0, dy + 1)],
        [randint(W - dx - 1, W), randint(0, dy + 1)],
        [randint(W - dx - 1, W), randint(H - dy - 1, H)],
        [randint(0, dx + 1), randint(H - dy - 1, H)],
    ]
    return F.perspective(x, [[0, 0], [W - 1, 0], [W - 1, H - 1], [0, H - 1]], ends, MODE.BILINEAR, [0.0] * 3)


def sometimes(change: Any, p: float = 0.5) -> Any:
    return lambda x: change(x) if rand() < p else x


def crop(x: Any) -> Any:
    x = F.pad(x, 2)
    return F.crop(x, randint(0, H + 4 - 8 + 1), randint(0, W + 4 - 9 + 1), 8, 9)


# A transform, and the same written with torch's draws.
DRAWS: dict[str, tuple[Any, Any]] = {
    "vflip": (lambda: T.RandomVerticalFlip(0.3), sometimes(F.vflip, 0.3)),
    "crop": (lambda: T.RandomCrop((8, 9), padding=2), crop),
    "resized crop": (lambda: T.RandomResizedCrop(5, (0.2, 1.0), (0.5, 2.0)), resized_crop),
    "rotation": (
        lambda: T.RandomRotation((10, 40), MODE.BILINEAR),
        lambda x: F.rotate(x, uniform(10, 40), MODE.BILINEAR, fill=[0.0] * 3),
    ),
    "affine": (lambda: T.RandomAffine(20, (0.1, 0.2), (0.8, 1.2), (-5, 5, 1, 2), fill=7), affine),
    "perspective": (lambda: T.RandomPerspective(0.6, 0.7), perspective),
    "jitter": (lambda: T.ColorJitter(0.5, (0.7, 1.3), 0, 0.1), jitter),
    "grey": (lambda: T.RandomGrayscale(0.4), sometimes(lambda x: F.rgb_to_grayscale(x, 3), 0.4)),
    "blur": (lambda: T.GaussianBlur(3, (0.2, 1.5)), lambda x: F.gaussian_blur(x, 3, uniform(0.2, 1.5))),
    "erasing": (lambda: T.RandomErasing(0.8, value=[1.0, 2.0, 3.0]), lambda x: erased(x, [1.0, 2.0, 3.0])),
    "erasing with noise": (lambda: T.RandomErasing(0.8, value="random"), lambda x: erased(x, "random")),
    "invert": (T.RandomInvert, sometimes(F.invert)),
    "posterize": (lambda: T.RandomPosterize(2, 0.8), sometimes(lambda x: F.posterize(x, 2), 0.8)),
    "solarize": (lambda: T.RandomSolarize(99), sometimes(lambda x: F.solarize(x, 99))),
    "sharpness": (lambda: T.RandomAdjustSharpness(2), sometimes(lambda x: F.adjust_sharpness(x, 2))),
    "autocontrast": (T.RandomAutocontrast, sometimes(F.autocontrast)),
    "equalize": (T.RandomEqualize, sometimes(F.equalize)),
    "apply": (
        lambda: T.RandomApply([T.RandomVerticalFlip(), F.hflip], p=0.6),
        sometimes(lambda x: F.hflip(sometimes(F.vflip)(x)), 0.6),
    ),
}


@pytest.mark.parametrize("name", DRAWS)
def test_draws_are_torchvisions(name: str) -> None:
    make, expected = DRAWS[name]
    transform, x = make(), tensor()
    if "noise" in name:
        x = x.float()
    gradviz.manual_seed(8)
    torch.manual_seed(8)
    for _ in range(6):
        # Normal numbers are torch's up to the last bit.
        np.testing.assert_allclose(transform(x).numpy(), expected(x).numpy(), rtol=1e-5 if "noise" in name else 0)
    if name not in ("erasing", "erasing with noise"):
        found = transform(image())
        assert isinstance(found, image_module.Image)


def levels(name: str, bins: int, wide: bool) -> Any:
    """torch's own spacing of an augmentation's strengths."""
    fixed = torch.linspace(0.0, {"Rotate": 135.0 if wide else 30.0}.get(name, 0.99 if wide else 0.9), bins)
    table = {
        "Posterize": 8 - (torch.arange(bins) / ((bins - 1) / (6 if wide else 4))).round().int(),
        "Solarize": torch.linspace(255.0, 0.0, bins),
        "ShearX": torch.linspace(0.0, 0.99 if wide else 0.3, bins),
        "TranslateX": torch.linspace(0.0, 32.0 if wide else 150.0 / 331.0 * W, bins),
        "TranslateY": torch.linspace(0.0, 32.0 if wide else 150.0 / 331.0 * H, bins),
    }
    return table.get(name.replace("ShearY", "ShearX"), fixed)


@pytest.mark.parametrize("wide", [False, True])
def test_strengths(wide: bool) -> None:
    for name in autoaugment.CHANGES:
        found = autoaugment.strengths(name, 31, (H, W), wide)
        if name in autoaugment.WITHOUT_STRENGTH:
            assert found == []
        else:
            assert found == pytest.approx(levels(name, 31, wide).tolist(), rel=1e-6)


def change(x: Any, name: str, strength: float) -> Any:
    options = {"interpolation": MODE.NEAREST, "fill": None}
    return autoaugment.CHANGES[name](x, strength, options)


def drawn(x: Any, names: list[str], wide: bool, level: int | None) -> Any:
    name = names[randint(0, len(names))]
    strength = 0.0
    if name not in autoaugment.WITHOUT_STRENGTH:
        have = levels(name, 31, wide)
        strength = float(have[randint(0, 31) if level is None else level])
    if name in autoaugment.SIGNED and randint(0, 2):
        strength = -strength
    return change(x, name, strength)


def test_the_augmentations_draw_as_torchvisions() -> None:
    names = [name for name in autoaugment.CHANGES if name != "Invert"]
    assert names[:3] == ["Identity", "ShearX", "ShearY"]
    assert names[-5:] == ["Sharpness", "Posterize", "Solarize", "AutoContrast", "Equalize"]
    gradviz.manual_seed(1)
    torch.manual_seed(1)
    trivial, rand_augment, auto = (
        T.TrivialAugmentWide(),
        T.RandAugment(3, 5),
        T.AutoAugment(T.AutoAugmentPolicy.CIFAR10),
    )
    x = tensor()
    for _ in range(12):
        assert trivial(x).tolist() == drawn(x, names, True, None).tolist()
        y = x
        for _ in range(3):
            y = drawn(y, names, False, 5)
        assert rand_augment(x).tolist() == y.tolist()
        number, limits, signs = randint(0, 25), torch.rand(2).tolist(), torch.randint(2, (2,)).tolist()
        y = x
        for (name, p, level), limit, sign in zip(auto._policies[number], limits, signs, strict=True):
            if limit <= p:
                strength = 0.0 if level is None else float(levels(name, 10, False)[level])
                y = change(y, name, -strength if name in autoaugment.SIGNED and sign == 0 else strength)
        assert auto(x).tolist() == y.tolist()
    for transform in (trivial, rand_augment, *map(T.AutoAugment, T.AutoAugmentPolicy)):
        for _ in range(10):
            assert transform(image()).size == (W, H)


def test_the_policies() -> None:
    tables = {policy: autoaugment.policies(policy) for policy in T.AutoAugmentPolicy}
    assert [len(table) for table in tables.values()] == [25, 25, 25]
    for table in tables.values():
        for name, p, level in (step for pair in table for step in pair):
            assert name in autoaugment.CHANGES
            assert (level is None) == (name in autoaugment.WITHOUT_STRENGTH)
            assert 0 <= p <= 1
    assert tables[T.AutoAugmentPolicy.SVHN][0] == [("ShearX", 0.9, 4), ("Invert", 0.2, None)]


def test_choosing_with_pythons_random() -> None:
    steps = [lambda x: x + "a", lambda x: x + "b", lambda x: x + "c"]
    random.seed(3)
    found = T.RandomOrder(steps)(""), T.RandomChoice(steps, p=[0, 0, 1])("")
    random.seed(3)
    order = [0, 1, 2]
    random.shuffle(order)
    assert found == ("".join("abc"[i] for i in order), "c")


REPRS = {
    "Pad(padding=2, fill=0, padding_mode=constant)": lambda: T.Pad(2),
    "RandomVerticalFlip(p=0.5)": T.RandomVerticalFlip,
    "RandomPerspective(p=0.5)": T.RandomPerspective,
    "RandomResizedCrop(size=(8, 8), scale=(0.08, 1.0), ratio=(0.75, 1.3333), interpolation=bilinear, antialias=True)": (
        lambda: T.RandomResizedCrop(8)
    ),
    "FiveCrop(size=(8, 8))": lambda: T.FiveCrop(8),
    "TenCrop(size=(8, 8), vertical_flip=False)": lambda: T.TenCrop(8),
    "ColorJitter(brightness=(0.5, 1.5), contrast=None, saturation=None, hue=(-0.1, 0.1))": (
        lambda: T.ColorJitter(0.5, hue=0.1)
    ),
    "RandomRotation(degrees=[-10.0, 10.0], interpolation=nearest, expand=False, fill=0)": lambda: T.RandomRotation(10),
    "RandomAffine(degrees=[-5.0, 5.0], scale=(0.5, 1))": lambda: T.RandomAffine(5, scale=(0.5, 1)),
    "Grayscale(num_output_channels=1)": T.Grayscale,
    "RandomGrayscale(p=0.1)": T.RandomGrayscale,
    "GaussianBlur(kernel_size=(3, 5), sigma=(0.1, 2.0))": lambda: T.GaussianBlur((3, 5)),
    "RandomErasing(p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0, inplace=False)": T.RandomErasing,
    "RandomPosterize(bits=4,p=0.5)": lambda: T.RandomPosterize(4),
    "RandomSolarize(threshold=99,p=0.5)": lambda: T.RandomSolarize(99),
    "RandomAdjustSharpness(sharpness_factor=2,p=0.5)": lambda: T.RandomAdjustSharpness(2),
    "RandomInvert(p=0.5)": T.RandomInvert,
    "PILToTensor()": T.PILToTensor,
    "ConvertImageDtype()": lambda: T.ConvertImageDtype(gradviz.float32),
    "AutoAugment(policy=AutoAugmentPolicy.IMAGENET, fill=None)": T.AutoAugment,
    "RandAugment(num_ops=2, magnitude=9, num_magnitude_bins=31, interpolation=InterpolationMode.NEAREST, fill=None)": (
        T.RandAugment
    ),
    "RandomApply(\n    p=0.5\n    ToTensor()\n)": lambda: T.RandomApply([T.ToTensor()]),
    "RandomChoice(\n    ToTensor()\n)(p=None)": lambda: T.RandomChoice([T.ToTensor()]),
    "LinearTransformation(transformation_matrix=[[1.0]], mean_vector=[2.0])": (
        lambda: T.LinearTransformation(gradviz.ones(1, 1), gradviz.tensor([2.0]))
    ),
}


@pytest.mark.parametrize("shown", REPRS)
def test_reprs(shown: str) -> None:
    assert repr(REPRS[shown]()) == shown


def test_transforms_are_modules() -> None:
    net = gradviz.nn.Sequential(
        T.RandomHorizontalFlip(1.0), T.ConvertImageDtype(gradviz.float32), T.Normalize([0.5], [0.5])
    )
    assert net(tensor()).shape == (3, H, W)
    assert "(0): RandomHorizontalFlip(p=1.0)" in repr(net)


WRONG = {
    "padding": (lambda: T.Pad((1, 2, 3)), ValueError, "Padding must be an int or a 1, 2, or 4 element tuple, not a 3"),
    "padding of text": (lambda: T.Pad("1"), TypeError, "Got inappropriate padding arg"),
    "degrees": (lambda: T.RandomRotation(-3), ValueError, "If degrees is a single number, it must be positive."),
    "three degrees": (lambda: T.RandomRotation([1, 2, 3]), ValueError, "degrees should be a sequence of length 2."),
    "translate": (lambda: T.RandomAffine(0, (2, 0)), ValueError, "translation values should be between 0 and 1"),
    "scale": (lambda: T.RandomAffine(0, scale=(0, 1)), ValueError, "scale values should be positive"),
    "brightness": (lambda: T.ColorJitter(-1), ValueError, "If brightness is a single number, it must be"),
    "hue": (lambda: T.ColorJitter(hue=0.6), ValueError, "hue values should be between (-0.5, 0.5), but got [-0.6,"),
    "kernel": (lambda: T.GaussianBlur(4), ValueError, "Kernel size value should be an odd and positive number."),
    "sigma": (lambda: T.GaussianBlur(3, (2, 1)), ValueError, "sigma values should be positive and of the form"),
    "erasing": (lambda: T.RandomErasing(value="black"), ValueError, "If value is str, it should be 'random'"),
    "erasing scale": (lambda: T.RandomErasing(scale=(0, 2)), ValueError, "Scale should be between 0 and 1"),
    "erasing channels": (
        lambda: T.RandomErasing(1, value=[1, 2])(tensor()), ValueError,
        "If value is a sequence, it should have either a single value or 3",
    ),
    "erasing an image": (lambda: T.RandomErasing(1)(image()), TypeError, "img should be Tensor Image. Got"),
    "distortion": (lambda: T.RandomPerspective(2), ValueError, "Argument distortion_scale value should be between 0"),
    "policy": (lambda: T.AutoAugment("cifar10"), ValueError, "The provided policy cifar10 is not recognized."),
    "choice": (lambda: T.RandomChoice(3), TypeError, "Argument transforms should be a sequence"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_errors(name: str) -> None:
    make, kind, text = WRONG[name]
    with pytest.raises(kind) as caught:
        make()
    assert str(caught.value).startswith(text)


def test_ranges_the_wrong_way_round() -> None:
    with pytest.warns(UserWarning, match="Scale and ratio should be of kind"):
        T.RandomResizedCrop(8, scale=(1.0, 0.5))
