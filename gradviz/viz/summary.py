"""summary: a model's layers, output shapes and parameter counts as a text table, like torchsummary's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

RULE = "-" * 64
DOUBLE = "=" * 64
BYTES = 4  # per number: sizes are told for float32, as torchsummary does


class Row(NamedTuple):
    """One layer of the table, in the order layers ran."""

    name: str
    shape: list[Any]
    params: int
    trainable: int


def _shape(output: Any, batch: int) -> list[Any]:
    """`[-1, 8, 26, 26]`, or a list of those for several outputs."""
    if isinstance(output, list | tuple):
        return [_shape(one, batch) for one in output]
    if isinstance(output, dict):
        return [_shape(one, batch) for one in output.values()]
    return [batch, *list(output.shape)[1:]] if hasattr(output, "shape") else []


def _elements(shape: Sequence[Any]) -> int:
    """How many numbers a shape, or a list of shapes, holds; an open batch counts as one."""
    if shape and isinstance(shape[0], list):
        return sum(_elements(one) for one in shape)
    return abs(math.prod(shape)) if shape else 0


def _own(module: Any) -> tuple[int, int]:
    """The number of a module's own parameters, and of those that learn."""
    own = [p for p in module._parameters.values() if p is not None]
    return sum(p.numel() for p in own), sum(p.numel() for p in own if p.requires_grad)


def _counted(model: Any) -> Iterator[Any]:
    """The modules that get a row: all but bare containers, and the model itself only if it is a single layer."""
    containers = {"Sequential", "ModuleList"}
    single = not any(True for _ in model.children())
    for module in model.modules():
        if type(module).__name__ not in containers and (module is not model or single):
            yield module


def _run(model: Any, inputs: Sequence[Any], batch: int) -> list[Row]:
    """One forward pass in evaluation mode without gradients; the model is left as it was."""
    import gradviz as torch

    rows: list[Row] = []
    hooks: list[Any] = []

    def hook(module: Any, _inputs: Any, output: Any) -> None:
        name = f"{type(module).__name__}-{len(rows) + 1}"
        rows.append(Row(name, _shape(output, batch), *_own(module)))

    training = [(m, m.training) for m in model.modules()]
    try:
        hooks.extend(module.register_forward_hook(hook) for module in _counted(model))
        model.eval()
        with torch.no_grad():
            model(*inputs)
    finally:
        for handle in hooks:
            handle.remove()
        for module, was in training:
            module.training = was
    return rows


def _table(rows: Sequence[Row], total: int, learning: int, inputs: int) -> str:
    """The table and the totals below it."""
    mega = BYTES / 1024**2
    passes = 2 * sum(_elements(row.shape) for row in rows) * mega  # forward values and their gradients
    out = [RULE, f"{'Layer (type)':>20}  {'Output Shape':>25} {'Param #':>15}", DOUBLE]
    out += [f"{row.name:>20}  {row.shape!s:>25} {row.params:>15,}" for row in rows]
    out += [
        DOUBLE,
        f"Total params: {total:,}",
        f"Trainable params: {learning:,}",
        f"Non-trainable params: {total - learning:,}",
        RULE,
        f"Input size (MB): {inputs * mega:0.2f}",
        f"Forward/backward pass size (MB): {passes:0.2f}",
        f"Params size (MB): {total * mega:0.2f}",
        f"Estimated Total Size (MB): {inputs * mega + passes + total * mega:0.2f}",
        RULE,
    ]
    return "\n".join(out)


def summary(model: Any, input_size: Any, batch_size: int = -1, device: Any = None) -> None:
    """Print a table of the layers a model runs, like torchsummary's summary.

    `input_size` is one input's shape without the batch, or a list of such; `device` is where the inputs are made (the
    model's own by default). A parameter used by several layers is listed with each and counted once in the totals.
    """
    import gradviz as torch

    sizes = [input_size] if not input_size or isinstance(input_size[0], int) else list(input_size)
    parameters = list(model.parameters())
    place = device if device is not None else (parameters[0].device if parameters else "cpu")
    inputs = [torch.zeros(2, *size, device=place) for size in sizes]
    rows = _run(model, inputs, batch_size)
    total = sum(p.numel() for p in parameters)
    learning = sum(p.numel() for p in parameters if p.requires_grad)
    count = sum(math.prod(size) for size in sizes) * abs(batch_size)
    print(_table(rows, total, learning, count))
