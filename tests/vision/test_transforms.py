"""Transforms and grids: values, randomness in torch's order, printed forms, errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.core.random import manual_seed
from gradviz.vision import transforms as T
from gradviz.vision import utils
from gradviz.vision.transforms import functional as F

image_module = pytest.importorskip("PIL.Image")


def pixels(h: int = 4, w: int = 6, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (h, w, channels), dtype=np.uint8)


def test_reprs() -> None:
    both = T.Compose(
        [
            T.Resize(40),
            T.CenterCrop(32),
            T.RandomCrop(32, padding=4),
            T.RandomHorizontalFlip(),
            T.ToTensor(),
            T.Normalize((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
            T.Lambda(abs),
            T.ToPILImage(),
            T.ToPILImage("RGB"),
        ]
    )
    assert repr(both).splitlines() == [
        "Compose(",
        "    Resize(size=40, interpolation=bilinear, max_size=None, antialias=True)",
        "    CenterCrop(size=(32, 32))",
        "    RandomCrop(size=(32, 32), padding=4)",
        "    RandomHorizontalFlip(p=0.5)",
        "    ToTensor()",
        "    Normalize(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))",
        "    Lambda()",
        "    ToPILImage()",
        "    ToPILImage(mode=RGB)",
        ")",
    ]


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "1", "I", "F", "LA"])
def test_to_tensor_of_images(mode: str) -> None:
    image = image_module.fromarray(pixels()).convert(mode)
    found = T.ToTensor()(image)
    array = np.asarray(image)
    planes = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
    expected = planes / np.float32(255) if planes.dtype == np.uint8 else planes
    assert found.shape == planes.shape
    assert found.tolist() == expected.astype(found.numpy().dtype).tolist()


def test_to_tensor_of_arrays_equals_torch() -> None:
    torch = pytest.importorskip("torch")
    array = pixels()
    expected = torch.from_numpy(array.transpose(2, 0, 1).copy()).float().div(255)
    assert T.ToTensor()(array).tolist() == expected.tolist()
    assert T.ToTensor()(image_module.fromarray(array)).tolist() == expected.tolist()
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.25, 0.3)
    normal = expected.sub(torch.tensor(mean).view(-1, 1, 1)).div(torch.tensor(std).view(-1, 1, 1))
    found = T.Normalize(mean, std)(T.ToTensor()(array))
    assert found.tolist() == normal.tolist()
    assert T.ToTensor()(pixels()[:, :, 0]).shape == (1, 4, 6)
    assert T.ToTensor()(np.ones((2, 2))).dtype is gradviz.float64, "only bytes are scaled"


def test_normalize_inplace_and_recorded() -> None:
    x = gradviz.ones(3, 2, 2)
    version = x._version
    assert T.Normalize([1, 0, 0], [1, 2, 4], inplace=True)(x) is x
    assert (x[:, 0, 0].tolist(), x._version) == ([0, 0.5, 0.25], version + 1)
    y = gradviz.ones(3, 2, 2, requires_grad=True)
    T.Normalize([0.0] * 3, gradviz.tensor([1.0, 2.0, 4.0]))(y).sum().backward()
    assert y.grad[:, 0, 0].tolist() == [1, 0.5, 0.25]


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA", "F", "I"])
def test_back_to_an_image(mode: str) -> None:
    image = image_module.fromarray(pixels()).convert(mode)
    again = T.ToPILImage(mode if mode == "F" else None)(T.ToTensor()(image))
    assert (again.mode, again.size) == (image.mode, image.size)
    assert np.asarray(again).tolist() == np.asarray(image).tolist()
    assert T.ToPILImage()(np.asarray(image)).tobytes() == image.tobytes()


def test_an_image_in_another_mode() -> None:
    made = T.ToPILImage("HSV")(pixels())
    assert (made.mode, made.tobytes()) == ("HSV", pixels().tobytes())


def test_random_flip_draws_as_torchs() -> None:
    torch = pytest.importorskip("torch")
    image = image_module.fromarray(pixels())
    manual_seed(4)
    torch.manual_seed(4)
    flip = T.RandomHorizontalFlip(0.3)
    flipped = [flip(image) is not image for _ in range(50)]
    assert flipped == [bool(torch.rand(1) < 0.3) for _ in range(50)]
    assert any(flipped)


def test_random_crop_draws_as_torchs() -> None:
    torch = pytest.importorskip("torch")
    array = pixels(9, 11)
    manual_seed(4)
    torch.manual_seed(4)
    for _ in range(10):
        found = np.asarray(T.RandomCrop((5, 6), padding=2)(image_module.fromarray(array)))
        top = torch.randint(0, 9 + 4 - 5 + 1, size=(1,)).item()
        left = torch.randint(0, 11 + 4 - 6 + 1, size=(1,)).item()
        padded = np.pad(array, [(2, 2), (2, 2), (0, 0)])
        assert found.tolist() == padded[top : top + 5, left : left + 6].tolist()


# Each works on an image and on a tensor, and does the same to both.
BOTH = {
    "flip": F.hflip,
    "crop": lambda img: F.crop(img, 1, 2, 2, 3),
    "crop beyond the edge": lambda img: F.crop(img, -1, 4, 7, 5),
    "center crop": lambda img: F.center_crop(img, 2),
    "center crop, larger": lambda img: F.center_crop(img, (7, 9)),
    "center crop, one side larger": lambda img: F.center_crop(img, (7, 3)),
    "pad": lambda img: F.pad(img, 2),
    "pad two": lambda img: F.pad(img, (1, 2)),
    "pad four": lambda img: F.pad(img, (1, 2, 3, 0), fill=9),
    "pad reflect": lambda img: F.pad(img, 2, padding_mode="reflect"),
    "pad edge": lambda img: F.pad(img, 2, padding_mode="edge"),
    "random crop of all": lambda img: T.RandomCrop((4, 6))(img),
    "pad if needed": lambda img: T.RandomCrop((6, 8), pad_if_needed=True, fill=3)(img),
}


@pytest.mark.parametrize("name", BOTH)
def test_images_and_tensors_alike(name: str) -> None:
    array = pixels()
    manual_seed(0)
    image = np.asarray(BOTH[name](image_module.fromarray(array)))
    manual_seed(0)
    tensor = BOTH[name](gradviz.from_numpy(array.transpose(2, 0, 1).copy()))
    assert tensor.numpy().transpose(1, 2, 0).tolist() == image.tolist()


def test_padding_with_a_colour() -> None:
    image = F.pad(image_module.fromarray(pixels()), 1, fill=(1, 2, 3))
    assert np.asarray(image)[0, 0].tolist() == [1, 2, 3]
    assert (np.asarray(image)[1:-1, 1:-1] == pixels()).all()


@pytest.mark.parametrize(
    ("size", "options", "expected"),
    [
        (8, {}, (12, 8)),
        ([8], {}, (12, 8)),
        ((5, 7), {}, (7, 5)),
        (8, {"max_size": 10}, (10, 6)),
        (2, {"interpolation": T.InterpolationMode.NEAREST}, (3, 2)),
    ],
)
def test_resize(size: Any, options: dict, expected: tuple[int, int]) -> None:
    image = image_module.fromarray(pixels())
    found = T.Resize(size, **options)(image)
    assert found.size == expected
    method = getattr(image_module.Resampling, options.get("interpolation", T.InterpolationMode.BILINEAR).name)
    assert np.asarray(found).tolist() == np.asarray(image.resize(expected, method)).tolist()


WRONG = {
    "ToTensor of a tensor": (
        lambda: T.ToTensor()(gradviz.ones(2)),
        TypeError,
        "pic should be PIL Image or ndarray. Got",
    ),
    "ToTensor of 1-d": (
        lambda: T.ToTensor()(np.ones(2)),
        ValueError,
        "pic should be 2/3 dimensional. Got 1 dimensions.",
    ),
    "ToPILImage of 4-d": (
        lambda: T.ToPILImage()(gradviz.ones(1, 1, 1, 1)),
        ValueError,
        "pic should be 2/3 dimensional",
    ),
    "ToPILImage of text": (lambda: T.ToPILImage()("x"), TypeError, "pic should be Tensor or ndarray. Got"),
    "ToPILImage of 5 channels": (
        lambda: T.ToPILImage()(gradviz.ones(5, 1, 1)),
        ValueError,
        "pic should not have > 4 channels. Got 5 channels.",
    ),
    "ToPILImage of float64": (
        lambda: T.ToPILImage()(np.ones((2, 2, 3))),
        TypeError,
        "Input type float64 is not supported",
    ),
    "ToPILImage mode": (lambda: T.ToPILImage("L")(pixels()), ValueError, "Only modes"),
    "Normalize an image": (lambda: T.Normalize([0], [1])(pixels()), TypeError, "img should be Tensor Image. Got"),
    "Normalize ints": (
        lambda: T.Normalize([0], [1])(gradviz.ones(1, 1, 1, dtype=gradviz.int64)),
        TypeError,
        "Input tensor should be a float tensor. Got torch.int64.",
    ),
    "Normalize 2-d": (
        lambda: T.Normalize([0], [1])(gradviz.ones(2, 2)),
        ValueError,
        "Expected tensor to be a tensor image of size (..., C, H, W). Got tensor.size() = torch.Size([2, 2])",
    ),
    "Normalize by 0": (
        lambda: T.Normalize([0], [0])(gradviz.ones(1, 2, 2)),
        ValueError,
        "std evaluated to zero after conversion to torch.float32, leading to division by zero.",
    ),
    "crop too large": (
        lambda: T.RandomCrop(9)(image_module.fromarray(pixels())),
        ValueError,
        "Required crop size (9, 9) is larger than input image size (4, 6)",
    ),
    "size of three": (
        lambda: T.CenterCrop((1, 2, 3)),
        ValueError,
        "Please provide only two dimensions (h, w) for size.",
    ),
    "resize to three": (lambda: T.Resize((1, 2, 3)), ValueError, "If size is a sequence, it should have 1 or 2 values"),
    "max_size": (
        lambda: T.Resize(8, max_size=8)(image_module.fromarray(pixels())),
        ValueError,
        "max_size = 8 must be strictly greater than the requested size for the smaller edge size = 8",
    ),
    "resize a tensor": (
        lambda: T.Resize(8, T.InterpolationMode.BOX)(gradviz.ones(3, 4, 4)),
        ValueError,
        "Interpolation mode 'box' is unsupported with Tensor input",
    ),
    "pad three": (
        lambda: F.pad(image_module.fromarray(pixels()), (1, 2, 3)),
        ValueError,
        "Padding must be an int or a 1, 2, or 4 element tuple, not a 3 element tuple",
    ),
    "padding mode": (
        lambda: F.pad(image_module.fromarray(pixels()), 1, padding_mode="wrap"),
        ValueError,
        "Padding mode should be either constant, edge, reflect or symmetric",
    ),
    "lambda": (lambda: T.Lambda(3), TypeError, "Argument lambd should be callable, got"),
    "grid of text": (lambda: utils.make_grid("x"), TypeError, "tensor or list of tensors expected, got <class 'str'>"),
    "grid of 5-d": (lambda: utils.make_grid(gradviz.ones(1, 1, 1, 1, 1)), ValueError, "make_grid() takes images"),
    "grid range": (
        lambda: utils.make_grid(gradviz.ones(2, 3, 2, 2), normalize=True, value_range=[0, 1]),
        TypeError,
        "value_range has to be a tuple (min, max) if specified. min and max are numbers",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors(name: str) -> None:
    call, kind, text = WRONG[name]
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value).startswith(text)


def test_make_grid() -> None:
    images = gradviz.arange(5.0).reshape(5, 1, 1, 1).expand(5, 3, 2, 3) + 1
    grid = utils.make_grid(images, nrow=3, padding=1, pad_value=-1)
    assert grid.shape == (3, 2 * 3 + 1, 3 * 4 + 1)
    rows = grid[0].tolist()
    assert rows[0] == [-1] * 13
    assert rows[1] == [-1, 1, 1, 1, -1, 2, 2, 2, -1, 3, 3, 3, -1]
    assert rows[4] == [-1, 4, 4, 4, -1, 5, 5, 5, *[-1] * 5]


def test_make_grid_of_one_of_grey_and_of_a_list() -> None:
    assert utils.make_grid(gradviz.ones(3, 4, 5)).shape == (3, 4, 5)
    assert utils.make_grid(gradviz.ones(4, 5)).shape == (3, 4, 5)
    assert utils.make_grid(gradviz.ones(2, 1, 4, 5)).shape == (3, 8, 16)
    assert utils.make_grid([gradviz.ones(3, 4, 5)] * 2).shape == (3, 8, 16)


def test_make_grid_normalizes_and_leaves_its_input() -> None:
    images = gradviz.tensor([[0.0, 4.0], [2.0, 10.0]]).reshape(2, 1, 1, 2)
    whole = utils.make_grid(images, padding=0, normalize=True)
    assert whole[0, 0].tolist() == pytest.approx([0, 0.4, 0.2, 1])
    each = utils.make_grid(images, padding=0, normalize=True, scale_each=True)
    assert each[0, 0].tolist() == pytest.approx([0, 1, 0, 1])
    ranged = utils.make_grid(images, padding=0, normalize=True, value_range=(0.0, 4.0))
    assert ranged[0, 0].tolist() == pytest.approx([0, 1, 0.5, 1])
    assert images.reshape(-1).tolist() == [0, 4, 2, 10]


def test_save_image(tmp_path: Path) -> None:
    path = tmp_path / "grid.png"
    utils.save_image(gradviz.from_numpy(pixels().transpose(2, 0, 1) / np.float32(255)), path)
    assert np.asarray(image_module.open(path)).tolist() == pixels().tolist()
