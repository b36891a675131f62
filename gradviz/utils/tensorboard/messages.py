"""The parts that the messages of different plug-ins share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto


def shape_of(sizes: Iterable[int]) -> Any:
    """A shape as a message."""
    return TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in sizes])


def metadata(plugin: str, content: Any = None) -> Any:
    """What says which plug-in of TensorBoard shows a value, with that plug-in's own message."""
    encoded = b"" if content is None else content.SerializeToString()
    return SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin, content=encoded))


def of_tensor(
    tag: str, plugin: str, dtype: str, shape: Iterable[int] | None, content: Any = None, **values: Any
) -> Any:
    """A tensor for a plug-in; the values under the field's name, such as `float_val`."""
    tensor = TensorProto(dtype=dtype, tensor_shape=None if shape is None else shape_of(shape), **values)
    return Summary(value=[Summary.Value(tag=tag, tensor=tensor, metadata=metadata(plugin, content))])
