"""`FeatureMaps`: what each layer of a CNN makes of an image, and the gradient that comes back to it.

    FeatureMaps(net, images, sample=3)                    forward through the layers, then backward from its best score
    FeatureMaps(net, images, loss=lambda out: loss_fn(out, labels))

Every step is a layer: going forward its activations, going backward its gradients; beside them the filters.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradviz.viz.measure import clean, clip, escape
from gradviz.viz.numbers import number
from gradviz.viz.plot import document, heat, image, short
from gradviz.viz.theme import THEMES
from gradviz.widgets.base import View
from gradviz.widgets.cnn import pictures
from gradviz.widgets.cnn.feature_capture import Captured, Layer, capture
from gradviz.widgets.replay import replay_html
from gradviz.widgets.timeline import Timeline, name_of

ROOM = 37_000  # bytes of maps and filters that one output may hold
SIDES = (32, 16, 8)  # rows and columns of a map; larger ones are means of blocks
FEW = 6  # maps of a layer, for which larger ones would rather be made smaller
LAYERS = 24
STATS = ("min", "max", "mean", "std", "zero")


class FeatureMaps(View):
    """Activations, gradients and filters, layer by layer.

    Args:
        model: a module; a copy of it runs once, in the mode it is in.
        x: a batch it takes, (samples, channels, rows, columns).
        sample: which sample of the batch is shown.
        layers: names of modules, as `named_modules` has them; all that hold no other if not given.
        target: which output is differentiated, the largest if not given.
        loss: instead of a target, a function of the model's output that returns one number.
        classes: names of the outputs.
        maps: at most so many maps of a layer; fewer where the bytes do not suffice.
        mean, std: what a Normalize used on `x`, to be undone for the picture of the input.
        title: shown above the picture.
    """

    def __init__(
        self,
        model: Any,
        x: Any,
        *,
        sample: int = 0,
        layers: Sequence[str] | None = None,
        target: int | None = None,
        loss: Callable[[Any], Any] | None = None,
        classes: Sequence[Any] | None = None,
        maps: int = 16,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        title: str | None = None,
        timeline: Timeline | str | None = None,
    ) -> None:
        if maps < 1:
            raise ValueError(f"maps must be at least 1, got {maps}")
        if not hasattr(x, "shape") or not 0 <= sample < len(x):
            raise IndexError(f"sample {sample} is not in this batch of {len(x)}")
        found: Captured = capture(model, x, sample=sample, layers=layers, target=target, loss=loss)
        if not found.layers:
            raise ValueError("no layer of this model gave a tensor of (samples, ...) real numbers")
        self.note = ""
        self.layers: list[Layer] = found.layers
        if len(self.layers) > LAYERS:
            step = -(-len(self.layers) // LAYERS)
            self.note = f"every {step}th of {len(self.layers)} layers: name the ones you want with layers="
            self.layers = self.layers[::step]
        self.scores, self.score, self.of = found.scores, found.score, found.of
        self.classes = [str(name) for name in classes] if classes is not None else None
        self.maps, self.side = _fit(self.layers, maps)
        self.input = None
        shape = tuple(x.shape)
        if len(shape) == 4 and shape[1] in (1, 3):
            self.input, _ = pictures.pixels(x[sample][None], mean, std)
        self.title = title or "Feature maps"
        self.timeline = name_of(timeline)

    def name(self, i: int) -> str:
        """What an output is called."""
        return self.classes[i] if self.classes is not None and i < len(self.classes) else str(i)

    def head(self) -> str:
        """One line: the answer, and what was differentiated."""
        text = clean(self.title)
        if self.scores.size:
            best = int(self.scores.argmax())
            text += f": largest output {clean(self.name(best))[:40]} ({number(float(self.scores[best]), 4)})"
        return f"{text}; gradients of {self.of} ({number(self.score, 4)})"

    def to_json(self) -> dict[str, Any]:
        """Maps as bytes with their scale, and the exact statistics of each."""
        return {
            "format": "gradviz.features/1",
            "title": clean(self.title)[:200],
            "head": self.head(),
            "of": self.of,
            "input": None if self.input is None else pictures.packed(self.input),
            "layers": [
                {
                    "name": clean(layer.name)[:80],
                    "kind": clean(layer.kind)[:80],
                    "shape": list(layer.output.shape),
                    "value": _packed(layer.output[: self.maps], self.side),
                    "grad": None if layer.grad is None else _packed(layer.grad[: self.maps], self.side),
                    "filters": _filters(layer.weight, self.maps),
                    "filter_grads": _filters(layer.weight_grad, self.maps),
                    "dead": int((layer.output == 0).all(axis=(1, 2)).sum()),
                    "norm": None if layer.grad is None else _float(np.linalg.norm(layer.grad)),
                }
                for layer in self.layers
            ],
            "note": self.note,
            "timeline": self.timeline,
        }

    def table(self) -> list[list[str]]:
        """A row for each layer."""
        rows = [["layer", "kind", "maps", "mean", "std", "zero", "dead maps", "gradient norm"]]
        for layer in self.layers:
            out = layer.output
            norm = "" if layer.grad is None else number(_float(np.linalg.norm(layer.grad)), 4)
            dead = str(int((out == 0).all(axis=(1, 2)).sum()))
            with np.errstate(all="ignore"):
                mean, std = (number(_float(v), 4) for v in (out.mean(), out.std()))
            share = number(float((out == 0).mean()), 4)
            rows.append([clean(layer.name), layer.kind, _shape(out), mean, std, share, dead, norm])
        return rows

    def to_text(self) -> str:
        """The answer, and the layers in columns."""
        table = self.table()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in table]
        return "\n".join([self.head(), *lines])

    def to_html(self) -> str:
        """The picture that goes through the layers where scripts run."""
        table = self.table()
        return replay_html("feature_maps", self.to_json(), self.to_svg(), self.to_text(), table, caption="Layers")

    def to_svg(self) -> str:
        """Some maps of the first layers, activations over gradients."""
        colours, tile, gap = THEMES["light"], 52, 6
        shown = self.layers[:: max(1, len(self.layers) // 5)][:5]
        wide, across = 24 + 150 + 8 * (tile + gap), 8  # eight maps of a layer
        out, y = [], 48.0
        head = escape(clip(self.head(), wide - 32, 12.5))
        out.append(f'<text x="14" y="26" font-size="12.5" font-weight="600" fill="{colours["ink"]}">{head}</text>')
        for layer in shown:
            name = escape(clip(f"{layer.name} · {layer.kind}", 150, 12))
            out.append(f'<text x="14" y="{short(y + 22)}" font-size="12" fill="{colours["ink"]}">{name}</text>')
            sub = f'<text x="14" y="{short(y + 38)}" font-size="11" fill="{colours["muted"]}">'
            out.append(f"{sub}{_shape(layer.output)}</text>")
            for k, map_ in enumerate(layer.output[:across]):
                small = _blocks(map_[None], 12)[0]
                top = float(np.nanmax(np.abs(small), initial=0)) or 1.0
                tall = tile if map_.shape[0] > 1 else 14
                out.append(image(heat(small, top), 170 + k * (tile + gap), y, tile, tall))
            y += tile + 10
        return document(out, wide, y + 10, self.head())


# -- packing ---------------------------------------------------------------------------------------------------------
def _fit(layers: Sequence[Layer], maps: int) -> tuple[int, int]:
    """How many maps of each layer, and of which size, the bytes suffice for."""
    for side in SIDES:
        for count in range(maps, 0, -1):
            if count < min(FEW, maps) and side > SIDES[-1]:
                break
            total = 0
            for layer in layers:
                total += _blocks(layer.output[:count], side).size * (2 if layer.grad is not None else 1)
                if layer.weight is not None:
                    total += 2 * layer.weight[:count, :count].size
            if total <= ROOM:
                return count, side
    return 1, SIDES[-1]


def _blocks(maps: Any, side: int) -> Any:
    """Maps of at most `side` x `side`: means of blocks; a long row is left as it is."""
    count, rows, columns = maps.shape
    block = max(1, -(-max(rows, columns) // side)) if rows > 1 else 1
    if block == 1:
        return maps
    r, c = max(1, rows // block), max(1, columns // block)
    cut = maps[:, : r * block, : c * block].reshape(count, r, min(block, rows), c, min(block, columns))
    with np.errstate(all="ignore"):
        return cut.mean(axis=(2, 4))


def _packed(maps: Any, side: int) -> dict[str, Any]:
    """Each map as bytes around 128 with the number that 127 steps stand for; statistics of the whole map, exactly."""
    with np.errstate(all="ignore"):  # infinities are counted, not warned of
        return _in_bytes(maps, _blocks(maps, side))


def _in_bytes(maps: Any, small: Any) -> dict[str, Any]:
    fine = np.nan_to_num(small, nan=0.0, posinf=0.0, neginf=0.0)
    scale = np.abs(fine).max(axis=(1, 2))
    steps = np.rint(fine / np.where(scale > 0, scale, 1)[:, None, None] * 127 + 128).astype(np.uint8)
    bad = [int((~np.isfinite(m)).sum()) for m in maps]
    return {
        "rows": small.shape[1],
        "columns": small.shape[2],
        "scale": [_float(v) for v in scale],
        "pixels": base64.b64encode(steps.tobytes()).decode("ascii"),
        "stats": [
            [_float(m.min()), _float(m.max()), _float(m.mean()), _float(m.std()), int((m == 0).sum())] for m in maps
        ],
        "bad": bad if any(bad) else None,
    }


def _filters(weight: Any, count: int) -> dict[str, Any] | None:
    """A convolution's filters for the maps that are shown, with as many of their input channels."""
    if weight is None:
        return None
    part = weight[:count, :count]
    flat = part.reshape(-1, *part.shape[2:])
    return {
        "outputs": part.shape[0],
        "inputs": part.shape[1],
        "of": weight.shape[1],
        **_packed(flat, SIDES[0]),
        "stats": None,
    }


def _float(value: Any) -> Any:
    value = float(value)
    return float(f"{value:.6g}") if np.isfinite(value) else str(value)


def _shape(maps: Any) -> str:
    return " × ".join(map(str, maps.shape if maps.shape[1] > 1 else maps.shape[2:]))
