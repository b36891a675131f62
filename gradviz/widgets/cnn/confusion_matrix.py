"""`ConfusionMatrix`: what is taken for what, as counts or shares, epoch by epoch; a click on a cell shows its samples.

ConfusionMatrix(labels, predictions, classes=names, images=images)
ConfusionMatrix(labels, [after_epoch_1, after_epoch_2, ...])        one set of predictions for each epoch
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.viz.measure import clean, clip, escape, width
from gradviz.viz.numbers import number
from gradviz.viz.plot import document, heat, image, short
from gradviz.viz.theme import THEMES
from gradviz.widgets.base import View
from gradviz.widgets.cnn import pictures
from gradviz.widgets.replay import replay_html
from gradviz.widgets.timeline import Timeline, name_of

NORMALIZE = (None, "true", "pred", "all")
NAME = 40  # characters of a class name
CELL, SMALL = 34, 11  # pixels of a cell of the still picture; type size of its numbers


class ConfusionMatrix(View):
    """Rows are the true classes, columns the predicted ones.

    Args:
        labels: the true class of each sample.
        predictions: the predicted class of each sample, or its scores (samples, classes); a list of these, one for each
            epoch, makes a matrix that can be scrubbed through.
        classes: names of the classes.
        images: the samples' images, for the cells to show.
        normalize: None for counts, "true" for shares of a row (recall), "pred" of a column (precision), "all" of
            everything: scikit-learn's `confusion_matrix` has the same words.
        mean, std: what a Normalize used on the images, to be undone for the picture.
        title: shown above the matrix.
    """

    def __init__(
        self,
        labels: Any,
        predictions: Any,
        *,
        classes: Sequence[Any] | None = None,
        images: Any = None,
        normalize: str | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        title: str | None = None,
        timeline: Timeline | str | None = None,
    ) -> None:
        if normalize not in NORMALIZE:
            raise ValueError(f"normalize must be None, 'true', 'pred' or 'all', got {normalize!r}")
        self.labels = pictures.numbers(labels, "labels")
        epochs = predictions if _several(predictions, len(self.labels)) else [predictions]
        self.epochs = [pictures.numbers(one, "predictions", len(self.labels)) for one in epochs]
        self.classes = pictures.names_of(classes, [*self.labels, *(c for one in self.epochs for c in one)])
        if not self.classes:
            raise ValueError("there is nothing to count: labels and predictions are empty, and no classes are named")
        self.counts = [counts(self.labels, one, len(self.classes)) for one in self.epochs]
        self.normalize = normalize
        self.title = title or "Confusion matrix"
        self.note, self.kept, self.pixels = "", [], None  # type: ignore[var-annotated]
        if images is not None:
            self._keep(images, mean, std)
        self.timeline = name_of(timeline)

    def _keep(self, images: Any, mean: Any, std: Any) -> None:
        """Some images for each cell, three at a time, as far as the bytes go: the commonest confusions first."""
        each = pictures.arrays(images)
        if len(each) != len(self.labels):
            raise ValueError(f"images has {len(each)} entries, but there are {len(self.labels)} labels")
        cells: dict[tuple[int, int], list[int]] = {}
        for i, cell in enumerate(zip(self.labels, self.epochs[-1], strict=True)):
            cells.setdefault(cell, []).append(i)
        rank = [
            (k // 3, cell[0] == cell[1], -len(held), cell, i)
            for cell, held in cells.items()
            for k, i in enumerate(held)
        ]
        turns = [i for *_, i in sorted(rank)]
        data, self.note = pictures.pixels([each[i] for i in turns[:200]], mean, std)
        fit = pictures.fitting(data)
        self.kept, self.pixels = turns[:fit], data[:fit]

    # -- numbers ---------------------------------------------------------------------------------------------------
    def matrix(self, epoch: int = -1, normalize: str | None = None) -> Any:
        """The matrix of an epoch: counts, or shares as `normalize` says; a share of nothing is 0."""
        found = self.counts[epoch]
        if normalize is None:
            return found
        whole = {"true": found.sum(1, keepdims=True), "pred": found.sum(0, keepdims=True), "all": found.sum()}[
            normalize
        ]
        return np.divide(found, whole, out=np.zeros(found.shape), where=np.asarray(whole) > 0)

    def accuracy(self, epoch: int = -1) -> float:
        """The share of the diagonal."""
        found = self.counts[epoch]
        return float(np.trace(found) / max(1, found.sum()))

    def worst(self, epoch: int = -1) -> tuple[int, int, int] | None:
        """(true class, predicted class, how often) of the commonest confusion; None where there is none."""
        found = self.counts[epoch].copy()
        np.fill_diagonal(found, 0)
        if not found.any():
            return None
        true, said = divmod(int(found.argmax()), len(self.classes))
        return true, said, int(found[true, said])

    def scores(self, epoch: int = -1) -> list[tuple[float, float, float, int]]:
        """(precision, recall, F1, samples) of each class; 0 where nothing was predicted or nothing is there."""
        found = self.counts[epoch]
        hits, said, there = np.diag(found), found.sum(0), found.sum(1)
        precision = np.divide(hits, said, out=np.zeros(len(hits)), where=said > 0)
        recall = np.divide(hits, there, out=np.zeros(len(hits)), where=there > 0)
        both = precision + recall
        f1 = np.divide(2 * precision * recall, both, out=np.zeros(len(hits)), where=both > 0)
        rows = zip(precision, recall, f1, there, strict=True)
        return [(float(p), float(r), float(f), int(n)) for p, r, f, n in rows]

    # -- what it becomes -------------------------------------------------------------------------------------------
    def to_json(self) -> dict[str, Any]:
        """Counts of every epoch, and the samples whose images are kept."""
        return {
            "format": "gradviz.confusion/1",
            "title": clean(self.title)[:200],
            "classes": [clean(name)[:NAME] for name in self.classes],
            "counts": [found.ravel().tolist() for found in self.counts],
            "normalize": self.normalize,
            "images": None if self.pixels is None else pictures.packed(self.pixels),
            "kept": self.kept,
            "labels": [self.labels[i] for i in self.kept],
            "predictions": [[one[i] for i in self.kept] for one in self.epochs],
            "note": self.note,
            "timeline": self.timeline,
        }

    def summary(self) -> str:
        """Accuracy, and the commonest confusion."""
        return "; ".join(filter(None, [self.head(), self.confused()]))

    def head(self) -> str:
        """How many are right."""
        right = int(np.trace(self.counts[-1]))
        return f"{clean(self.title)}: {right} of {len(self.labels)} right ({number(self.accuracy(), 4)})"

    def confused(self) -> str:
        """The commonest confusion in words; '' where there is none."""
        worst = self.worst()
        if worst is None:
            return ""
        a, b = (clean(self.classes[c])[:NAME] for c in worst[:2])
        return f"most confused: {a} taken for {b}, {'once' if worst[2] == 1 else f'{worst[2]} times'}"

    def cell(self, value: Any) -> str:
        """A number in a cell: a count, or a share with two digits after the point."""
        return str(int(value)) if self.normalize is None else f"{value:.2f}"

    def to_svg(self) -> str:
        """The matrix of the last epoch as a still picture."""
        colours, shown = THEMES["light"], self.matrix(-1, self.normalize)
        k = len(self.classes)
        side = max(CELL * min(1.0, 24 / k), 5)
        names = [clip(clean(name), 110, SMALL) for name in self.classes]
        left = 34 + max(width(name, SMALL) for name in names)
        top = 62 + (max(width(name, SMALL) for name in names) * 0.75 if side >= 12 else 6)
        wide, tall = max(left + k * side + 60, 420), top + k * side + 34
        off = shown.copy().astype(float)
        np.fill_diagonal(off, 0)
        most = {True: float(np.diag(shown).max()), False: float(off.max())}
        head, second = (escape(clip(text, wide - 44, 13)) for text in (self.head(), self.confused()))
        out = [
            f'<text x="16" y="24" font-size="13" font-weight="600" fill="{colours["ink"]}">{head}</text>',
            f'<text x="16" y="42" font-size="12" fill="{colours["muted"]}">{second}</text>',
        ]
        if side >= 22:
            out += self._cells(shown, most, side, left, top)
        else:  # too many to write in: one pixel each
            sizes = np.where(np.eye(k, dtype=bool), shown / (most[True] or 1), -shown / (most[False] or 1))
            out.append(image(heat(sizes, 1.0), left, top, k * side, k * side))
        if side >= 12:
            for i, name in enumerate(names):
                x, y = left + (i + 0.5) * side, top + (i + 0.5) * side
                ink = f'font-size="{SMALL}" fill="{colours["ink"]}"'
                out.append(
                    f'<text x="{short(left - 6)}" y="{short(y + 4)}" text-anchor="end" {ink}>{escape(name)}</text>'
                )
                turn = f'transform="translate({short(x + 3)} {short(top - 6)}) rotate(-45)"'
                out.append(f"<text {turn} {ink}>{escape(name)}</text>")
        soft = f'font-size="12" fill="{colours["muted"]}" text-anchor="middle"'
        out.append(f'<text x="{short(left + k * side / 2)}" y="{short(tall - 12)}" {soft}>predicted</text>')
        middle = short(top + k * side / 2)
        out.append(f'<text x="14" y="{middle}" transform="rotate(-90 14 {middle})" {soft}>true</text>')
        return document(out, wide, tall, self.summary())

    def _cells(self, shown: Any, most: dict[bool, float], side: float, left: float, top: float) -> list[str]:
        """Every cell as a box: blue on the diagonal, orange beside it, each against the largest of its kind."""
        colours, out, k = THEMES["light"], [], len(self.classes)
        for i in range(k):
            for j in range(k):
                value, hit = float(shown[i, j]), i == j
                x, y = left + j * side, top + i * side
                share = value / most[hit] if most[hit] else 0.0
                place = f'x="{short(x)}" y="{short(y)}" width="{short(side - 1)}" height="{short(side - 1)}"'
                colour = colours["forward" if hit else "backward"]
                out.append(
                    f'<rect {place} fill="{colour}" fill-opacity="{share * 0.9:.2f}" stroke="{colours["line"]}"/>'
                )
                if value:
                    ink = colours["card" if share > 0.55 else "ink"]
                    middle = f'x="{short(x + side / 2)}" y="{short(y + side / 2 + 4)}" text-anchor="middle"'
                    out.append(f'<text {middle} font-size="{SMALL}" fill="{ink}">{self.cell(value)}</text>')
        return out

    def to_html(self) -> str:
        """The matrix that can be looked into where scripts run."""
        table = self.table()
        return replay_html(
            "confusion_matrix", self.to_json(), self.to_svg(), self.to_text(), table, caption="Per class"
        )

    def table(self) -> list[list[str]]:
        """Precision, recall, F1 and samples of each class."""
        rows = [["class", "precision", "recall", "F1", "samples"]]
        for name, (p, r, f, n) in zip(self.classes, self.scores(), strict=True):
            rows.append([clean(name)[:NAME], number(p, 4), number(r, 4), number(f, 4), str(n)])
        return rows

    def to_text(self, most: int = 20) -> str:
        """The summary, and the matrix where it is small enough, else the classes' scores."""
        k = len(self.classes)
        if k > most:
            return "\n".join([self.summary(), *("  " + "  ".join(row) for row in self.table()[: most + 1])])
        shown = self.matrix(-1, self.normalize)
        names = [clip(clean(name), 80, SMALL) for name in self.classes]
        rows = [["true \\ predicted", *names]]
        rows += [[names[i], *(self.cell(v) for v in shown[i])] for i in range(k)]
        widths = [max(len(row[j]) for row in rows) for j in range(k + 1)]
        lines = ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
        return "\n".join([self.summary(), *lines])


def counts(labels: Sequence[int], predictions: Sequence[int], classes: int) -> Any:
    """How often class i was taken for class j."""
    found = np.zeros((classes, classes), np.int64)
    np.add.at(found, (np.asarray(labels, int), np.asarray(predictions, int)), 1)
    return found


def _several(predictions: Any, samples: int) -> bool:
    """Whether this is a list of predictions, one set for each epoch, rather than one set."""
    if hasattr(predictions, "detach") or isinstance(predictions, np.ndarray) or not len(predictions):
        return False
    first = predictions[0]
    return (
        hasattr(first, "__len__")
        and len(first) == samples
        and (len(predictions) != samples or hasattr(first, "detach"))
    )
