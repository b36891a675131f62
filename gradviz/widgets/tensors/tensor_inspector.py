"""`TensorInspector`: look into a tensor. Its memory, statistics, histogram, every number of every slice, its gradient.

    TensorInspector(layer.weight)                   value and .grad, side by side
    TensorInspector({"x": x, "y": y})               several, with a list to choose from
    TensorInspector(model)                          its parameters and buffers
    TensorInspector(images, as_image=True)          (C, H, W) or (H, W, C) as a picture
    TensorInspector(big, live=True)                 what does not fit in the page is fetched from the kernel

Tensors of gradviz and of PyTorch, NumPy arrays and nested lists are read once, when the view is made; nothing is
recorded and nothing is changed. Blue is positive, orange negative; NaN is a cross, +inf a triangle that points up and
-inf one that points down.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.widgets.base import View
from gradviz.widgets.live import LiveView
from gradviz.widgets.tensors import tensor_svg
from gradviz.widgets.tensors.tensor_facts import BINS, FEWER, facts
from gradviz.widgets.tensors.tensor_layout import Axes, axes_of, grid, image_of, pixels, range_of
from gradviz.widgets.tensors.tensor_pack import pack, rooms
from gradviz.widgets.tensors.tensor_read import Reading, grad_of, host, part_of, read
from gradviz.widgets.tensors.tensor_text import columns, line, matrix, table, tell

ROOM = 40_000  # deflated bytes for the numbers of all tensors
EACH = 130  # of these, what the description of a further tensor takes
MANY = 60  # tensors from which on each is told in fewer bytes
FEW = 4  # tensors that the text twin tells number by number
WINDOW = 64  # cells of a fetched piece, down and across
SENT = 20_000  # cells of a fetched piece, of all dimensions


class TensorInspector(LiveView):
    """Statistics, heatmap, histogram and slices of tensors, and of their gradients.

    Args:
        tensor: a tensor of gradviz or PyTorch, a NumPy array, nested lists of numbers, a dict or list of these, or a
            module (its parameters and buffers).
        name: what a single tensor is called; parameters and dict entries have their names.
        as_image: True shows (C, H, W), (H, W, C) or (H, W) as an image first; None offers it where a tensor looks like
            one, with 1 or 3 channels; False does not.
        rows, columns: the dimensions that run down and across at first, outer ones first; the others get a slider.
            rows=(0, 2), columns=(1, 3) shows a convolution's weight as tiles.
        live: keep the tensors, so that the page can ask the kernel for numbers it does not hold.
        title: shown above.

    Raises:
        TypeError: of something that holds no numbers.
        ValueError: of nothing to show, of rows of different lengths, of dimensions that are not there.
    """

    view = "tensor_inspector"

    def __init__(
        self,
        tensor: Any,
        *,
        name: str | None = None,
        as_image: bool | None = None,
        rows: int | Sequence[int] | None = None,
        columns: int | Sequence[int] | None = None,
        live: bool = False,
        title: str | None = None,
    ) -> None:
        readings, self.notes = read(tensor, name)
        self.count = len(readings)
        wanted = _dimensions(rows, columns)
        if as_image and all(image_of(reading.shape, True) is None for reading in readings):
            raise ValueError(
                f"as_image=True needs a shape that ends in (C, H, W) or (H, W, C) with 1 or 3 channels, or (H, W); got "
                f"{' and '.join(str(reading.shape) for reading in readings[:3])}."
            )
        self.live = live
        self._kept = [reading.origin for reading in readings] if live else []
        self.tensors: list[dict[str, Any]] = []
        self._pictures: list[list[Any]] = []  # by tensor and face: the grid of the static picture
        self._numbers: list[list[list[str]]] = []  # by tensor and face: the lines of the text twin
        shares = iter(rooms([face.array for r in readings for face in r.faces], _room(readings)))
        for reading in readings:
            self._add(reading, [next(shares) for _ in reading.faces], as_image, wanted)
        self.title = line(title) if title is not None else _title(self.tensors)
        self.wants_image = bool(as_image)

    def _add(self, reading: Reading, shares: list[float], as_image: bool | None, wanted: Axes | None) -> None:
        """Take down one tensor: facts, statistics, and its numbers in as many bytes as it was given."""
        faces, pictures, axes = [], [], None
        for face, share in zip(reading.faces, shares, strict=True):
            packed, shown = pack(face.array, share)
            if axes is None:
                axes = _checked(wanted, reading) or axes_of(packed["shape"], packed["kind"] == "pooled")
            told = facts(face.array, BINS if len(shares) * self.count <= MANY else FEWER)
            told["black"], told["white"] = _ends(told, face.array)
            faces.append({"source": face.source, "part": face.part, **told, "data": packed})
            kind = image_of(reading.shape, True) if as_image else None
            cells = pixels(shown, kind, (told["black"], told["white"])) if kind else grid(shown, axes)
            pictures.append(np.array(cells, dtype=None if kind else np.float64))
        assert axes is not None
        made = [[line(name), line(told, 160)] for name, told in reading.facts]
        self.tensors.append(
            {
                "name": line(reading.name), "shape": list(reading.shape), "dtype": reading.dtype, "facts": made,
                "axes": [axes.rows, axes.columns], "image": image_of(reading.shape, as_image), "faces": faces,
            }
        )  # fmt: skip
        self._pictures.append(pictures)
        few = len(self._numbers) < FEW
        self._numbers.append([matrix(face.array) if few else [] for face in reading.faces])

    def to_json(self) -> dict[str, Any]:
        """Facts, statistics, histograms and the numbers, packed as `tensor_pack` tells."""
        return {
            "format": "gradviz.tensor/1",
            "title": self.title,
            "note": self.note(),
            "live": self.live,
            "as_image": self.wants_image,
            "tensors": self.tensors,
        }

    data = to_json

    def note(self) -> str:
        """What this view leaves out, in a sentence or two; nothing when it holds every number."""
        notes = [line(note, 160) for note in self.notes[:3]]
        packed = [face["data"] for tensor in self.tensors for face in tensor["faces"]]
        kinds = [data["kind"] for data in packed]
        if "rounded" in kinds:
            coarse = any(data["type"] == "bf" for data in packed if data["kind"] == "rounded")
            how = "eight significant bits (0.4 %)" if coarse else "float32"
            notes.append(f"to keep this page small, some numbers are rounded to {how}; the statistics are not")
        if "pooled" in kinds:
            more = "the kernel has the rest" if self.live else "live=True fetches the rest, or give it a slice"
            notes.append(
                f"to keep this page small, large tensors are shown as blocks by their extremes and means: {more}"
            )
        return ". ".join(note[0].upper() + note[1:] for note in notes) + "." if notes else ""

    def to_svg(self) -> str:
        """The picture: of one tensor its facts, grids and histogram; of several a row each."""
        return tensor_svg.draw(self.to_json(), self._pictures)

    def to_html(self) -> str:
        """The picture, its table, and the script that makes it explorable where scripts run."""
        from gradviz.widgets.replay import replay_html

        text, rows = self.to_text(), self.table()
        return replay_html(self.view, self.to_json(), self.to_svg(), text, rows, caption="Statistics as a table")

    def table(self) -> list[list[str]]:
        """A row of statistics for each tensor, value and gradient."""
        return table(self.tensors)

    def to_text(self) -> str:
        """The text twin: facts, statistics and the first numbers of each; of many tensors a table."""
        if len(self.tensors) > FEW:
            told = columns(self.table())
        else:
            parts = [tell(t, numbers) for t, numbers in zip(self.tensors, self._numbers, strict=True)]
            told = [one for part in parts for one in part]
        return "\n".join([self.title, *told, *([self.note()] if self.note() else [])])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        """A recording, unless the kernel is wanted behind it."""
        return (LiveView if self.live else View)._repr_mimebundle_(self, include, exclude)

    def hear(self, message: Any, buffers: Any) -> None:
        """The page asks for the numbers around a cell: which tensor, which face, and the cell's index."""
        which, at = int(message["tensor"]), [int(i) for i in message["at"]]
        tensor = self.tensors[which]
        face = tensor["faces"][int(message["face"])]
        value = self._kept[which]
        array = host(grad_of(value) if face["source"] == "gradient" else value, tensor["name"])
        if list(array.shape) != tensor["shape"]:
            raise ValueError(f"{tensor['name']} is of another shape now: {list(array.shape)}. Run the cell again.")
        across = {int(d) for d in message["dims"]}
        starts, window = [], []
        for dim, (size, i) in enumerate(zip(array.shape, at, strict=True)):
            wide = min(size, WINDOW) if dim in across else 1
            starts.append(max(0, min(i - wide // 2, size - wide)))
            window.append(slice(starts[-1], starts[-1] + wide))
        part = array[tuple(window)]
        if part.size > SENT:
            raise ValueError(f"A piece of {part.size:,} numbers is too large: show fewer dimensions at once.")
        packed, _ = pack(np.ascontiguousarray(part_of(part, face["part"])), float("inf"))
        self.tell({"tensor": which, "face": int(message["face"]), "origin": starts, "data": packed})


def _ends(told: dict[str, Any], array: Any) -> tuple[float, float]:
    """The numbers that are black and white in an image."""
    if told["min"] is None:
        return 0.0, 1.0
    return range_of(float(told["min"]), float(told["max"]), array.dtype.kind in "biu")


def _room(readings: Sequence[Reading]) -> float:
    """Bytes for numbers: what the descriptions of many tensors leave."""
    faces = sum(len(reading.faces) for reading in readings)
    return max(ROOM / 8, ROOM - EACH * max(0, faces - 2))


def _dimensions(rows: Any, columns: Any) -> Axes | None:
    if rows is None and columns is None:
        return None
    made = [[] if part is None else [int(i) for i in np.atleast_1d(np.asarray(part))] for part in (rows, columns)]
    return Axes(*made)


def _checked(wanted: Axes | None, reading: Reading) -> Axes | None:
    """The wanted dimensions, counted from the front."""
    if wanted is None:
        return None
    n = len(reading.shape)
    asked = [*wanted.rows, *wanted.columns]
    if any(not -n <= i < n for i in asked) or len({i % n for i in asked}) != len(asked):
        raise ValueError(
            f"rows={wanted.rows} and columns={wanted.columns} must name different dimensions of {reading.name!r:.80}, "
            f"which has {n}: shape {reading.shape}."
        )
    return Axes([i % n for i in wanted.rows], [i % n for i in wanted.columns])


def _title(tensors: Sequence[dict[str, Any]]) -> str:
    if len(tensors) == 1:
        facts = dict(tensors[0]["facts"])
        return f"{tensors[0]['name']}: {facts['shape']} {facts['dtype']}, {facts['memory']}"
    count = sum(int(np.prod(tensor["shape"], dtype=np.int64)) for tensor in tensors)
    return f"{len(tensors)} tensors, {count:,} numbers"
