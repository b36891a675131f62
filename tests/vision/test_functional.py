"""The transforms' arithmetic: tensors beside torch's functions, and beside PIL images of the same pixels."""

from __future__ import annotations

import colorsys
import math
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.vision import transforms as T
from gradviz.vision.transforms import functional as F
from gradviz.vision.transforms.functional.warp import inverse_affine

torch = pytest.importorskip("torch")
image_module = pytest.importorskip("PIL.Image")
Fn = torch.nn.functional
MODE = T.InterpolationMode
H, W = 11, 14


def pixels(seed: int = 0, h: int = H, w: int = W) -> np.ndarray:
    """Smooth, so that a place a little beside another has nearly its value; with noise in one corner."""
    y, x = np.mgrid[0:h, 0:w]
    planes = [128 + 100 * np.sin(x / 4 + c + seed) * np.cos(y / 5 - c) for c in range(3)]
    made = np.stack(planes, -1).astype(np.uint8)
    made[:3, :3] = np.random.default_rng(seed).integers(0, 256, (3, 3, 3))
    return made


def tensors(kind: str, array: np.ndarray | None = None) -> tuple[Any, Any]:
    planes = (pixels() if array is None else array).transpose(2, 0, 1).copy()
    if kind == "float32":
        planes = planes.astype(np.float32) / 255
    return gradviz.from_numpy(planes), torch.from_numpy(planes.copy())


def bound(x: Any) -> int:
    return 1 if x.is_floating_point() else 255


def blend(a: Any, b: Any, ratio: float) -> Any:
    return (ratio * a + (1.0 - ratio) * b).clamp(0, bound(a)).to(a.dtype)


def grey(x: Any) -> Any:
    return (0.2989 * x[0] + 0.587 * x[1] + 0.114 * x[2]).to(x.dtype)[None]


def rounded(out: Any, like: Any) -> Any:
    return out if like.is_floating_point() else out.round().to(like.dtype)


def resized(x: Any, size: tuple[int, int], mode: str, **options: Any) -> Any:
    out = Fn.interpolate(x[None].float(), size=size, mode=mode, **options)[0]
    return rounded(out.clamp(0, bound(x)) if mode == "bicubic" and bound(x) == 255 else out, x)


def blurred(x: Any, k: tuple[int, int], sigma: tuple[float, float]) -> Any:
    bells = []
    for n, s in zip(k, sigma, strict=True):
        at = torch.linspace(-(n - 1) * 0.5, (n - 1) * 0.5, n)
        bell = torch.exp(-0.5 * (at / s) ** 2)
        bells.append(bell / bell.sum())
    kernel = torch.mm(bells[1][:, None], bells[0][None, :]).expand(3, 1, k[1], k[0])
    wide = Fn.pad(x[None].float(), [k[0] // 2, k[0] // 2, k[1] // 2, k[1] // 2], mode="reflect")
    return rounded(Fn.conv2d(wide, kernel, groups=3)[0], x)


def sampled(x: Any, matrix: list[float], mode: str) -> Any:
    """By torch's affine_grid, whose places go from -1 to 1."""
    a, b, c, d, e, f = matrix
    theta = torch.tensor([[[a, b * H / W, 2 * c / W], [d * W / H, e, 2 * f / H]]])
    grid = Fn.affine_grid(theta, [1, 3, H, W], align_corners=False)
    return rounded(Fn.grid_sample(x[None].float(), grid, mode, "zeros", align_corners=False)[0], x)


FORMULAS: dict[str, tuple[Any, Any]] = {
    "brightness": (lambda x: F.adjust_brightness(x, 1.4), lambda x: blend(x, torch.zeros_like(x), 1.4)),
    "contrast": (lambda x: F.adjust_contrast(x, 0.6), lambda x: blend(x, grey(x).float().mean(), 0.6)),
    "saturation": (lambda x: F.adjust_saturation(x, 1.7), lambda x: blend(x, grey(x), 1.7)),
    "grey": (F.rgb_to_grayscale, grey),
    "grey three": (lambda x: F.rgb_to_grayscale(x, 3), lambda x: grey(x).expand(3, H, W)),
    "invert": (F.invert, lambda x: bound(x) - x),
    "gamma": (
        lambda x: F.adjust_gamma(x, 0.7, 1.1),
        lambda x: (
            (1.1 * (x.float() / bound(x)) ** 0.7).clamp(0, 1)
            if bound(x) == 1
            else ((1.1 * (x.float() / 255) ** 0.7).clamp(0, 1) * 255.999).to(torch.uint8)
        ),
    ),
    "blur": (lambda x: F.gaussian_blur(x, 3, 0.8), lambda x: blurred(x, (3, 3), (0.8, 0.8))),
    "blur by two": (lambda x: F.gaussian_blur(x, [5, 3], [1.0, 2.0]), lambda x: blurred(x, (5, 3), (1.0, 2.0))),
    "blur, sigma from size": (lambda x: F.gaussian_blur(x, 5), lambda x: blurred(x, (5, 5), (1.1, 1.1))),
    "resize": (
        lambda x: F.resize(x, [6, 9]),
        lambda x: resized(x, (6, 9), "bilinear", antialias=True, align_corners=False),
    ),
    "resize larger": (
        lambda x: F.resize(x, 20),
        lambda x: resized(x, (20, 25), "bilinear", antialias=True, align_corners=False),
    ),
    "resize without antialias": (
        lambda x: F.resize(x, [5, 5], antialias=False),
        lambda x: resized(x, (5, 5), "bilinear", align_corners=False),
    ),
    "resize bicubic": (
        lambda x: F.resize(x, [20, 9], MODE.BICUBIC),
        lambda x: resized(x, (20, 9), "bicubic", antialias=True, align_corners=False),
    ),
    "resize nearest": (lambda x: F.resize(x, [20, 9], MODE.NEAREST), lambda x: resized(x, (20, 9), "nearest")),
    "resize nearest exact": (
        lambda x: F.resize(x, [5, 9], MODE.NEAREST_EXACT),
        lambda x: resized(x, (5, 9), "nearest-exact"),
    ),
    "resized crop": (
        lambda x: F.resized_crop(x, 1, 2, 7, 8, [5, 5]),
        lambda x: resized(x[:, 1:8, 2:10], (5, 5), "bilinear", antialias=True, align_corners=False),
    ),
    "rotate": (
        lambda x: F.rotate(x, 30, MODE.BILINEAR),
        lambda x: sampled(x, inverse_affine([0, 0], -30, [0, 0], 1.0, [0, 0]), "bilinear"),
    ),
    "affine": (
        lambda x: F.affine(x, 20, [2, -1], 1.3, [5, -7], MODE.BILINEAR),
        lambda x: sampled(x, inverse_affine([0, 0], 20, [2, -1], 1.3, [5, -7]), "bilinear"),
    ),
    "affine about a point": (
        lambda x: F.affine(x, 20, [2, -1], 1.3, [5, -7], MODE.BILINEAR, center=[3, 4]),
        lambda x: sampled(x, inverse_affine([3 - W / 2, 4 - H / 2], 20, [2, -1], 1.3, [5, -7]), "bilinear"),
    ),
    "flip": (F.vflip, lambda x: x.flip(-2)),
    "erase": (lambda x: F.erase(x, 1, 2, 3, 4, gradviz.zeros(3, 1, 1)), lambda x: _erased(x)),
}


def _erased(x: Any) -> Any:
    out = x.clone()
    out[:, 1:4, 2:6] = 0
    return out


@pytest.mark.parametrize("kind", ["uint8", "float32"])
@pytest.mark.parametrize("name", FORMULAS)
def test_formulas(name: str, kind: str) -> None:
    ours, theirs = FORMULAS[name]
    x, y = tensors(kind)
    found, expected = ours(x), theirs(y)
    assert (found.dtype, found.shape) == (x.dtype, expected.shape)
    # An integer may fall to the other side of a half.
    difference = np.abs(found.numpy().astype(np.float64) - expected.numpy())
    assert difference.max() <= (1 if kind == "uint8" else 2e-5)
    assert (difference > 1e-4).mean() < 0.02
    batch = ours(gradviz.stack([x, x]))
    if name != "contrast":
        np.testing.assert_allclose(batch[1].numpy(), found.numpy(), atol=1e-6)
    assert x.numpy().tolist() == y.tolist(), "the input is as it was"


# What a PIL image and a tensor of the same pixels become; the largest difference, and how many pixels may differ.
ALIKE: dict[str, tuple[Any, float, float]] = {
    "vflip": (F.vflip, 0, 0),
    "pad symmetric": (lambda i: F.pad(i, [3, 1], padding_mode="symmetric"), 0, 0),
    "five crop": (lambda i: F.five_crop(i, 5)[3], 0, 0),
    "ten crop": (lambda i: F.ten_crop(i, (5, 6), True)[7], 0, 0),
    "invert": (F.invert, 0, 0),
    "posterize": (lambda i: F.posterize(i, 3), 0, 0),
    "posterize to 8": (lambda i: F.posterize(i, 8), 0, 0),
    "solarize": (lambda i: F.solarize(i, 100), 0, 0),
    "autocontrast": (F.autocontrast, 1, 1),
    "equalize": (F.equalize, 0, 0),
    "brightness": (lambda i: F.adjust_brightness(i, 1.3), 1, 1),
    "contrast": (lambda i: F.adjust_contrast(i, 1.3), 1, 1),
    "saturation": (lambda i: F.adjust_saturation(i, 0.4), 1, 1),
    "gamma": (lambda i: F.adjust_gamma(i, 1.4), 1, 1),
    "grey": (F.rgb_to_grayscale, 1, 1),
    "sharper": (lambda i: F.adjust_sharpness(i, 1.8), 1, 1),
    "softer": (lambda i: F.adjust_sharpness(i, 0.2), 1, 1),
    "hue": (lambda i: F.adjust_hue(i, 0.3), 30, 1),
    "resize smaller": (lambda i: F.resize(i, [6, 7]), 1, 1),
    "resize bicubic": (lambda i: F.resize(i, [16, 20], MODE.BICUBIC), 1, 1),
    "rotate a quarter": (lambda i: F.rotate(F.crop(i, 0, 0, 10, 14), 90, expand=True), 0, 0),
    "rotate": (lambda i: F.rotate(i, 33), 255, 0.03),
    "rotate and expand": (lambda i: F.rotate(i, 33, expand=True, fill=[9, 8, 7]), 255, 0.03),
    "rotate about a point": (lambda i: F.rotate(i, -20, center=[2, 3], fill=[4]), 255, 0.03),
    "affine": (lambda i: F.affine(i, 10, [1, 2], 0.8, [5, 6], fill=[1, 2, 3]), 255, 0.03),
    "perspective": (
        lambda i: F.perspective(
            i, [[0, 0], [13, 0], [13, 10], [0, 10]], [[2, 1], [12, 0], [11, 9], [1, 10]], MODE.NEAREST
        ),
        255,
        0.03,
    ),
}


@pytest.mark.parametrize("name", ALIKE)
def test_images_and_tensors_alike(name: str) -> None:
    call, most, share = ALIKE[name]
    image = np.asarray(call(image_module.fromarray(pixels())))
    tensor = call(gradviz.from_numpy(pixels().transpose(2, 0, 1).copy())).numpy().transpose(1, 2, 0)
    image = image[:, :, None] if image.ndim == 2 else image
    assert image.shape == tensor.shape
    difference = np.abs(image.astype(int) - tensor.astype(int))
    assert difference.max() <= most
    assert (difference.max(-1) > 0).mean() <= share


def test_hue_by_the_standard_library() -> None:
    x, _ = tensors("float32")
    for factor in (0.0, 0.2, -0.35):
        found = F.adjust_hue(x, factor).numpy()
        for i in range(0, H * W, 5):
            h, s, v = colorsys.rgb_to_hsv(*x.numpy()[:, i // W, i % W].tolist())
            expected = colorsys.hsv_to_rgb((h + factor) % 1, s, v)
            assert found[:, i // W, i % W].tolist() == pytest.approx(expected, abs=1e-5)
    whole, _ = tensors("uint8")
    assert F.adjust_hue(whole, 0.0).tolist() == whole.tolist()


@pytest.mark.parametrize("before", ["uint8", "int16", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("after", ["uint8", "int16", "int32", "int64", "float32", "float64"])
def test_element_types(before: str, after: str) -> None:
    a, b = (torch.__dict__[name] for name in (before, after))
    largest = {
        name: 1 if name.startswith("float") else torch.iinfo(torch.__dict__[name]).max for name in (before, after)
    }
    values = np.array([0, 0.25, 0.5, 1.0])
    made = (values * largest[before]).astype(before) if largest[before] == 1 else np.array(
        [0, largest[before] // 3, largest[before] // 2, largest[before]], before
    )  # fmt: skip
    x = gradviz.from_numpy(made)
    if before.startswith("float") and (after == "int64" or (before, after) == ("float32", "int32")):
        with pytest.raises(
            RuntimeError, match=f"The cast from torch.{before} to torch.{after} cannot be performed safely"
        ):
            F.convert_image_dtype(x, gradviz.__dict__[after])
        return
    found = F.convert_image_dtype(x, getattr(gradviz, after))
    y = torch.from_numpy(made.copy())
    if a == b:
        expected = y
    elif a.is_floating_point:
        expected = y.to(b) if b.is_floating_point else y.mul(largest[after] + 1 - 1e-3).to(b)
    elif b.is_floating_point:
        expected = y.to(b) / largest[before]
    else:
        wide, narrow = largest[before] + 1, largest[after] + 1
        down = torch.div(y, wide // narrow, rounding_mode="floor").to(b) if wide > narrow else None
        expected = y.to(b) * (narrow // wide) if down is None else down
    assert str(found.dtype) == str(b)
    assert found.tolist() == pytest.approx(expected.tolist(), rel=1e-6, nan_ok=True)


def test_the_rest_of_the_queries() -> None:
    image, tensor = image_module.fromarray(pixels()), gradviz.zeros(2, 5, 4, 3)
    assert (F.get_dimensions(image), F.get_dimensions(tensor)) == ([3, H, W], [5, 4, 3])
    assert (F.get_image_size(image), F.get_image_size(tensor)) == ([W, H], [3, 4])
    assert (F.get_image_num_channels(image), F.get_image_num_channels(gradviz.zeros(2, 2))) == (3, 1)
    assert F.pil_to_tensor(image).dtype is gradviz.uint8
    assert F.pil_to_tensor(image.convert("1")).shape == (1, H, W)
    assert F.to_grayscale(image, 3).mode == "RGB"


def test_gradients_flow() -> None:
    """A learned transform needs them: through resizing, warping and colours."""
    x = gradviz.rand(3, 8, 8, requires_grad=True)
    out = F.rotate(F.resize(F.adjust_contrast(x, 0.5), [6, 6]), 10.0, MODE.BILINEAR)
    F.pad(out, 1, padding_mode="reflect").sum().backward()
    assert float(x.grad.abs().sum()) > 0


def test_linear_transformation() -> None:
    matrix, mean = gradviz.randn(12, 12), gradviz.randn(12)
    whiten = T.LinearTransformation(matrix, mean)
    x = gradviz.randn(2, 3, 2, 2)
    expected = (torch.tensor(x.tolist()).reshape(2, 12) - torch.tensor(mean.tolist())) @ torch.tensor(matrix.tolist())
    np.testing.assert_allclose(whiten(x).numpy().reshape(2, 12), expected.numpy(), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="have incompatible shape"):
        whiten(gradviz.randn(3, 3, 3))
    with pytest.raises(ValueError, match="transformation_matrix should be square"):
        T.LinearTransformation(gradviz.zeros(2, 3), mean)


WRONG = {
    "negative brightness": (lambda x: F.adjust_brightness(x, -1), ValueError, "brightness_factor (-1) is not non-"),
    "hue": (lambda x: F.adjust_hue(x, 0.7), ValueError, "hue_factor (0.7) is not in [-0.5, 0.5]."),
    "gamma": (lambda x: F.adjust_gamma(x, -1), ValueError, "Gamma should be a non-negative real number"),
    "channels": (
        lambda x: F.invert(gradviz.zeros(2, 4, 4)), TypeError,
        "Input image tensor permitted channel values are [1, 3], but found 2",
    ),
    "posterize floats": (lambda x: F.posterize(x, 3), TypeError, "Only torch.uint8 image tensors are supported, but"),
    "bits": (lambda x: F.posterize(x, 9), ValueError, "The number if bits should be between 0 and 8. Got 9"),
    "equalize floats": (F.equalize, TypeError, "Only torch.uint8 image tensors are supported, but found torch.float32"),
    "threshold": (lambda x: F.solarize(x, 2.0), TypeError, "Threshold should be less than bound of img."),
    "kernel": (lambda x: F.gaussian_blur(x, 4), ValueError, "kernel_size should have odd and positive integers. Got"),
    "sigma": (lambda x: F.gaussian_blur(x, 3, -1.0), ValueError, "sigma should have positive values. Got"),
    "mode": (lambda x: F.resize(x, 5, "bilinear"), TypeError, "Argument interpolation should be a InterpolationMode"),
    "bicubic warp": (
        lambda x: F.rotate(x, 5, MODE.BICUBIC), ValueError,
        "Interpolation mode 'bicubic' is unsupported with Tensor input",
    ),
    "fill": (
        lambda x: F.rotate(x, 5, fill=[1, 2]), ValueError,
        "The number of elements in 'fill' cannot broadcast to match the number of channels of the image (2 != 3)",
    ),
    "scale": (lambda x: F.affine(x, 0, [0, 0], 0, 0), ValueError, "Argument scale should be positive"),
    "translate": (lambda x: F.affine(x, 0, 3, 1, 0), TypeError, "Argument translate should be a sequence"),
    "corners": (lambda x: F.perspective(x, [[0, 0]], [[1, 1]]), ValueError, "Please provide exactly four corners"),
    "crop": (lambda x: F.five_crop(x, 99), ValueError, "Requested crop size (99, 99) is bigger than input"),
    "erase an image": (
        lambda x: F.erase(image_module.new("L", (2, 2)), 0, 0, 1, 1, 0), TypeError, "img should be Tensor Image. Got",
    ),
    "a line": (lambda x: F.hflip(gradviz.zeros(3)), TypeError, "Tensor is not a torch image."),
    "text": (lambda x: F.hflip("x"), TypeError, "Unexpected type <class 'str'>"),
    "to_grayscale": (F.to_grayscale, TypeError, "Input should be PIL Image"),
    "channels of grey": (lambda x: F.rgb_to_grayscale(x, 2), ValueError, "num_output_channels should be either 1 or 3"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_errors(name: str) -> None:
    call, kind, text = WRONG[name]
    with pytest.raises(kind) as caught:
        call(tensors("float32")[0])
    assert str(caught.value).startswith(text)


def test_a_turned_image_fits() -> None:
    x = gradviz.ones(1, 10, 20)
    assert F.rotate(x, 90, expand=True).shape == (1, 20, 10)
    side = math.ceil(30 / math.sqrt(2))
    assert F.rotate(x, 45, expand=True).shape[-1] in (side, side + 1)
