"""transforms.v2: whole samples, the kinds of tensors, MixUp and CutMix."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
import pytest

import gradviz
from gradviz.vision import transforms as T
from gradviz.vision import tv_tensors
from gradviz.vision.transforms import v2
from gradviz.vision.transforms.v2 import functional as F
from gradviz.vision.transforms.v2.mixing import beta

image_module = pytest.importorskip("PIL.Image")


class Pair(NamedTuple):
    image: Any
    label: Any


def array(seed: int = 0, h: int = 9, w: int = 11) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (h, w, 3), dtype=np.uint8)


def tensor(seed: int = 0) -> Any:
    return gradviz.from_numpy(array(seed).transpose(2, 0, 1).copy())


def test_images_are_found_in_any_nesting() -> None:
    picture, marked, plain = image_module.fromarray(array()), tv_tensors.Image(tensor()), tensor()
    flip = v2.RandomHorizontalFlip(1.0)
    out = flip({"a": picture, "b": [marked, plain, 3], "c": ("text", None)})
    assert (np.asarray(out["a"]) == array()[:, ::-1]).all()
    assert type(out["b"][0]) is tv_tensors.Image
    assert out["b"][0].tolist() == tensor().flip(-1).tolist()
    assert out["b"][1] is plain, "a plain tensor is no image where there are images"
    assert (out["b"][2], out["c"]) == (3, ("text", None))
    first, second = flip(plain, tensor(1))
    assert first.tolist() == plain.flip(-1).tolist()
    assert second.tolist() == tensor(1).tolist(), "only the first plain tensor is"
    assert type(flip(Pair(plain, 1))) is Pair
    assert type(flip(OrderedDict(x=plain))) is OrderedDict
    assert flip(3) == 3


# Drawn once for a sample, the same as v1 draws for an image.
SAME = {
    "RandomResizedCrop": lambda M: M.RandomResizedCrop(5),
    "RandomCrop": lambda M: M.RandomCrop(6, padding=2),
    "RandomRotation": lambda M: M.RandomRotation(30),
    "RandomAffine": lambda M: M.RandomAffine(10, (0.1, 0.1)),
    "RandomPerspective": lambda M: M.RandomPerspective(p=0.9),
    "ColorJitter": lambda M: M.ColorJitter(0.4, 0.4, 0.4, 0.1),
    "GaussianBlur": lambda M: M.GaussianBlur(3),
    "RandomErasing": lambda M: M.RandomErasing(0.9),
    "RandAugment": lambda M: M.RandAugment(),
    "TrivialAugmentWide": lambda M: M.TrivialAugmentWide(),
    "AutoAugment": lambda M: M.AutoAugment(),
    "Resize": lambda M: M.Resize(6),
    "Pad": lambda M: M.Pad(2),
    "Grayscale": lambda M: M.Grayscale(3),
    "CenterCrop": lambda M: M.CenterCrop(4),
    "RandomSolarize": lambda M: M.RandomSolarize(100),
}


@pytest.mark.parametrize("name", SAME)
def test_v2_draws_as_v1(name: str) -> None:
    one, two = SAME[name](T), SAME[name](v2)
    gradviz.manual_seed(6)
    expected = [one(tensor()).tolist() for _ in range(4)]
    gradviz.manual_seed(6)
    samples = [two({"x": tv_tensors.Image(tensor()), "again": tv_tensors.Image(tensor()), "y": i}) for i in range(4)]
    assert [s["x"].tolist() for s in samples] == expected
    assert [s["again"].tolist() for s in samples] == expected, "all images of a sample are transformed alike"
    assert [s["y"] for s in samples] == [0, 1, 2, 3]


def test_random_crop_draws_only_where_there_is_a_choice() -> None:
    torch = pytest.importorskip("torch")
    gradviz.manual_seed(2)
    torch.manual_seed(2)
    found = v2.RandomCrop((9, 4))(tensor())
    left = int(torch.randint(0, 11 - 4 + 1, size=(1,)))
    assert found.tolist() == tensor()[:, :, left : left + 4].tolist()
    with pytest.raises(ValueError, match=r"Required crop size \(20, 20\) is larger than padded input image size"):
        v2.RandomCrop(20)(tensor())


def test_the_usual_pipeline() -> None:
    steps = v2.Compose(
        [
            v2.ToImage(),
            v2.RandomHorizontalFlip(1.0),
            v2.ToDtype(gradviz.float32, scale=True),
            v2.Normalize(mean=[0.5] * 3, std=[0.25] * 3),
        ]
    )
    expected = ((array().transpose(2, 0, 1)[:, :, ::-1] / np.float32(255)) - 0.5) / 0.25
    for given in (image_module.fromarray(array()), array(), tensor()):
        image, label = steps(given, 7)
        assert (type(image), label) == (tv_tensors.Image, 7)
        np.testing.assert_allclose(image.numpy(), expected, rtol=1e-5)
    assert repr(steps).splitlines() == [
        "Compose(",
        "      ToImage()",
        "      RandomHorizontalFlip(p=1.0)",
        "      ToDtype(scale=True)",
        "      Normalize(mean=[0.5, 0.5, 0.5], std=[0.25, 0.25, 0.25], inplace=False)",
        ")",
    ]
    assert type(v2.ToPureTensor()(image)) is gradviz.Tensor
    assert v2.ToDtype({tv_tensors.Image: gradviz.float64, "others": None})(image).dtype is gradviz.float64
    assert v2.ToTensor()(image_module.fromarray(array())).dtype is gradviz.float32
    assert v2.PILToTensor()(image_module.fromarray(array()), 3)[0].dtype is gradviz.uint8
    assert v2.ToPILImage()(tensor()).size == (11, 9)


def test_containers_draw_as_torchvisions() -> None:
    torch = pytest.importorskip("torch")
    steps = [lambda x: x + "a", lambda x: x + "b", lambda x: x + "c"]
    choice, order, apply = v2.RandomChoice(steps, [1, 2, 3]), v2.RandomOrder(steps), v2.RandomApply(steps, 0.4)
    gradviz.manual_seed(4)
    torch.manual_seed(4)
    for _ in range(8):
        assert choice("") == "abc"[int(torch.multinomial(torch.tensor([1 / 6, 2 / 6, 3 / 6]), 1))]
        assert order("") == "".join("abc"[i] for i in torch.randperm(3))
        assert apply("") == ("abc" if float(torch.rand(1)) < 0.4 else "")
    assert v2.Identity()(3, "x") == (3, "x")
    assert v2.Lambda(lambda x: x + 1, int)([1, 2.0, "x"]) == [2, 2.0, "x"]


def test_an_own_transform() -> None:
    class Darker(v2.Transform):
        def __init__(self, by: float) -> None:
            super().__init__()
            self.by = by

        def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
            return {"by": self.by * len(flat_inputs)}

        def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
            return inpt * params["by"]

    out = Darker(0.5)(tv_tensors.Image(gradviz.ones(1, 2, 2)), 3)
    assert (type(out[0]), out[0][0, 0].tolist(), out[1]) == (tv_tensors.Image, [0.5, 0.5], 3)
    assert repr(Darker(0.5)) == "Darker(by=0.5)"
    with pytest.raises(NotImplementedError, match="needs `def transform"):
        v2.Transform()(tensor())


def test_tv_tensors() -> None:
    image = tv_tensors.Image([[1.0, 2.0]])
    assert image.shape == (1, 1, 2)
    assert repr(image) == "Image([[[1., 2.]]])"
    assert type(image + 1) is gradviz.Tensor
    assert type(tv_tensors.wrap(image + 1, like=image)) is tv_tensors.Image
    assert type(tv_tensors.wrap(tensor(), like=tensor())) is gradviz.Tensor
    assert tv_tensors.Image(image_module.fromarray(array())).shape == (3, 9, 11)
    assert tv_tensors.Image(tensor(), dtype=gradviz.float64).dtype is gradviz.float64
    with pytest.raises(ValueError, match="at least two dimensions"):
        tv_tensors.Image([1.0])
    with pytest.raises(NotImplementedError, match=r"tv_tensors\.BoundingBoxes is not supported"):
        _ = tv_tensors.BoundingBoxes
    with pytest.raises(AttributeError):
        _ = tv_tensors.Nothing


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_beta_is_torchs(alpha: float) -> None:
    torch = pytest.importorskip("torch")
    gradviz.manual_seed(3)
    torch.manual_seed(3)
    dist = torch.distributions.Beta(torch.tensor([alpha]), torch.tensor([alpha]))
    for _ in range(20):
        assert beta(alpha) == pytest.approx(float(dist.sample(())), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("kind", [v2.MixUp, v2.CutMix])
def test_mixing(kind: Any) -> None:
    torch = pytest.importorskip("torch")
    images, labels = gradviz.rand(4, 3, 10, 12), gradviz.tensor([0, 1, 2, 1])
    gradviz.manual_seed(9)
    mixed, shares = kind(num_classes=3)(images, labels)
    torch.manual_seed(9)
    share = float(torch.distributions.Beta(torch.tensor([1.0]), torch.tensor([1.0])).sample(()))
    x, y = torch.tensor(images.tolist()), torch.nn.functional.one_hot(torch.tensor(labels.tolist()), 3).float()
    if kind is v2.MixUp:
        expected = x.roll(1, 0) * (1 - share) + x * share
    else:
        at_x, at_y = int(torch.randint(12, (1,))), int(torch.randint(10, (1,)))
        half = 0.5 * (1 - share) ** 0.5
        w, h = int(half * 12), int(half * 10)
        box = (slice(max(at_y - h, 0), min(at_y + h, 10)), slice(max(at_x - w, 0), min(at_x + w, 12)))
        expected = x.clone()
        expected[..., box[0], box[1]] = x.roll(1, 0)[..., box[0], box[1]]
        share = 1 - (box[0].stop - box[0].start) * (box[1].stop - box[1].start) / 120
    np.testing.assert_allclose(mixed.numpy(), expected.numpy(), rtol=1e-5)
    np.testing.assert_allclose(shares.numpy(), (y.roll(1, 0) * (1 - share) + y * share).numpy(), rtol=1e-5, atol=1e-7)


def test_mixing_in_other_samples_and_errors() -> None:
    images, labels = gradviz.rand(2, 1, 4, 4), gradviz.tensor([[1.0, 0.0], [0.0, 1.0]])
    out = v2.MixUp()({"image": images, "labels": labels, "name": "x"})
    assert (out["labels"].shape, out["name"]) == ((2, 2), "x")
    out = v2.CutMix(num_classes=2, labels_getter=lambda s: s[2])((images, 1, gradviz.tensor([0, 1])))
    assert out[2].shape == (2, 2)
    wrong = [
        (v2.MixUp(), (images, gradviz.tensor([0, 1])), "num_classes must be passed if the labels are index-based"),
        (
            v2.MixUp(num_classes=2),
            (images[0], gradviz.tensor([0, 1])),
            "Expected a batched input with 4 dims, but got 3",
        ),
        (v2.MixUp(num_classes=2), (images, gradviz.tensor([0])), "The batch size of the image or video does not match"),
        (v2.MixUp(num_classes=2), (images, 3), "The labels must be a tensor, but got <class 'int'> instead."),
        (v2.MixUp(num_classes=2), {"image": images}, "Could not infer where the labels are in the sample."),
        (v2.CutMix(), (image_module.new("L", (2, 2)), labels), r"CutMix\(\) does not support PIL images"),
    ]
    for transform, sample, text in wrong:
        with pytest.raises(ValueError, match=text):
            transform(sample)


def test_the_functions_by_their_longer_names() -> None:
    assert F.horizontal_flip(tensor()).tolist() == tensor().flip(-1).tolist()
    assert F.vertical_flip(tensor()).tolist() == tensor().flip(-2).tolist()
    assert type(F.to_image(array())) is tv_tensors.Image
    assert F.to_dtype(tensor(), gradviz.float32, scale=True).tolist() == T.functional.to_tensor(array()).tolist()
    assert F.to_dtype(tensor()).dtype is gradviz.float32
    assert type(F.to_pure_tensor(F.to_image(array()))) is gradviz.Tensor
    assert F.resize(tensor(), [4, 4]).shape == (3, 4, 4)
    with pytest.raises(TypeError, match="Input can either be a pure Tensor, a numpy array, or a PIL image"):
        F.to_image("x")


@pytest.mark.parametrize("module", [T, v2], ids=["v1", "v2"])
def test_transforms_can_be_sent_to_workers(module: Any) -> None:
    steps = [
        module.RandomCrop(6, padding=2),
        module.RandomHorizontalFlip(),
        module.ColorJitter(0.4),
        module.Resize(4),
        module.RandAugment(),
        module.ConvertImageDtype(gradviz.float32),
        module.Normalize([0.5] * 3, [0.5] * 3),
        module.RandomErasing(),
    ]
    transform = module.Compose(steps)
    again = pickle.loads(pickle.dumps(transform))
    assert repr(again) == repr(transform)
    for use in (transform, again):
        gradviz.manual_seed(2)
        use.found = use(tensor()).tolist()
    assert again.found == transform.found
