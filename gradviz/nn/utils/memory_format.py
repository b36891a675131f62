"""Weights of convolutions in another order of memory (torch.nn.utils.memory_format)."""

from __future__ import annotations

from typing import Any

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]


def _convert(module: Any, memory_format: Any, dims: int) -> Any:
    kinds = (f"Conv{dims}d", f"ConvTranspose{dims}d")
    for layer in module.modules():
        if any(kind.__name__ in kinds for kind in type(layer).__mro__):
            layer.weight.data = layer.weight.detach().clone(memory_format=memory_format)
    return module


def convert_conv2d_weight_memory_format(module: Any, memory_format: Any) -> Any:
    """The weights of all 2-d convolutions of a module in a memory format, say channels_last; returns the module.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.convert_conv2d_weight_memory_format.html
    """
    return _convert(module, memory_format, 2)


def convert_conv3d_weight_memory_format(module: Any, memory_format: Any) -> Any:
    """The weights of all 3-d convolutions of a module in a memory format, say channels_last_3d; returns the module.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.convert_conv3d_weight_memory_format.html
    """
    return _convert(module, memory_format, 3)
