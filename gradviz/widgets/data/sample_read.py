"""Samples of a dataset as cards: a thumbnail or a few numbers, and the class."""

from __future__ import annotations

import copy
import numbers as kinds
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gradviz.viz.measure import clean
from gradviz.viz.numbers import number
from gradviz.widgets.cnn import pictures

COPIED = 64 * 2**20  # bytes of a dataset that is copied before it is read
LOOKED = 20_000  # objects looked at to find its size
LABEL_KEYS = ("label", "labels", "target", "targets", "y", "class")
NAME, TEXT = 40, 14  # characters
LEAST_SIDE = 4  # pixels of an image; smaller arrays are shown as numbers


def reader(dataset: Any) -> Any:
    """The dataset to read from: a deep copy, so that one whose `__getitem__` writes into its storage stays as it is. A
    dataset of more than 64 MB, or one that cannot be copied, is read as a data-loading thread reads it: a shallow copy.
    """
    if held(dataset) <= COPIED:
        try:
            return copy.deepcopy(dataset)
        except Exception:  # open files, locks, lambdas of another library: then as a worker does
            pass
    try:
        return copy.copy(dataset)
    except Exception:
        return dataset


def held(dataset: Any) -> float:
    """Bytes of the arrays that an object reaches; infinite when it reaches too many objects to tell."""
    seen: set[int] = set()
    todo, size = [dataset], 0
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if len(seen) > LOOKED or size > COPIED:
            return float("inf")
        if isinstance(getattr(one, "nbytes", None), int):
            size += one.nbytes
        elif isinstance(one, (list, tuple, set)):
            todo += one
        elif isinstance(one, Mapping):
            todo += one.values()
        elif hasattr(one, "__dict__") and not isinstance(one, type):
            todo += vars(one).values()
        elif isinstance(one, (bytes, bytearray)):
            size += len(one)
    return size


def parts(sample: Any) -> tuple[Any, Any]:
    """(what goes into the model, the target or None) of a sample: a pair, a mapping, or a thing alone."""
    if isinstance(sample, Mapping):
        label = next((sample[key] for key in LABEL_KEYS if key in sample), None)
        rest = [value for key, value in sample.items() if key not in LABEL_KEYS]
        return (rest[0] if rest else sample), label
    if isinstance(sample, (tuple, list)) and len(sample) > 1:
        return sample[0], sample[-1]
    if isinstance(sample, (tuple, list)) and len(sample) == 1:
        return sample[0], None
    return sample, None


def array_of(value: Any) -> Any:
    """Numbers as an array, or None."""
    if hasattr(value, "detach"):
        return np.asarray(value.detach().cpu().numpy())
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "getbands"):  # a PIL image
        return np.asarray(value)
    if isinstance(value, (int, float, kinds.Number)) or (
        isinstance(value, (list, tuple)) and value and all(isinstance(part, kinds.Number) for part in value)
    ):
        return np.asarray(value)
    return None


def image_of(value: Any) -> Any:
    """An array that can be shown as an image, or None."""
    array = array_of(value)
    if array is None or array.ndim not in (2, 3) or array.dtype.kind not in "uifb":
        return None
    if array.ndim == 3 and array.shape[0] not in (1, 3) and array.shape[2] not in (1, 3):
        return None
    channels_first = array.ndim == 3 and array.shape[0] in (1, 3)
    rows, columns = array.shape[1:] if channels_first else array.shape[:2]
    return array if min(rows, columns) >= LEAST_SIDE else None


def class_of(label: Any, classes: Sequence[Any] | None) -> str | None:
    """The class as text: of whole numbers, truth values and text; None for a target that is a quantity."""
    if isinstance(label, str):
        return clean(label)[:NAME]
    array = array_of(label)
    if array is None or array.size != 1 or array.dtype.kind not in "iub":
        return None
    value = array.reshape(-1)[0].item()
    if classes is not None and not isinstance(value, bool) and 0 <= value < len(classes):
        return clean(classes[value])[:NAME]
    return str(value)


def text_of(value: Any) -> str:
    """A few characters that say what the sample holds."""
    if isinstance(value, str):
        return _cut(clean(value))
    array = array_of(value)
    if array is None:
        return _cut(clean(type(value).__name__))
    flat = array.reshape(-1)
    if array.dtype.kind not in "iufb" or not flat.size:
        return _cut(f"{array.dtype} {list(array.shape)}")
    text = ", ".join(number(flat[i].item(), 2) for i in range(min(2, flat.size)))
    return text + (" …" if flat.size > 2 else "")


def _cut(text: str) -> str:
    return text if len(text) <= TEXT else text[: TEXT - 1] + "…"


def marks(names: Sequence[str]) -> list[str]:
    """One or two characters for each class: the name itself, its first letter, or letters by number."""
    if all(len(name) <= 2 for name in names):
        return list(names)
    first = [name[:1].upper() for name in names]
    if len(set(first)) == len(first) and all(first):
        return first
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return [letters[i] if i < len(letters) else str(i) for i in range(len(names))]


def shapes(batch: Any) -> str:
    """What a collated batch is: `[4, 1, 8, 8] · [4]`."""
    if hasattr(batch, "detach") or isinstance(batch, np.ndarray):
        return str(list(batch.shape))
    if isinstance(batch, Mapping):
        return " · ".join(f"{clean(key)[:NAME]}: {shapes(value)}" for key, value in list(batch.items())[:4])
    if isinstance(batch, (tuple, list)):
        if batch and all(isinstance(part, (str, kinds.Number)) for part in batch):
            return f"{type(batch).__name__} of {len(batch)}"
        more = f" · and {len(batch) - 4} more" if len(batch) > 4 else ""
        return " · ".join(shapes(part) for part in batch[:4]) + more
    return clean(type(batch).__name__)


class Cards:
    """What is shown of each row.

    Attributes:
        classes, letters: the classes in the order of their numbers or as they come, and their marks.
        labels: for each row the number of its class, -1 where it has none.
        texts: a few characters for each row; empty where it is an image.
        pixels: (rows, height, width, 1 or 3) of uint8, or None where rows are not all images of one size.
        note: what was done to show the images.
    """

    def __init__(
        self, samples: Iterable[Any], classes: Sequence[Any] | None, mean: Any = None, std: Any = None
    ) -> None:
        pairs = [parts(sample) for sample in samples]
        found = [class_of(label, classes) for _, label in pairs]
        self.classes = _ordered([name for name in found if name is not None], classes)
        self.letters = marks(self.classes)
        at = {name: i for i, name in enumerate(self.classes)}
        self.labels = [-1 if name is None else at[name] for name in found]
        images = [image_of(value) for value, _ in pairs]
        self.pixels: Any = None
        self.note = ""
        if images and all(image is not None for image in images) and len({image.shape for image in images}) == 1:
            data, self.note = pictures.pixels(images, mean, std)
            self.pixels = _small(data, len(images))
        self.texts = ["" if self.pixels is not None else text_of(value) for value, _ in pairs]


def _ordered(found: Sequence[str], classes: Sequence[Any] | None) -> list[str]:
    """The classes that occur: in the order of `classes`, else by number, else as they come."""
    unique = list(dict.fromkeys(found))
    if classes is not None:
        known = {clean(name)[:NAME]: i for i, name in enumerate(classes)}
        return sorted(unique, key=lambda name: known.get(name, len(known)))
    if all(name.lstrip("-").isdigit() for name in unique):
        return sorted(unique, key=int)
    return unique


def _small(data: Any, count: int) -> Any:
    """The same images, of blocks of pixels, until all of them fit into one output."""
    while data.shape[1] * data.shape[2] * count * (2 if data.shape[3] == 3 else 1) > pictures.ROOM:
        rows, columns = (max(1, n // 2) for n in data.shape[1:3])
        if rows * columns <= 16:
            break
        cut = data[:, : 2 * rows, : 2 * columns].reshape(len(data), rows, 2, columns, 2, data.shape[3])
        data = np.rint(cut.mean(axis=(2, 4))).astype(np.uint8)
    return data
