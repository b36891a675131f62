"""`ConvStepper`: a kernel slides over an image, one place at a time; then the gradients come back the same way.

    ConvStepper(image, kernel)                        forward: the window, its products, their sum
    ConvStepper(image, kernel, stride=2, padding=1)   then backward: where each output's gradient lands
    ConvStepper.pool(image, 2)                        the same for max pooling (mode="avg" for the mean)

The numbers are those of `nn.functional.conv2d` and its backward pass. In the browser the kernel, stride, padding and
dilation can be changed; what is shown then is computed there, by the sums that the picture spells out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import gradviz as torch
from gradviz.viz.measure import clean, clip, escape
from gradviz.viz.numbers import number
from gradviz.viz.plot import document, heat, image, short
from gradviz.viz.theme import MONO, THEMES
from gradviz.widgets.base import View
from gradviz.widgets.replay import replay_html

LARGEST, CHANNELS, OUTPUTS = 32, 4, 8  # rows and columns, input channels, output channels
CELL = 34  # pixels of a cell of the still picture
TERMS = 27  # of a sum that are spelled out
WRITTEN = 14  # rows or columns up to which cells hold their numbers


class ConvStepper(View):
    """A convolution of one image, step by step.

    Args:
        x: (rows, columns) or (channels, rows, columns), at most 4 channels of 32 x 32.
        weight: (kernel rows, kernel columns), (channels, ...) or (output channels, channels, ...).
        bias: one number for each output channel.
        stride, padding, dilation: as in `torch.nn.functional.conv2d`, one number or a pair.
        grad: the gradient of the output, which then flows back; all ones if not given.
        title: shown above the picture.
    """

    def __init__(
        self,
        x: Any,
        weight: Any,
        bias: Any = None,
        *,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        grad: Any = None,
        title: str | None = None,
    ) -> None:
        image = image_of(x)
        kernel = array_of(weight)
        if kernel.ndim not in (2, 3, 4):
            raise ValueError(
                f"weight must be (rows, columns), (channels, rows, columns) or (outputs, channels, rows, columns), "
                f"got {kernel.shape}"
            )
        kernel = kernel.reshape((1,) * (4 - kernel.ndim) + kernel.shape)
        if kernel.shape[1] != len(image):
            raise ValueError(f"weight is for {kernel.shape[1]} input channels, but x has {len(image)}")
        if len(kernel) > OUTPUTS:
            raise ValueError(f"at most {OUTPUTS} output channels are shown, got {len(kernel)}; take weight[:{OUTPUTS}]")
        shift = np.zeros(len(kernel), np.float32) if bias is None else array_of(bias).reshape(-1)
        if len(shift) != len(kernel):
            raise ValueError(f"bias has {len(shift)} numbers, but weight has {len(kernel)} output channels")
        self.kind, self.x, self.w, self.b = "conv", image, kernel, shift
        self.biased = bias is not None
        self.stride, self.padding, self.dilation = (
            pair(v, n) for v, n in ((stride, "stride"), (padding, "padding"), (dilation, "dilation"))
        )
        self._run(grad)
        self.title = title or "Convolution"

    @classmethod
    def pool(
        cls, x: Any, kernel_size: Any, *, stride: Any = None, padding: Any = 0, mode: str = "max", grad: Any = None,
        title: str | None = None,
    ) -> ConvStepper:  # fmt: skip
        """Pooling of one image: `mode` is "max" or "avg"; `stride` is the kernel's size if not given."""
        if mode not in ("max", "avg"):
            raise ValueError(f"mode must be 'max' or 'avg', got {mode!r}")
        view = cls.__new__(cls)
        size = pair(kernel_size, "kernel_size")
        image = image_of(x)[:1]
        view.kind, view.x, view.b, view.biased = mode, image, np.zeros(1, np.float32), False
        view.w = np.full((1, 1, *size), 1 / (size[0] * size[1]) if mode == "avg" else 1, np.float32)
        view.stride = pair(kernel_size if stride is None else stride, "stride")
        view.padding, view.dilation = pair(padding, "padding"), (1, 1)
        view._run(grad)
        view.title = title or ("Max pooling" if mode == "max" else "Average pooling")
        return view

    def _run(self, grad: Any) -> None:
        """Forward and backward by the engine; raises what the engine raises."""
        functional = torch.nn.functional
        x, w = (torch.tensor(v).requires_grad_() for v in (self.x[None], self.w))
        if self.kind == "conv":
            out = functional.conv2d(x, w, torch.tensor(self.b), self.stride, self.padding, self.dilation)
        else:
            act = functional.max_pool2d if self.kind == "max" else functional.avg_pool2d
            out = act(x, self.w.shape[2:], self.stride, self.padding)
        shape = tuple(out.shape[1:])
        g = np.ones(shape, np.float32) if grad is None else np.asarray(array_of(grad), np.float32)
        if g.size != np.prod(shape):
            raise ValueError(f"grad must have the shape of the output, {shape}, got {g.shape}")
        self.g = g.reshape(shape)
        out.backward(torch.tensor(self.g[None]))
        self.out = out.detach().numpy()[0]
        self.gx = x.grad.numpy()[0]
        self.gw = np.zeros_like(self.w) if w.grad is None else w.grad.numpy()

    # -- what it becomes -------------------------------------------------------------------------------------------
    def to_json(self) -> dict[str, Any]:
        """Image, kernel, settings and the engine's results."""
        return {
            "format": "gradviz.conv/1",
            "title": clean(self.title)[:200],
            "kind": self.kind,
            "biased": self.biased,
            "stride": list(self.stride),
            "padding": list(self.padding),
            "dilation": list(self.dilation),
            "g": None if (self.g == 1).all() else _plain(self.g),
            **{name: _plain(getattr(self, name)) for name in ("x", "w", "b", "out", "gx", "gw")},
        }

    def sizes(self) -> str:
        """How the size of the output comes about, with numbers put in."""
        (_, rows, columns), (kh, kw) = self.x.shape, self.w.shape[2:]
        return "; ".join(
            f"({n} + 2·{p} - {d}·({k} - 1) - 1) // {s} + 1 = {m}"
            for n, p, d, k, s, m in zip(
                (rows, columns), self.padding, self.dilation, (kh, kw), self.stride, self.out.shape[1:], strict=True
            )
        )

    def window(self, o: int, i: int, j: int) -> list[tuple[int, int, int, float, float]]:
        """(channel, row, column, kernel entry, image entry) under the kernel at one output; outside the image 0."""
        found = []
        _, rows, columns = self.x.shape
        for c, a, b in np.ndindex(*self.w.shape[1:]):
            y = i * self.stride[0] - self.padding[0] + a * self.dilation[0]
            x = j * self.stride[1] - self.padding[1] + b * self.dilation[1]
            inside = 0 <= y < rows and 0 <= x < columns
            found.append((c, y, x, float(self.w[o, c, a, b]), float(self.x[c, y, x]) if inside else 0.0))
        return found

    def sum_text(self, o: int, i: int, j: int) -> str:
        """What one output is made of: `1 × 2 + 0 × 5 + ... = 7`."""
        entries = self.window(o, i, j)
        shown, count = entries[:TERMS], len(entries)
        more = [f"… ({count} in all)"] if count > TERMS else []
        value = number(float(self.out[o, i, j]), 4)
        if self.kind == "max":
            return f"max({', '.join([*(number(x, 4) for *_, x in shown), *more])}) = {value}"
        if self.kind == "avg":
            return f"({' + '.join([*(_signed(x) for *_, x in shown), *more])}) / {count} = {value}"
        terms = " + ".join([*(f"{_signed(w)} × {_signed(x)}" for *_, w, x in shown), *more])
        return f"{terms}{f' + {_signed(float(self.b[o]))}' if self.biased else ''} = {value}"

    def to_text(self) -> str:
        """Title, size, the output, one sum in full, and the gradients."""
        last = (0, *(n - 1 for n in self.out.shape[1:]))
        lines = [
            f"{clean(self.title)}: {_shape(self.x)} -> {_shape(self.out)}",
            f"  size: {self.sizes()}",
            f"  output {last[1:]}: {self.sum_text(*last)}",
            *(f"  {line}" for line in _matrix("output", self.out[0])),
            *(f"  {line}" for line in _matrix("gradient of the image", self.gx[0])),
        ]
        if self.kind == "conv":
            lines += [f"  {line}" for line in _matrix("gradient of the kernel", self.gw[0, 0])]
        return "\n".join(lines)

    def table(self) -> list[list[str]]:
        """Every output of the first channel, and what it is the sum of."""
        rows, columns = self.out.shape[1:]
        places = [(i, j) for i in range(rows) for j in range(columns)]
        return [["row", "column", "sum"], *([str(i), str(j), self.sum_text(0, i, j)] for i, j in places)]

    def to_html(self) -> str:
        """The picture that steps, and whose kernel can be edited, where scripts run."""
        table = self.table()
        return replay_html("conv_stepper", self.to_json(), self.to_svg(), self.to_text(), table, caption="Every sum")

    def to_svg(self) -> str:
        """Image, kernel and output, with the window at one place and its sum in full."""
        colours = THEMES["light"]
        given, out = self.x[0], self.out[0]
        i, j = (n // 2 for n in out.shape)
        cells = {(y, x) for c, y, x, _, _ in self.window(0, i, j) if c == 0}
        size = CELL * min(1.0, WRITTEN / max(given.shape), WRITTEN / max(out.shape))
        size = max(size, 9)
        kernel = self.w[0, 0] if self.kind != "max" else np.full(self.w.shape[2:], np.nan)
        blocks = [("image", given, cells), ("kernel", kernel, set()), ("output", out, {(i, j)})]
        wide = sum(block.shape[1] * size for _, block, _ in blocks) + 3 * 54
        tall = max(block.shape[0] for _, block, _ in blocks) * size + 104
        wide = max(wide, 420)
        head = escape(clip(f"{self.title}: {_shape(self.x)} → {_shape(self.out)}", wide - 24, 13))
        said = escape(clip(self.sum_text(0, i, j), wide - 24, 12, mono=True))
        ink = colours["ink"]
        low = f'x="14" y="{short(tall - 14)}" font-size="12" font-family="{escape(MONO)}"'
        parts = [
            f'<text x="14" y="24" font-size="14" font-weight="600" fill="{ink}">{head}</text>',
            f'<text {low} fill="{ink}">{said}</text>',
        ]
        left = 14.0
        for (name, block, marked), sign in zip(blocks, ("∗" if self.kind == "conv" else "", "=", ""), strict=True):
            parts += _block(name, block, left, 60, size, marked, colours)
            left += block.shape[1] * size
            middle = f'x="{short(left + 27)}" y="{short(60 + given.shape[0] * size / 2)}" text-anchor="middle"'
            parts.append(f'<text {middle} font-size="18" fill="{colours["muted"]}">{sign}</text>')
            left += 54
        return document(parts, wide, tall, self.title)


def _block(
    name: str, block: Any, left: float, top: float, size: float, marked: set[tuple[int, int]], colours: Any
) -> list[str]:
    """A matrix as boxes; numbers where there is room, the marked ones framed."""
    most = float(np.nanmax(np.abs(block), initial=0)) or 1.0
    out = [f'<text x="{short(left)}" y="{short(top - 8)}" font-size="12" fill="{colours["muted"]}">{name}</text>']
    if size < 20:  # too small to write in
        pixels = heat(np.nan_to_num(block), most)
        out.append(image(pixels, left, top, block.shape[1] * size, block.shape[0] * size))
    for (y, x), value in np.ndenumerate(block) if size >= 20 else ():
        share = 0.0 if np.isnan(value) else min(1.0, abs(float(value)) / most)
        fill = colours["forward" if value >= 0 else "backward"]
        place = f'x="{short(left + x * size)}" y="{short(top + y * size)}" width="{short(size)}" height="{short(size)}"'
        edge = f'stroke="{colours["line"]}"'
        out.append(f'<rect {place} fill="{fill}" fill-opacity="{share * 0.42:.2f}" {edge}/>')
        if not np.isnan(value):
            text = clip(number(float(value), 3), size, 10.5, mono=True)
            middle = f'x="{short(left + (x + 0.5) * size)}" y="{short(top + (y + 0.5) * size + 4)}"'
            out.append(f'<text {middle} text-anchor="middle" font-size="10.5" fill="{colours["ink"]}">{text}</text>')
    for y, x in sorted(marked):
        if 0 <= y < block.shape[0] and 0 <= x < block.shape[1]:
            place = f'x="{short(left + x * size)}" y="{short(top + y * size)}" width="{short(size)}"'
            out.append(
                f'<rect {place} height="{short(size)}" fill="none" stroke="{colours["forward"]}" stroke-width="2"/>'
            )
    return out


# -- input -----------------------------------------------------------------------------------------------------------
def array_of(value: Any) -> Any:
    """A tensor, an array or nested lists as float32."""
    return np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value, dtype=np.float32)


def image_of(x: Any) -> Any:
    """(channels, rows, columns) within what can be shown."""
    image = array_of(x)
    image = image[None] if image.ndim == 2 else image
    if image.ndim == 4 and len(image) == 1:
        image = image[0]
    if image.ndim != 3:
        raise ValueError(f"x must be (rows, columns) or (channels, rows, columns), got {image.shape}")
    if len(image) > CHANNELS or max(image.shape[1:]) > LARGEST:
        raise ValueError(
            f"at most {CHANNELS} channels of {LARGEST} × {LARGEST} are shown, got {image.shape}\n"
            f"Take a part of it: x[:{CHANNELS}, :{LARGEST}, :{LARGEST}]."
        )
    return image


def pair(value: Any, name: str) -> tuple[int, int]:
    """One whole number for both directions, or two."""
    both = (value, value) if isinstance(value, int) else tuple(value)
    if len(both) != 2 or not all(isinstance(v, int) and v >= (0 if name == "padding" else 1) for v in both):
        raise ValueError(f"{name} must be a whole number or a pair of them, got {value!r}")
    return both


def _plain(array: Any) -> Any:
    """Nested lists of numbers; what JSON has no number for is text."""
    if array.ndim:
        return [_plain(part) for part in array]
    value = float(array)
    return float(f"{value:.7g}") if np.isfinite(value) else str(value)


def _signed(value: float) -> str:
    text = number(value, 4)
    return f"({text})" if text.startswith("-") else text


def _shape(array: Any) -> str:
    shape = array.shape if array.shape[0] > 1 else array.shape[1:]
    return " × ".join(map(str, shape))


def _matrix(name: str, rows: Any, most: int = 12) -> list[str]:
    """A matrix in lines of text."""
    cells = [[number(float(v), 4) for v in row[:most]] for row in rows[:most]]
    wide = max((len(cell) for row in cells for cell in row), default=0)
    more = "  ..." if rows.shape[1] > most else ""
    lines = ["  ".join(cell.rjust(wide) for cell in row) + more for row in cells]
    return [f"{name}:", *("  " + line for line in lines), *(["  ..."] if rows.shape[0] > most else [])]
