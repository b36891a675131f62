"""Images, grids of images, boxes and films as messages: PNG and GIF files made by Pillow."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from tensorboard.compat.proto.summary_pb2 import Summary

from ._convert_np import make_np


def image(tag: str, tensor: Any, rescale: float = 1, dataformats: str = "NCHW") -> Any:
    """An image, or a grid of several, of 0 to 255 (uint8) or 0 to 1 (other types)."""
    picture = make_image(to_bytes(convert_to_HWC(make_np(tensor), dataformats)), rescale=rescale)
    return Summary(value=[Summary.Value(tag=tag, image=picture)])


def image_boxes(
    tag: str, tensor_image: Any, tensor_boxes: Any, rescale: float = 1, dataformats: str = "CHW", labels: Any = None
) -> Any:
    """An image with red boxes drawn on it: a row of `tensor_boxes` is (left, top, right, bottom) in pixels."""
    pixels = to_bytes(convert_to_HWC(make_np(tensor_image), dataformats))
    picture = make_image(pixels, rescale=rescale, rois=make_np(tensor_boxes), labels=labels)
    return Summary(value=[Summary.Value(tag=tag, image=picture)])


def to_bytes(array: Any) -> Any:
    """Pixels of 0 to 255 as they are, others times 255; what is out of range is clipped."""
    scaled = array.astype(np.float32) * (1 if array.dtype == np.uint8 else 255)
    return scaled.clip(0, 255).astype(np.uint8)


def convert_to_HWC(tensor: Any, input_format: str) -> Any:
    """An image as (height, width, channels), from the order that a format such as CHW or NHWC names.

    One channel, or none, becomes three; several images become a grid. Raises AssertionError for a format that names a
    dimension twice or not as many as there are, and NotImplementedError for one that is of no image.
    """
    if len(set(input_format)) != len(input_format):
        raise AssertionError(f"You can not use the same dimension shorthand twice. input_format: {input_format}")
    if tensor.ndim != len(input_format):
        raise AssertionError(
            "size of input tensor and input format are different. "
            f"tensor shape: {tensor.shape}, input_format: {input_format}"
        )
    letters = input_format.upper()
    order = {2: "HW", 3: "HWC", 4: "NCHW"}.get(len(letters), "")
    if set(letters) != set(order):
        raise NotImplementedError(f"dataformats={input_format!r}: use the letters of HW, CHW or NCHW, in any order")
    tensor = tensor.transpose([letters.index(letter) for letter in order])
    if len(order) == 2:
        return np.stack([tensor] * 3, 2)
    if len(order) == 4:
        return make_grid(tensor).transpose(1, 2, 0)
    return np.concatenate([tensor] * 3, 2) if tensor.shape[2] == 1 else tensor


def make_grid(I: Any, ncols: int = 8) -> Any:  # noqa: E741
    """Images (N, 1 or 3, H, W) side by side, `ncols` to a row, as one (3, rows H, columns W)."""
    if not isinstance(I, np.ndarray):
        raise AssertionError("plugin error, should pass numpy array here")
    if I.shape[1] == 1:
        I = np.concatenate([I] * 3, 1)  # noqa: E741
    if I.ndim != 4 or I.shape[1] != 3:
        raise AssertionError("Input should be a 4D numpy array with 3 channels")
    number, _, high, wide = I.shape
    columns = min(number, ncols)
    canvas = np.zeros((3, high * math.ceil(number / columns), wide * columns), I.dtype)
    for i, one in enumerate(I):
        y, x = i // columns * high, i % columns * wide
        canvas[:, y : y + high, x : x + wide] = one
    return canvas


def make_image(tensor: Any, rescale: float = 1, rois: Any = None, labels: Any = None) -> Any:
    """The message of an image (height, width, channels) of uint8, with boxes if any, made larger by `rescale`."""
    from PIL import Image

    high, wide, channels = tensor.shape
    picture = Image.fromarray(tensor)
    if rois is not None:
        picture = draw_boxes(picture, rois, labels=labels)
    picture = picture.resize((int(wide * rescale), int(high * rescale)), Image.Resampling.LANCZOS)
    return _file(high, wide, channels, picture, format="PNG")


def _file(height: int, width: int, channels: int, picture: Any, **options: Any) -> Any:
    file = io.BytesIO()
    picture.save(file, **options)
    return Summary.Image(height=height, width=width, colorspace=channels, encoded_image_string=file.getvalue())


def draw_boxes(disp_image: Any, boxes: Any, labels: Any = None) -> Any:
    """Draws boxes onto a Pillow image, each with its label, if there are labels, at its lower left."""
    from PIL import ImageDraw, ImageFont

    draw, font = ImageDraw.Draw(disp_image), ImageFont.load_default()
    for i, (left, top, right, bottom) in enumerate(boxes[:, :4]):
        draw.line([(left, top), (left, bottom), (right, bottom), (right, top), (left, top)], width=2, fill="Red")
        label = None if labels is None else labels[i]
        if label:
            x0, y0, x1, y1 = font.getbbox(label)
            wide, high = x1 - x0, y1 - y0
            margin = np.ceil(0.05 * high)
            draw.rectangle([(left, bottom - high - 2 * margin), (left + wide, bottom)], fill="Red")
            draw.text((left + margin, bottom - high - margin), label, fill="black", font=font)
    return disp_image


def video(tag: str, tensor: Any, fps: float = 4) -> Any:
    """Films (N, T, C, H, W), of 0 to 255 (uint8) or 0 to 1, side by side in one moving picture."""
    frames = to_bytes(_side_by_side(make_np(tensor)))
    return Summary(value=[Summary.Value(tag=tag, image=make_video(frames, fps))])


def _side_by_side(films: Any) -> Any:
    """(N, T, C, H, W) as (T, rows H, columns W, C); black films fill the grid up to a power of two."""
    number, times, channels, high, wide = films.shape
    full = 1 << (number - 1).bit_length()
    rows = 1 << (number.bit_length() - 1) // 2
    black = np.zeros((full - number, times, channels, high, wide), films.dtype)
    grid = np.concatenate((films, black)).reshape(rows, full // rows, times, channels, high, wide)
    return grid.transpose(2, 0, 4, 1, 5, 3).reshape(times, rows * high, full // rows * wide, channels)


def make_video(tensor: Any, fps: float) -> Any:
    """The message of a film (time, height, width, channels) of uint8: a GIF, `fps` pictures a second."""
    from PIL import Image

    _, high, wide, channels = tensor.shape
    first, *rest = (Image.fromarray(frame[..., 0] if channels == 1 else frame) for frame in tensor)
    return _file(
        high, wide, channels, first, format="GIF", save_all=True, append_images=rest, duration=1000 / fps, loop=0
    )


def figure_to_image(figures: Any, close: bool = True) -> Any:
    """A matplotlib figure as pixels (3, H, W), a list as (N, 3, H, W). Raises ImportError without matplotlib."""
    if isinstance(figures, list):
        return np.stack([figure_to_image(figure, close) for figure in figures])
    try:
        from matplotlib import pyplot as plt
        from matplotlib.backends.backend_agg import FigureCanvasAgg
    except ImportError as error:
        raise ImportError("add_figure draws matplotlib's figures: pip install matplotlib") from error
    canvas = FigureCanvasAgg(figures)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    if close:
        plt.close(figures)
    return np.moveaxis(pixels, 2, 0)
