"""Images of samples as bytes: what a learner has (tensors, arrays, PIL images, a Dataset) as uint8 pixels."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

ROOM = 42_000  # bytes of pixels that one output may hold
LARGEST = 96  # pixels of a side; larger images are shown by means of blocks


def arrays(images: Any) -> list[Any]:
    """One NumPy array for each image."""
    if hasattr(images, "detach"):
        images = images.detach().cpu().numpy()
    if isinstance(images, np.ndarray):
        if images.ndim not in (3, 4):
            raise ValueError(
                f"images must be (samples, channels, rows, columns) or (samples, rows, columns), got {images.shape}\n"
                "For a single image give it a first axis: image[None]."
            )
        return list(images)
    return [np.asarray(image.detach().cpu().numpy() if hasattr(image, "detach") else image) for image in images]


def pixels(images: Any, mean: Sequence[float] | None = None, std: Sequence[float] | None = None) -> tuple[Any, str]:
    """(samples, rows, columns, 1 or 3) of uint8, and what was done to get there ('' when nothing).

    Floats are taken as 0 to 1, after `mean` and `std` have been undone; when they still lie outside, all are stretched
    to fit, and the text says so. Larger images than 96 x 96 become means of blocks.
    """
    each = arrays(images)
    if not each:
        return np.zeros((0, 1, 1, 1), np.uint8), ""
    whole = each[0].dtype.kind in "ui"
    made = [_channels_last(image) for image in each]
    if len({image.shape for image in made}) > 1:
        sizes = sorted({image.shape for image in made})
        raise ValueError(f"all images must have the same size, got {sizes[0]} and {sizes[1]}")
    data: Any = np.stack(made).astype(np.float32)
    said = []
    if mean is not None or std is not None:
        data = data * np.asarray(1.0 if std is None else std, np.float32) + np.asarray(mean or 0.0, np.float32)
    if whole:
        data = data / 255
    low, high = float(np.nanmin(data)), float(np.nanmax(data))
    if low < -1e-3 or high > 1 + 1e-3:
        said.append(
            f"values from {low:.4g} to {high:.4g} are stretched to fit (give mean= and std= to undo a Normalize)"
        )
        data = (data - low) / ((high - low) or 1.0)
    block = -(-max(data.shape[1:3]) // LARGEST)
    if block > 1:
        rows, columns = (size // block * block for size in data.shape[1:3])
        shape = (len(data), rows // block, block, columns // block, block, data.shape[3])
        data = data[:, :rows, :columns].reshape(shape).mean(axis=(2, 4))
        said.append(f"each pixel is the mean of {block} × {block}")
    return np.rint(np.clip(np.nan_to_num(data), 0, 1) * 255).astype(np.uint8), "; ".join(said)


def _channels_last(image: Any) -> Any:
    """(rows, columns, channels) with one channel or three."""
    if image.ndim == 2:
        return image[..., None]
    if image.ndim == 3 and image.shape[0] in (1, 3) and image.shape[2] not in (1, 3):
        return image.transpose(1, 2, 0)
    if image.ndim == 3 and image.shape[0] in (1, 3):  # as torch has it, where both would do
        return image.transpose(1, 2, 0)
    if image.ndim == 3 and image.shape[2] in (1, 3):
        return image
    raise ValueError(
        f"an image must be (channels, rows, columns) with 1 or 3 channels, or (rows, columns), got {image.shape}"
    )


def fitting(data: Any, room: int = ROOM) -> int:
    """How many of these images fit into so many bytes."""
    if not len(data):
        return 0
    _, rows, columns, channels = data.shape
    each = rows * columns + (2 * -(-rows // 2) * -(-columns // 2) if channels == 3 else 0)
    return int(max(1, min(len(data), room // each)))


def packed(data: Any) -> dict[str, Any]:
    """Pixels for the browser, plane by plane: grey ones as they are; of coloured ones the brightness in full and the
    two colour differences at half the size (JFIF's Y, Cb, Cr), which takes half the bytes and looks the same.
    """
    count, rows, columns, channels = data.shape
    planes = [data[..., 0]]
    if channels == 3:
        r, g, b = (data[..., i].astype(np.float32) for i in range(3))
        bright = 0.299 * r + 0.587 * g + 0.114 * b
        planes = [bright, _halved(128 + (b - bright) * 0.564), _halved(128 + (r - bright) * 0.713)]
    held = b"".join(
        np.rint(np.clip(plane[i], 0, 255)).astype(np.uint8).tobytes() for i in range(count) for plane in planes
    )
    text = base64.b64encode(held).decode("ascii")
    return {"count": count, "rows": rows, "columns": columns, "channels": channels, "pixels": text}


def _halved(planes: Any) -> Any:
    """Means of 2 x 2 pixels; an odd last row or column is repeated."""
    odd = ((0, 0), (0, planes.shape[1] % 2), (0, planes.shape[2] % 2))
    even = np.pad(planes, odd, mode="edge")
    count, rows, columns = even.shape
    return even.reshape(count, rows // 2, 2, columns // 2, 2).mean(axis=(2, 4))


def names_of(classes: Sequence[Any] | None, labels: Sequence[int]) -> list[str]:
    """The names of the classes: as given, or their numbers as far as the labels go."""
    if classes is None:
        return [str(i) for i in range(max(labels, default=-1) + 1)]
    if labels and max(labels) >= len(classes):
        raise ValueError(f"a label is {max(labels)}, but there are only {len(classes)} class names")
    return [str(name) for name in classes]


def numbers(values: Any, what: str, count: int | None = None) -> list[int]:
    """Class numbers as plain ints; rows of scores become the place of the largest."""
    array = np.asarray(values.detach().cpu().numpy() if hasattr(values, "detach") else values)
    if array.ndim == 2:
        array = array.argmax(axis=1)
    if array.ndim != 1:
        raise ValueError(f"{what} must be one class number for each sample, got an array of shape {array.shape}")
    if count is not None and len(array) != count:
        raise ValueError(f"{what} has {len(array)} entries, but there are {count} samples")
    if array.dtype.kind not in "iub" and not (array == np.rint(array)).all():
        raise ValueError(f"{what} must be class numbers 0, 1, 2, ..., got {array.dtype} values such as {array[0]}")
    found = [int(v) for v in array]
    if found and min(found) < 0:
        raise ValueError(f"{what} holds the negative class number {min(found)}")
    return found
