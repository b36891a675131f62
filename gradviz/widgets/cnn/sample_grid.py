"""`SampleGrid`: samples as pictures, with what they are, what the model says they are, and how sure it is.

SampleGrid(images, labels, model(images), classes=names)         right and wrong at a glance; click one for its scores
SampleGrid.augmented(dataset.data[:4], transform, times=6)       what a random transform makes of each image
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradviz.viz.measure import clean, clip, escape
from gradviz.viz.numbers import number
from gradviz.viz.plot import document, image, short
from gradviz.viz.theme import THEMES
from gradviz.widgets.base import View
from gradviz.widgets.cnn import pictures
from gradviz.widgets.replay import replay_html
from gradviz.widgets.timeline import Timeline, name_of

COLUMNS, TILE, CAPTION = 8, 78, 34  # of the still picture
STILL = 26_000  # bytes of pixels in it
TOP = 5  # scores kept of a sample
NAME = 40  # characters of a class name


class SampleGrid(View):
    """A grid of images.

    Args:
        images: (samples, channels, rows, columns) or (samples, rows, columns), a list of images, or a Dataset of
            (image, label) pairs.
        labels: the true class of each sample.
        predictions: the predicted class of each sample, or its scores (samples, classes): then probabilities are shown,
            the softmax of the scores unless they already add up to one.
        classes: names of the classes.
        mean, std: what a Normalize used, to be undone for the picture.
        count: at most so many samples are kept; fewer when their pixels would make the output too large.
        title: shown above the grid.
    """

    def __init__(
        self,
        images: Any,
        labels: Any = None,
        predictions: Any = None,
        *,
        classes: Sequence[Any] | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        count: int = 64,
        title: str | None = None,
        timeline: Timeline | str | None = None,
    ) -> None:
        if count < 1:
            raise ValueError(f"count must be at least 1, got {count}")
        images, labels = _of_dataset(images, labels, count)
        each = pictures.arrays(images)
        self.total = len(each)
        self.labels = None if labels is None else pictures.numbers(labels, "labels", self.total)
        scores = None if predictions is None else _scores(predictions, self.total)
        self.predictions = None if predictions is None else pictures.numbers(predictions, "predictions", self.total)
        self.classes = pictures.names_of(classes, [*(self.labels or ()), *(self.predictions or ())])
        if scores is not None and classes is not None and scores.shape[1] != len(classes):
            raise ValueError(
                f"predictions has scores for {scores.shape[1]} classes, but there are {len(classes)} names"
            )
        data, self.note = pictures.pixels(each[:count], mean, std)
        kept = pictures.fitting(data)
        self.pixels = data[:kept]
        self.probabilities = None if scores is None else scores[:kept]
        self.title = title or "Samples"
        self.rows: list[str] = []
        self.timeline = name_of(timeline)

    @classmethod
    def augmented(
        cls, images: Any, transform: Callable[[Any], Any], times: int = 6, *, title: str | None = None, **settings: Any
    ) -> SampleGrid:
        """Each image as it is, and what a random transform makes of it `times` times: one row for each image."""
        made, rows = [], []
        for i, item in enumerate(images):
            made += [item, *(transform(item) for _ in range(times))]
            rows.append(f"image {i}")
        try:
            view = cls(made, title=title or "Augmented", count=len(made), **settings)
        except ValueError as error:
            raise ValueError(f"{error}\nThe transform must return images of the size it is given.") from error
        view.rows = rows
        view.columns = times + 1
        return view

    columns: int | None = None  # of the grid, where rows mean something

    @property
    def right(self) -> list[bool] | None:
        """For each sample whether the prediction is the label."""
        if self.labels is None or self.predictions is None:
            return None
        return [a == b for a, b in zip(self.labels, self.predictions, strict=True)]

    def top(self, i: int) -> list[tuple[int, float]]:
        """The classes that a sample's scores favour, with their probabilities."""
        if self.probabilities is None:
            return []
        row = self.probabilities[i]
        return [(int(c), float(row[c])) for c in np.argsort(-row, kind="stable")[:TOP]]

    def to_json(self) -> dict[str, Any]:
        """Pixels, classes and scores of the samples that are shown."""
        kept = len(self.pixels)
        return {
            "format": "gradviz.samples/1",
            "title": clean(self.title)[:200],
            "classes": [clean(name)[:NAME] for name in self.classes],
            "images": pictures.packed(self.pixels),
            "right": None if self.right is None else sum(self.right),
            "total": self.total,
            "labels": None if self.labels is None else self.labels[:kept],
            "predictions": None if self.predictions is None else self.predictions[:kept],
            "top": [[[c, float(f"{p:.6g}")] for c, p in self.top(i)] for i in range(kept)]
            if self.probabilities is not None
            else None,
            "columns": self.columns,
            "note": self.said(),
            "timeline": self.timeline,
        }

    def said(self) -> str:
        """What was left out or changed to show this."""
        kept = len(self.pixels)
        left = f"the first {kept} of {self.total} samples" if kept < self.total else ""
        return "; ".join(filter(None, [left, self.note]))

    def summary(self) -> str:
        """One line: how many, how many right."""
        right = self.right
        if right is None:
            return f"{clean(self.title)}: {self.total} samples"
        share = number(sum(right) / max(1, len(right)), 4)
        return f"{clean(self.title)}: {sum(right)} of {len(right)} right ({share})"

    def caption(self, i: int) -> tuple[str, str]:
        """(text, colour) under a sample: its class, or what it was taken for."""
        truth = None if self.labels is None else self.classes[self.labels[i]]
        if self.predictions is None:
            return ("" if truth is None else truth), "ink"
        said = self.classes[self.predictions[i]]
        if truth is None:
            return said, "ink"
        return (f"✓ {said}", "leaf") if self.labels[i] == self.predictions[i] else (f"✗ {said}, is {truth}", "bad")  # type: ignore[index]

    def to_svg(self) -> str:
        """The first samples as a still picture."""
        columns = self.columns or COLUMNS
        rows = max(1, STILL // max(1, self.pixels[:columns].size)) if len(self.pixels) else 1
        shown = self.pixels[: min(rows, 4) * columns]
        count = max(1, len(shown))
        across = min(columns, count)
        rows = -(-count // across)
        captions = self.labels is not None or self.predictions is not None
        down = TILE + (CAPTION if captions else 8)
        wide, tall = max(320, 16 + across * (TILE + 8)), 44 + rows * down + 22
        colours = THEMES["light"]
        head = escape(clip(self.summary(), wide - 32, 14))
        out = [f'<text x="16" y="26" font-size="14" font-weight="600" fill="{colours["ink"]}">{head}</text>']
        for i, pixels in enumerate(shown):
            x, y = 12 + i % across * (TILE + 8), 40 + i // across * down
            grey = pixels[..., 0] if pixels.shape[2] == 1 else pixels
            out.append(image(grey, x, y, TILE, TILE))
            text, colour = self.caption(i)
            if text:
                ink = colours[colour]
                out.append(f'<rect x="{x}" y="{y}" width="{TILE}" height="{TILE}" fill="none" stroke="{ink}"/>')
                out.append(_lines(clean(text), x, y + TILE + 13, ink))
        if self.said():
            note = escape(clip(self.said(), wide - 32, 11))
            out.append(f'<text x="16" y="{short(tall - 8)}" font-size="11" fill="{colours["muted"]}">{note}</text>')
        return document(out, wide, tall, self.summary())

    def to_html(self) -> str:
        """The grid that can be filtered and looked into where scripts run."""
        return replay_html(
            "sample_grid", self.to_json(), self.to_svg(), self.to_text(), self.table(), caption="Samples as a table"
        )

    def table(self) -> list[list[str]]:
        """Sample, label, prediction, probability."""
        rows = [["sample", "label", "prediction", "probability"]]
        for i in range(len(self.pixels)):
            label = "" if self.labels is None else self.classes[self.labels[i]]
            said = "" if self.predictions is None else self.classes[self.predictions[i]]
            rows.append([str(i), label[:NAME], said[:NAME], number(self.top(i)[0][1], 4) if self.top(i) else ""])
        return rows

    def to_text(self, most: int = 12) -> str:
        """The summary, and the samples that are wrong (or the first ones)."""
        right = self.right
        chosen = range(len(self.pixels)) if right is None else [i for i in range(len(self.pixels)) if not right[i]]
        lines = [f"  {i}: {clean(self.caption(i)[0])}" for i in list(chosen)[:most] if self.caption(i)[0]]
        more = len(list(chosen)) - most
        if more > 0 and lines:
            lines.append(f"  ... {more} more")
        return "\n".join([self.summary(), *lines])


def _lines(text: str, x: float, y: float, ink: str) -> str:
    """A caption in at most two lines."""
    head, comma, tail = text.partition(", ")
    parts = [head + comma.strip(), tail] if tail else [text]
    return "".join(
        f'<text x="{short(x)}" y="{short(y + 13 * i)}" font-size="11" fill="{ink}">'
        f"{escape(clip(part, TILE + 4, 11))}</text>"
        for i, part in enumerate(parts)
    )


def _of_dataset(images: Any, labels: Any, count: int) -> tuple[Any, Any]:
    """A Dataset of (image, label) pairs as images and labels; only its first samples are read."""
    if hasattr(images, "__getitem__") and hasattr(images, "__len__") and len(images):
        first = images[0]
        if isinstance(first, tuple | list) and len(first) == 2 and hasattr(first[0], "__array__"):
            pairs = [images[i] for i in range(min(count, len(images)))]
            return [image for image, _ in pairs], [int(label) for _, label in pairs] if labels is None else labels
    return images, labels


def _scores(predictions: Any, count: int) -> Any | None:
    """Rows of probabilities, or None where only class numbers are known."""
    array = np.asarray(predictions.detach().cpu().numpy() if hasattr(predictions, "detach") else predictions)
    if array.ndim != 2:
        return None
    if len(array) != count:
        raise ValueError(f"predictions has {len(array)} rows, but there are {count} samples")
    wide = array.astype(np.float64)
    if (wide >= 0).all() and np.allclose(wide.sum(axis=1), 1, atol=1e-3):
        return wide
    grown = np.exp(wide - wide.max(axis=1, keepdims=True))
    return grown / grown.sum(axis=1, keepdims=True)
