"""SampleGrid: what it says of samples is what the learner's numbers say, and its pictures are the images."""

from __future__ import annotations

import base64
import json
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.vision import transforms
from gradviz.widgets.cnn import pictures
from gradviz.widgets.cnn.sample_grid import SampleGrid

HOSTILE = ['"><script>alert(1)</script>', "a\nb\u202e", "x" * 10_000, "&amp;"]


def made(count: int = 12, channels: int = 3, side: int = 8) -> Any:
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(0))


def unpacked(packed: dict[str, Any]) -> Any:
    """The pixels as frontend/src/samples.ts makes them of the packed planes."""
    count, rows, columns = (packed[key] for key in ("count", "rows", "columns"))
    data = np.frombuffer(base64.b64decode(packed["pixels"]), np.uint8).reshape(count, -1).astype(float)
    bright = data[:, : rows * columns].reshape(count, rows, columns)
    if packed["channels"] == 1:
        return bright[..., None]
    half = (-(-rows // 2), -(-columns // 2))
    blue, red = (
        np.kron(plane.reshape(count, *half), np.ones((2, 2)))[:, :rows, :columns] - 128
        for plane in np.split(data[:, rows * columns :], 2, axis=1)
    )
    r, b = bright + red / 0.713, bright + blue / 0.564
    return np.clip(np.stack([r, (bright - 0.299 * r - 0.114 * b) / 0.587, b], axis=-1), 0, 255)


def test_scores_are_shown_as_probabilities() -> None:
    scores = torch.randn(12, 4, generator=torch.Generator().manual_seed(1))
    view = SampleGrid(made(), [i % 4 for i in range(12)], scores, classes=["a", "b", "c", "d"])
    expected = torch.softmax(scores.double(), dim=1)
    for i in range(12):
        assert view.predictions[i] == int(expected[i].argmax())
        for c, p in view.to_json()["top"][i]:
            assert p == pytest.approx(expected[i, c].item(), rel=1e-5)
    again = SampleGrid(made(), predictions=expected)
    assert np.allclose(again.top(0), view.top(0))
    assert view.summary().startswith(f"Samples: {sum(view.right)} of 12 right")
    assert view.to_json()["right"] == sum(view.right)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [7, 8])
def test_grey_pixels_are_kept_exactly_and_smooth_colours_closely(channels: int, side: int) -> None:
    slope = np.linspace(0, 1, side * side).reshape(side, side)
    images = np.stack([np.stack([slope * (c + 1) / 3 for c in range(channels)])] * 2)
    view = SampleGrid(images.astype(np.float32))
    wanted = np.rint(images.transpose(0, 2, 3, 1) * 255)
    assert (view.pixels == wanted).all()
    assert np.abs(unpacked(view.to_json()["images"]) - wanted).max() <= (0 if channels == 1 else 14)


def test_normalised_images_are_undone() -> None:
    images, mean, std = made(), (0.5, 0.4, 0.3), (0.2, 0.3, 0.1)
    shown = SampleGrid(transforms.Normalize(mean, std)(images), mean=mean, std=std)
    assert np.abs(shown.pixels.astype(int) - SampleGrid(images).pixels).max() <= 1
    assert shown.note == ""
    assert "stretched to fit" in SampleGrid(transforms.Normalize(mean, std)(images)).said()


def test_a_dataset_bytes_lists_and_grey_images() -> None:
    data = torch.utils.data.TensorDataset(made(), torch.arange(12) % 3)
    view = SampleGrid(data, count=5)
    assert (view.total, view.labels) == (5, [0, 1, 2, 0, 1])
    assert SampleGrid((made() * 255).to(torch.uint8)).pixels.shape == (12, 8, 8, 3)
    assert SampleGrid(made()[:, 0]).pixels.shape == (12, 8, 8, 1)
    assert SampleGrid(list(made())).pixels.shape == (12, 8, 8, 3)
    assert SampleGrid(made(0)).to_html()


def test_augmented_rows() -> None:
    flip = transforms.RandomHorizontalFlip(1.0)
    view = SampleGrid.augmented(made(2), flip, times=3)
    assert view.columns == 4
    assert (view.pixels[1] == view.pixels[0][:, ::-1]).all()
    with pytest.raises(ValueError, match="size it is given"):
        SampleGrid.augmented(made(2), lambda image: image[:, :4], times=1)


def test_large_images_and_many_samples_are_cut_down_and_it_says_so() -> None:
    view = SampleGrid(made(100, 3, 32), count=100)
    assert view.said() == f"the first {len(view.pixels)} of 100 samples"
    assert len(view.to_html()) <= 120_000
    large = SampleGrid(made(2, 3, 200))
    assert large.pixels.shape[1:3] == (66, 66)
    assert "each pixel is the mean of 3 × 3" in large.said()
    assert large.pixels[0, 0, 0, 0] == round(float(made(2, 3, 200)[0, 0, :3, :3].mean()) * 255)


def test_hostile_names_are_text() -> None:
    view = SampleGrid(made(4), [0, 1, 2, 3], [3, 2, 1, 0], classes=HOSTILE, title=HOSTILE[0])
    ET.fromstring(view.to_svg())
    assert "<script>alert" not in view.to_html()
    assert "\u202e" not in view.to_text() + json.dumps(view.to_json(), ensure_ascii=False)
    assert max(map(len, view.to_json()["classes"])) <= 40


def test_the_same_each_time() -> None:
    assert SampleGrid(made(), [1] * 12).to_html() == SampleGrid(made(), [1] * 12).to_html()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((torch.zeros(3), None, None), "images must be"),
        ((torch.zeros(2, 5, 4, 4), None, None), "1 or 3 channels"),
        (([torch.zeros(1, 4, 4), torch.zeros(1, 5, 5)], None, None), "the same size"),
        ((torch.zeros(2, 4, 4), [1], None), "labels has 1 entries, but there are 2 samples"),
        ((torch.zeros(2, 4, 4), [0, -1], None), "negative class number -1"),
        ((torch.zeros(2, 4, 4), [0.5, 1], None), "class numbers 0, 1, 2"),
        ((torch.zeros(2, 4, 4), None, torch.zeros(3, 2)), "predictions has 3 rows"),
    ],
)
def test_bad_input_is_named(arguments: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SampleGrid(*arguments)


def test_more_classes_than_names() -> None:
    with pytest.raises(ValueError, match="only 2 class names"):
        SampleGrid(torch.zeros(2, 4, 4), [0, 2], classes=["a", "b"])


def test_pixels_of_nothing() -> None:
    assert pictures.pixels([])[0].shape[0] == 0
