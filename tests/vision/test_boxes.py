"""draw_bounding_boxes: where the lines are, their colours, and what is refused."""

from __future__ import annotations

import pytest

import gradviz
from gradviz.vision.utils import draw_bounding_boxes

pytest.importorskip("PIL.Image")


def test_lines_and_colours() -> None:
    image = gradviz.zeros(3, 9, 10, dtype=gradviz.uint8)
    boxes = gradviz.tensor([[1, 2, 6, 7], [8, 0, 9, 8]])
    drawn = draw_bounding_boxes(image, boxes, colors=["red", (0, 9, 0)])
    assert int(image.sum()) == 0, "the image is as it was"
    assert drawn[:, 2, 1:7].tolist() == [[255] * 6, [0] * 6, [0] * 6]
    assert drawn[0, 3].tolist() == [0, 255, 0, 0, 0, 0, 255, 0, 0, 0]
    assert drawn[1, 4].tolist() == [0] * 8 + [9, 9]
    filled = draw_bounding_boxes(image, boxes[:1], colors="blue", fill=True)
    assert 90 < int(filled[2, 4, 4]) < 110
    wide = draw_bounding_boxes(image, boxes[:1], colors="white", width=2)
    assert wide[0, 3, 1:7].tolist() == [255] * 6


def test_other_images() -> None:
    boxes = gradviz.tensor([[0.0, 0.0, 4.0, 4.0]])
    grey = draw_bounding_boxes(gradviz.ones(1, 6, 6), boxes)
    assert (grey.shape, grey.dtype) == ((3, 6, 6), gradviz.float32)
    assert grey[:, 0, 0].tolist() == [0, 0, 0]
    image = gradviz.zeros(3, 20, 40, dtype=gradviz.uint8)
    named = draw_bounding_boxes(image, boxes, labels=["cat"], colors="white")
    assert int(named[0, 6:].sum()) > 0
    assert draw_bounding_boxes(image, gradviz.zeros(0, 4)) is image


WRONG = {
    "an array": (([1], None), {}, TypeError, "Tensor expected, got <class 'list'>"),
    "integers": (
        (gradviz.zeros(3, 2, 2, dtype=gradviz.int64), None),
        {},
        ValueError,
        "The image dtype must be uint8 or",
    ),
    "a batch": ((gradviz.zeros(1, 3, 2, 2), None), {}, ValueError, "Pass individual images, not batches"),
    "channels": ((gradviz.zeros(2, 2, 2), None), {}, ValueError, "Only grayscale and RGB images are supported"),
    "corners": ((gradviz.zeros(3, 2, 2), gradviz.tensor([[5, 0, 1, 1]])), {}, ValueError, "Boxes need to be in (xmin"),
    "labels": (
        (gradviz.zeros(3, 2, 2), gradviz.zeros(1, 4)),
        {"labels": []},
        ValueError,
        "Number of boxes (1) and labels",
    ),
    "colors": (
        (gradviz.zeros(3, 2, 2), gradviz.zeros(1, 4)),
        {"colors": []},
        ValueError,
        "Number of colors must be equal",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors(name: str) -> None:
    arguments, options, kind, text = WRONG[name]
    with pytest.raises(kind) as caught:
        draw_bounding_boxes(*arguments, **options)
    assert str(caught.value).startswith(text)
