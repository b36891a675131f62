"""What a SummaryWriter logs as TensorBoard's messages: a function for each kind of thing.

Each gives a `Summary`, which `FileWriter.add_summary` writes. Histograms and images have files of their own.
"""

from __future__ import annotations

import io
import json
import struct
import wave
from typing import Any

import numpy as np
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.plugins.custom_scalar.layout_pb2 import (
    Category,
    Chart,
    Layout,
    MarginChartContent,
    MultilineChartContent,
)
from tensorboard.plugins.text.plugin_data_pb2 import TextPluginData

from ._convert_np import make_np
from .experiments import hparams
from .histograms import compute_curve, histogram, histogram_raw, make_histogram, pr_curve, pr_curve_raw
from .images import draw_boxes, image, image_boxes, make_image, make_video, video
from .messages import of_tensor, shape_of

__all__ = [
    "half_to_int", "int_to_half", "hparams", "scalar", "histogram_raw", "histogram", "make_histogram", "image",
    "image_boxes", "draw_boxes", "make_image", "video", "make_video", "audio", "custom_scalars", "text",
    "tensor_proto", "pr_curve_raw", "pr_curve", "compute_curve", "mesh",
]  # fmt: skip

# Element type -> its name in a message, the field that holds the values.
TENSORS = {
    "bool": ("DT_BOOL", "bool_val"),
    "int8": ("DT_INT8", "int_val"),
    "int16": ("DT_INT16", "int_val"),
    "int32": ("DT_INT32", "int_val"),
    "int64": ("DT_INT64", "int64_val"),
    "uint8": ("DT_UINT8", "uint32_val"),
    "float16": ("DT_HALF", "half_val"),
    "bfloat16": ("DT_BFLOAT16", "half_val"),
    "float32": ("DT_FLOAT", "float_val"),
    "float64": ("DT_DOUBLE", "double_val"),
    "complex64": ("DT_COMPLEX64", "scomplex_val"),
    "complex128": ("DT_COMPLEX128", "dcomplex_val"),
}
MOST = 1 << 31  # bytes of a message


def scalar(
    name: str, tensor: Any, collections: Any = None, new_style: bool = False, double_precision: bool = False
) -> Any:
    """A number. In the new style it is a tensor for the plug-in "scalars", of double precision if asked.

    Raises AssertionError for more numbers than one.
    """
    if collections is not None:
        raise NotImplementedError("collections: event files have none")
    array = make_np(tensor).squeeze()
    if array.ndim != 0:
        raise AssertionError(
            f"Tensor should contain one element (0 dimensions). Was given size: {array.size} and {array.ndim} "
            "dimensions."
        )
    value = float(array)
    if not new_style:
        return Summary(value=[Summary.Value(tag=name, simple_value=value)])
    if double_precision:
        return of_tensor(name, "scalars", "DT_DOUBLE", None, double_val=[value])
    return of_tensor(name, "scalars", "DT_FLOAT", None, float_val=[value])


def tensor_proto(tag: str, tensor: Any) -> Any:
    """A tensor as it is.

    Raises ValueError for 2 GiB or more, and for an element type that messages do not know.
    """
    if tensor.numel() * tensor.element_size() >= MOST:
        raise ValueError("tensor is bigger than protocol buffer's hard limit of 2GB in size")
    known = TENSORS.get(str(tensor.dtype).removeprefix("torch."))
    if known is None:
        raise ValueError(f"{tag} has unsupported tensor dtype {tensor.dtype}")
    dtype, field = known
    values = tensor.flatten().tolist()
    if field == "half_val":
        values = [half_to_int(x) for x in values]
    elif field.endswith("complex_val"):
        values = [part for x in values for part in (x.real, x.imag)]
    return of_tensor(tag, "tensor", dtype, tensor.shape, **{field: values})


def half_to_int(f: float) -> int:
    """The bits of a number as float32, as the integer that a message's `half_val` takes."""
    number: int = struct.unpack("i", struct.pack("f", f))[0]
    return number


def int_to_half(i: int) -> float:
    """The number whose bits these are: `half_to_int` back."""
    number: float = struct.unpack("f", struct.pack("i", i))[0]
    return number


def text(tag: str, text: str) -> Any:
    """A text, which TensorBoard shows as Markdown."""
    return of_tensor(f"{tag}/text_summary", "text", "DT_STRING", [1], TextPluginData(), string_val=[text.encode()])


def audio(tag: str, tensor: Any, sample_rate: int = 44100) -> Any:
    """A sound of one channel, from samples between -1 and 1, as a WAV file of 16 bits."""
    samples = make_np(tensor).squeeze()
    if abs(samples).max() > 1:
        print("warning: audio amplitude out of range, auto clipped.")
        samples = samples.clip(-1, 1)
    if samples.ndim != 1:
        raise AssertionError("input tensor should be 1 dimensional.")
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(sample_rate)
        sound.writeframes((samples * np.iinfo(np.int16).max).astype("<i2").tobytes())
    content = Summary.Audio(
        sample_rate=sample_rate, num_channels=1, length_frames=len(samples), content_type="audio/wav",
        encoded_audio_string=file.getvalue(),
    )  # fmt: skip
    return Summary(value=[Summary.Value(tag=tag, audio=content)])


def custom_scalars(layout: dict[str, dict[str, Any]]) -> Any:
    """Which scalars are drawn together: {category: {chart: ["Multiline", tags] or ["Margin", three tags]}}."""
    categories = [
        Category(title=category, chart=[_chart(title, kind, tags) for title, (kind, tags) in charts.items()])
        for category, charts in layout.items()
    ]
    content = Layout(category=categories).SerializeToString()
    return of_tensor("custom_scalars__config__", "custom_scalars", "DT_STRING", (), string_val=[content])


def _chart(title: str, kind: str, tags: Any) -> Any:
    """One chart: a line for each tag, or a line with a band between two others."""
    if kind != "Margin":
        return Chart(title=title, multiline=MultilineChartContent(tag=tags))
    if len(tags) != 3:
        raise AssertionError("len(tags) != 3")
    value, lower, upper = tags
    series = MarginChartContent.Series(value=value, lower=lower, upper=upper)
    return Chart(title=title, margin=MarginChartContent(series=[series]))


def mesh(
    tag: str,
    vertices: Any,
    colors: Any,
    faces: Any,
    config_dict: Any,
    display_name: Any = None,
    description: Any = None,
) -> Any:
    """Points in space, or a surface: vertices (B, N, 3), the colours of each, and triangles as numbers of vertices."""
    from tensorboard.plugins.mesh import metadata as meshes
    from tensorboard.plugins.mesh.plugin_data_pb2 import MeshPluginData as Kind

    given = [(vertices, Kind.VERTEX), (faces, Kind.FACE), (colors, Kind.COLOR)]
    given = [(np.asarray(x) if isinstance(x, list | tuple) else make_np(x), kind) for x, kind in given if x is not None]
    components = meshes.get_components_bitmask([kind for _, kind in given])
    config = "{}" if config_dict is None else json.dumps(config_dict, sort_keys=True)
    values = []
    for array, kind in given:
        if array.ndim != 3:
            raise ValueError(f"a mesh needs tensors (batch, number, 3), not one of shape {array.shape}")
        about = meshes.create_summary_metadata(
            tag, display_name, kind, components, array.shape, description, json_config=config
        )
        numbers = TensorProto(dtype="DT_FLOAT", float_val=array.ravel().tolist(), tensor_shape=shape_of(array.shape))
        values.append(Summary.Value(tag=meshes.get_instance_name(tag, kind), tensor=numbers, metadata=about))
    return Summary(value=values)
