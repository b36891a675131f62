"""Checks of lesson 12: sizes of outputs, a convolution written as loops, a kernel that moves an image."""

from __future__ import annotations

from typing import Any

import gradviz as torch
from gradviz.teach.check import Unfinished, Wrong, exercise
from gradviz.teach.compare import attempt, numbers

conv2d = torch.nn.functional.conv2d
PARTS = "abcde"


def sizes() -> list[int]:
    """The five sizes, from the engine itself."""
    wide, image = torch.zeros(1, 1, 32, 32), torch.zeros(1, 1, 28, 28)
    kernel = torch.zeros(1, 1, 3, 3)
    outputs = [
        conv2d(wide, torch.zeros(1, 1, 5, 5)),
        conv2d(wide, kernel, padding=1),
        conv2d(wide, kernel, stride=2, padding=1),
        conv2d(torch.nn.functional.max_pool2d(image, 2), kernel),
        conv2d(torch.zeros(1, 1, 10, 10), kernel, dilation=3),
    ]
    return [out.shape[2] for out in outputs]


SLIPS = {
    "a": "A kernel of 5 cannot stand on the last four rows.",
    "b": "The padding adds a row at either end.",
    "c": "With stride 2 the window stands on every second place.",
    "d": "Pool first: how many rows are left then?",
    "e": "With dilation 3 the kernel covers 3 * (3 - 1) + 1 rows.",
}


@exercise(
    "12.1",
    "Five sizes",
    hints=[
        "The formula of this lesson: (n + 2p - d(k - 1) - 1) // s + 1. What is not named has its default.",
        "(d) is two steps: the pooling window is 2 and so is its stride, and what it leaves is the n of the second.",
    ],
)
def five_sizes(answer: Any) -> str:
    """Compare size by size; the first wrong one is named."""
    if not isinstance(answer, list | tuple):
        raise Wrong("Write five numbers in a list: `rows = [..., ..., ..., ..., ...]`.")
    if any(entry is ... for entry in answer):
        raise Unfinished("Fill in all five.")
    mine = numbers(list(answer), "rows")
    if len(mine) != 5:
        raise Wrong(f"There are five questions, and {len(mine)} numbers.")
    for name, said, real in zip(PARTS, mine, sizes(), strict=True):
        if said != real:
            off = "too many" if said > real else "too few"
            raise Wrong(f"({name}) has {off} rows. {SLIPS[name]}")
    return "All five, and the engine agrees."


@exercise(
    "12.2",
    "Write it yourself",
    hints=[
        "Two loops over the rows and columns of the output; inside them the window is `x[i:i + k, j:j + k]`.",
        "For a stride, the window starts at `i * stride`. For padding, put `x` into the middle of zeros first.",
        "How many rows has the output? The formula of this lesson, with the rows of `x` after padding and p = 0.",
    ],
)
def loops(answer: Any) -> str:
    """Compare with `conv2d` on hidden images, plain, with stride, with padding, and not square."""
    draw = torch.Generator().manual_seed(12)
    cases = [
        ((5, 5), (3, 3), {}, "without stride or padding"),
        ((6, 4), (2, 3), {}, "on an image that is not square"),
        ((7, 7), (3, 3), {"stride": 2}, "with stride 2"),
        ((5, 5), (3, 3), {"padding": 1}, "with padding 1"),
        ((6, 6), (3, 3), {"stride": 2, "padding": 1}, "with stride 2 and padding 1"),
    ]
    for shape, kernel, settings, name in cases:
        x, w = torch.randn(*shape, generator=draw), torch.randn(*kernel, generator=draw)
        before = x.clone()
        got = attempt(answer, x, w, **settings)
        want = conv2d(x[None, None], w[None, None], **settings)[0, 0]
        if not isinstance(got, torch.Tensor):
            raise Wrong(f"It should return a tensor; {name} it returned a {type(got).__name__}.")
        if tuple(got.shape) != tuple(want.shape):
            raise Wrong(f"{name.capitalize()} the result is {tuple(got.shape)} instead of {tuple(want.shape)}.")
        if not torch.equal(x, before):
            raise Wrong("The image that was handed in has been changed.")
        if torch.allclose(got, want, rtol=1e-6, atol=1e-6):
            continue
        turned = conv2d(x[None, None], torch.flip(w, (0, 1))[None, None], **settings)[0, 0]
        if torch.allclose(got, turned, rtol=1e-5, atol=1e-5):
            raise Wrong("The kernel has been turned round. That is the mathematicians' convolution; PyTorch does not.")
        raise Wrong(f"The size is right {name}, the numbers are not.")
    return "Equal to conv2d, to six digits, in every case."


@exercise(
    "12.3",
    "A kernel that moves",
    hints=[
        "Each output pixel must be a copy of one pixel of the image: one entry of the kernel is 1, the others are 0.",
        "The pixel to copy lies to the left of the output's place. Which entry of the kernel lies there?",
    ],
)
def mover(answer: Any) -> str:
    """Apply it to a hidden image."""
    entries = numbers(answer, "mover")
    if len(entries) != 9:
        raise Wrong(f"A 3 by 3 kernel has nine entries; this has {len(entries)}.")
    kernel = torch.tensor(entries).reshape(3, 3)
    image = torch.rand(6, 6, generator=torch.Generator().manual_seed(3))
    got = conv2d(image[None, None], kernel[None, None], padding=1)[0, 0]
    ways = {(0, -1): "to the left", (1, 0): "down", (-1, 0): "up", (0, 0): "nowhere: it stays where it is"}
    want = torch.roll(image, 1, 1)
    want[:, 0] = 0.0
    if torch.allclose(got, want, atol=1e-6):
        return "One pixel to the right, and zeros come in from the left."
    for (down, right), words in ways.items():
        moved = torch.roll(image, (down, right), (0, 1))
        if torch.allclose(got[1:-1, 1:-1], moved[1:-1, 1:-1], atol=1e-6):
            raise Wrong(f"It moves the image {words}.")
    if sum(1 for v in entries if v) > 1:
        raise Wrong("It mixes several pixels: each output should be a copy of one.")
    raise Wrong("The image does not arrive one pixel to the right of where it was.")


def wrong_answers() -> dict[str, list[Any]]:
    """Answers that must be red; the tests run them."""

    def turned(x: Any, w: Any, stride: int = 1, padding: int = 0) -> Any:
        return conv2d(x[None, None], torch.flip(w, (0, 1))[None, None], stride=stride, padding=padding)[0, 0]

    def no_stride(x: Any, w: Any, stride: int = 1, padding: int = 0) -> Any:
        return conv2d(x[None, None], w[None, None], padding=padding)[0, 0]

    def no_padding(x: Any, w: Any, stride: int = 1, padding: int = 0) -> Any:
        return conv2d(x[None, None], w[None, None], stride=stride)[0, 0]

    def spoils(x: Any, w: Any, stride: int = 1, padding: int = 0) -> Any:
        out = conv2d(x[None, None], w[None, None], stride=stride, padding=padding)[0, 0]
        x.zero_()
        return out

    def forgets(x: Any, w: Any, stride: int = 1, padding: int = 0) -> None:
        conv2d(x[None, None], w[None, None])

    return {
        "12.1": [
            [28, 30, 16, 12, 4], [27, 32, 16, 12, 4], [28, 32, 17, 12, 4], [28, 32, 16, 13, 4], [28, 32, 16, 12, 8],
            [28], "28",
        ],
        "12.2": [turned, no_stride, no_padding, spoils, forgets, 3],
        "12.3": [
            [[0, 0, 0], [0, 0, 1], [0, 0, 0]], [[0, 1, 0], [0, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
            [[0, 0, 0], [1, 1, 0], [0, 0, 0]], [1.0], [[0, 0, 0], [2, 0, 0], [0, 0, 0]],
        ],
    }  # fmt: skip
