"""One row of a summary: a layer as it ran, with its sizes, parameters and multiplications."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from gradviz.core.tensor import Tensor
from gradviz.nn.parameter import is_lazy

from .summary_settings import ColumnSettings


class LayerInfo:
    """A layer at one of the places where it ran.

    The numbers of a container include its children's; `leftover_params` are its own.
    """

    def __init__(self, var_name: str, module: Any, depth: int, parent_info: LayerInfo | None = None) -> None:
        self.var_name, self.module, self.depth, self.parent_info = var_name, module, depth, parent_info
        self.layer_id = id(module)
        self.class_name = type(module).__name__
        self.is_leaf_layer = not any(True for _ in module.children())
        self.depth_index: int | None = None
        self.children: list[LayerInfo] = []
        self.executed = self.is_recursive = self.contains_lazy_param = False
        self.input_size: list[Any] = []
        self.output_size: list[Any] = []
        kernel = getattr(module, "kernel_size", None)
        self.kernel_size = list(kernel) if isinstance(kernel, Iterable) else kernel
        self.num_params = self.trainable_params = self.param_bytes = self.output_bytes = self.macs = 0
        self._leftover: dict[bool, int] = {}  # worked out when the rows are complete
        # Parameters by name, for the verbose table.
        self.inner_layers: dict[str, dict[ColumnSettings, str]] = {}

    def __repr__(self) -> str:
        return f"{self.class_name}: {self.depth}"

    def count_params(self) -> None:
        """Counts the parameters, and of those the ones that learn. Of a pruned one only what is left counts."""
        self.num_params = self.trainable_params = self.param_bytes = 0
        self._leftover.clear()
        self.inner_layers = {}
        for name, parameter in self.module.named_parameters():
            if is_lazy(parameter):  # a lazy layer's, without a size until it has run
                self.contains_lazy_param = True
                continue
            count, name = _count(self.module, name, parameter)
            self.num_params += count
            self.param_bytes += parameter.element_size() * count
            self.trainable_params += count if parameter.requires_grad else 0
            if self.parent_info is not None or "." not in name:
                self.inner_layers[name] = {
                    ColumnSettings.KERNEL_SIZE: str(_in_out(name, list(parameter.shape))),
                    ColumnSettings.NUM_PARAMS: f"├─{count:,}",
                }
        for last in list(self.inner_layers.values())[-1:]:
            last[ColumnSettings.NUM_PARAMS] = "└─" + last[ColumnSettings.NUM_PARAMS][2:]

    def count_run(self, inputs: Any, outputs: Any, batch_dim: int | None) -> None:
        """Takes down what went in and out, and counts the multiplications."""
        if self.contains_lazy_param:
            self.count_params()
        self.input_size, _ = sizes(inputs, batch_dim)
        self.output_size, item = sizes(outputs, batch_dim)
        self.output_bytes = item * product(self.output_size)
        self.executed = True
        for name, parameter in self.module.named_parameters():
            count, name = _count(self.module, name, parameter)
            self.macs += count * self._uses(name)

    def _uses(self, name: str) -> int:
        """How many times each number of a parameter is multiplied: for each item, place or step of the output."""
        if name in ("weight", "bias"):
            out = self.output_size
            return product(out[:1] + out[2:]) if "Conv" in self.class_name else product(out[:1])
        return product(self.output_size[:2]) if "weight" in name or "bias" in name else 0

    def leftover_params(self, learning: bool = False) -> int:
        """The number of a container's own parameters, or of those that learn.

        What lies in it, at any depth, is taken off; the deepest first, so that none is worked out twice.
        """
        if learning not in self._leftover:
            total = self.trainable_params if learning else self.num_params
            for child in reversed(self.children):
                if not child.is_recursive:
                    own = child.trainable_params if learning else child.num_params
                    total -= own if child.is_leaf_layer else child.leftover_params(learning)
            self._leftover[learning] = total
        return self._leftover[learning]

    @property
    def trainable(self) -> str:
        """True, False or Partial; -- without parameters."""
        if self.num_params == 0:
            return "--"
        return {0: "False", self.num_params: "True"}.get(self.trainable_params, "Partial")

    def shown_params(self, at_limit: bool) -> int:
        """The parameters told in this row; children's only where their rows are not shown."""
        return self.num_params if at_limit or self.is_leaf_layer else self.leftover_params()

    def cells(self, at_limit: bool, total_params: int) -> dict[ColumnSettings, str]:
        """The row's text by column; `at_limit` if the rows below it are not shown."""
        return {
            ColumnSettings.KERNEL_SIZE: _or_dashes(self.kernel_size),
            ColumnSettings.INPUT_SIZE: _or_dashes(self.input_size),
            ColumnSettings.OUTPUT_SIZE: _or_dashes(self.output_size),
            ColumnSettings.NUM_PARAMS: self._params_cell(at_limit),
            ColumnSettings.PARAMS_PERCENT: self._percent_cell(at_limit, total_params),
            ColumnSettings.MULT_ADDS: self._macs_cell(at_limit),
            ColumnSettings.TRAINABLE: self.trainable,
        }

    def _params_cell(self, at_limit: bool) -> str:
        if self.num_params and self.is_recursive:
            return "(recursive)"
        count = self.shown_params(at_limit) if self.num_params else 0
        frozen = (at_limit or self.is_leaf_layer) and not self.trainable_params
        return "--" if count <= 0 else f"({count:,})" if frozen else f"{count:,}"

    def _percent_cell(self, at_limit: bool, total: int) -> str:
        if total and self.is_recursive:
            return "(recursive)"
        count = self.shown_params(at_limit) if total else 0
        return f"{count / total:>7.2%}" if count else "     --"

    def _macs_cell(self, at_limit: bool) -> str:
        if self.macs > 0 and self.is_leaf_layer:
            return f"{self.macs:,}"
        if self.macs > 0 and at_limit:
            return f"{sum(child.macs for child in self.children if child.is_leaf_layer):,}"
        return "--"


def _or_dashes(value: Any) -> str:
    return str(value) if value else "--"


def _count(module: Any, name: str, parameter: Any) -> tuple[int, str]:
    """The size of a parameter and its name; of a pruned one (`weight_orig`, with `weight_mask`) what is left."""
    if name.endswith("_orig"):
        plain = name.removesuffix("_orig")
        mask = dict(module.named_buffers()).get(f"{plain}_mask")
        if mask is not None:
            return int(mask.sum()), plain
    return parameter.numel(), name


def _in_out(name: str, shape: list[int]) -> list[int]:
    """A weight's shape told as inputs, outputs, kernel."""
    return [shape[1], shape[0], *shape[2:]] if name == "weight" and len(shape) > 1 else shape


def product(numbers: Iterable[Any]) -> int:
    """The product of numbers, and of lists of them."""
    return math.prod(product(n) if isinstance(n, Iterable) else n for n in numbers)


def sizes(value: Any, batch_dim: int | None) -> tuple[list[Any], int]:
    """The sizes of a layer's inputs or outputs (of several the first; of a dict the last), and the bytes of an element.

    `batch_dim` is told as 1, since that is how often it was run.
    """
    if value is None:
        return [], 0
    if isinstance(value, Tensor):
        return list(value.shape), value.element_size()
    if isinstance(value, dict):
        size, item = _first(list(value.values())[-1])
        return (size, item) if batch_dim is None else ([_with_one(size, batch_dim)], item)
    if isinstance(value, (list, tuple)):
        packed = value[0].data if value and isinstance(getattr(value[0], "data", None), Tensor) else None
        size, item = _first(value if packed is None else packed)
        if batch_dim is not None and (packed is not None or batch_dim < len(size)):
            size = _with_one(size, batch_dim)
        return size, item
    if hasattr(value, "shape") and hasattr(value, "itemsize"):
        return list(value.shape), value.itemsize
    raise TypeError(
        f"Model contains a layer with an unsupported input or output type: {value!r:.200}, type: {type(value)}"
    )


def _with_one(size: list[Any], at: int) -> list[Any]:
    return [*size[:at], 1, *size[at + 1 :]]


def _first(value: Any) -> tuple[list[Any], int]:
    """The sizes of the first tensor in nested lists, and the bytes of one of its elements."""
    while True:
        if hasattr(value, "tensors"):
            value = value.tensors
        elif isinstance(value, Tensor):
            return list(value.shape), value.element_size()
        elif isinstance(value, dict) and value:
            value = list(value.values())
        elif isinstance(value, (list, tuple)) and value:
            value = value[0]
        elif hasattr(value, "shape") and hasattr(value, "itemsize"):
            return list(value.shape), value.itemsize
        else:
            return [], 0
