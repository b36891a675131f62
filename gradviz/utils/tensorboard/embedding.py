"""The files of TensorBoard's projector: points as text, their labels, their pictures, and a list of them all."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from ._convert_np import make_np
from .images import make_grid, to_bytes


def encode(tag: str) -> str:
    """A tag as the name of a folder."""
    return tag.replace("%", "%25").replace("/", "%2f").replace("\\", "%5c")


def write(logdir: Path, config: Any, points: Any, labels: Any, pictures: Any, step: int, tag: str, header: Any) -> Any:
    """Writes everything about some points, and the list, `config`, with them at its end: it is given back.

    Raises AssertionError where points, labels and pictures are not equally many, or the points not rows of numbers.
    """
    from google.protobuf.text_format import MessageToString
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    if labels is not None and len(labels) != len(points):
        raise AssertionError("#labels should equal with #data points")
    if pictures is not None and pictures.shape[0] != len(points):
        raise AssertionError("#images should equal with #data points")
    if points.ndim != 2:
        raise AssertionError("mat should be 2D, where mat.size(0) is the number of data points")
    subfolder = f"{step:05}/{encode(tag)}"
    folder = logdir / subfolder
    if folder.is_dir():
        print("warning: Embedding dir exists, did you set global_step for add_embedding()?")
    elif folder.exists():
        raise NotADirectoryError(f"Path: `{folder}` exists, but is a file. Cannot proceed.")
    folder.mkdir(parents=True, exist_ok=True)
    if labels is not None:
        write_labels(folder, labels, header)
    if pictures is not None:
        write_pictures(folder, pictures)
    write_points(folder, points)
    config = ProjectorConfig() if config is None else config
    config.embeddings.append(about(subfolder, tag, step, labels, pictures))
    (logdir / "projector_config.pbtxt").write_text(MessageToString(config), "utf-8", newline="\n")
    return config


def write_points(folder: Path, points: Any) -> None:
    """tensors.tsv: a line for each point, its numbers between tabs."""
    lines = ("\t".join(str(x.item()) for x in point) + "\n" for point in points)
    (folder / "tensors.tsv").write_text("".join(lines), "utf-8", newline="\n")


def write_labels(folder: Path, labels: Any, header: Any) -> None:
    """metadata.tsv: a line for each point; with a header, a column for each of its names.

    Raises AssertionError where the header has another number of names than the first label has parts.
    """
    rows = [str(label) for label in labels]
    if header:
        if len(header) != len(labels[0]):
            raise AssertionError("len of header must be equal to the number of columns in metadata")
        rows = ["\t".join(str(part) for part in row) for row in [header, *labels]]
    (folder / "metadata.tsv").write_text("\n".join(rows) + "\n", "utf-8", newline="\n")


def write_pictures(folder: Path, pictures: Any) -> None:
    """sprite.png: the pictures of all points in a square."""
    from PIL import Image

    images = make_np(pictures)
    grid = make_grid(images, ncols=math.ceil(math.sqrt(len(images)))).transpose(1, 2, 0)
    square = np.zeros((grid.shape[1], grid.shape[1], 3))
    square[: grid.shape[0]] = grid
    Image.fromarray(to_bytes(square)).save(folder / "sprite.png")


def about(subfolder: str, tag: str, step: int, labels: Any, pictures: Any) -> Any:
    """The projector's entry for points whose files lie in a subfolder."""
    from tensorboard.plugins.projector.projector_config_pb2 import EmbeddingInfo

    info = EmbeddingInfo(tensor_name=f"{tag}:{step:05}", tensor_path=f"{subfolder}/tensors.tsv")
    if labels is not None:
        info.metadata_path = f"{subfolder}/metadata.tsv"
    if pictures is not None:
        info.sprite.image_path = f"{subfolder}/sprite.png"
        info.sprite.single_image_dim.extend([pictures.shape[3], pictures.shape[2]])
    return info
