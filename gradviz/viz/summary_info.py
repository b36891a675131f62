"""summary as torchinfo calls it: a table of nested layers with sizes, parameters and multiplications."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gradviz.core.device import CPU, as_device

from .model_statistics import ModelStatistics
from .summary_run import clear_cached_forward_pass, layers_of
from .summary_settings import NEED_INPUT, ColumnSettings, Format, Mode, RowSettings, Units, Verbosity

__all__ = [
    "ColumnSettings", "Mode", "ModelStatistics", "RowSettings", "Units", "Verbosity", "clear_cached_forward_pass",
    "summary",
]  # fmt: skip


def summary(
    model: Any,
    input_size: Any = None,
    input_data: Any = None,
    batch_dim: int | None = None,
    cache_forward_pass: bool | None = None,
    col_names: Iterable[str] | None = None,
    col_width: int = 25,
    depth: int = 3,
    device: Any = None,
    dtypes: list[Any] | None = None,
    mode: str | None = None,
    row_settings: Iterable[str] | None = None,
    verbose: int | None = None,
    **kwargs: Any,
) -> ModelStatistics:
    """Runs a model once, without gradients, and tells its layers as torchinfo's summary does.

    Args:
        model: the module; it is left as it was
        input_size: the shape of the input with its batch, or a list of them
        input_data: the input itself instead: a tensor, a list of arguments or a dict of them
        batch_dim: where the batch lies; input_size then leaves it out, and one item is run
        cache_forward_pass: keep the run of a model of this class for the next call
        col_names: of kernel_size, input_size, output_size, num_params, params_percent, mult_adds, trainable
        col_width: the width of a column
        depth: how deep nested layers are shown
        device: where to run
        dtypes: of the inputs made from input_size; float32
        mode: "eval" or "train"
        row_settings: of depth, var_names, ascii_only, hide_recursive_layers
        verbose: 0 prints nothing, 1 the table, 2 also each parameter; by default 0 where the result is shown anyway
        kwargs: further arguments of the model
    """
    given = input_data is not None or input_size is not None
    standard = (ColumnSettings.OUTPUT_SIZE, ColumnSettings.NUM_PARAMS) if given else (ColumnSettings.NUM_PARAMS,)
    columns = standard if col_names is None else tuple(ColumnSettings(name) for name in col_names)
    rows = {RowSettings.DEPTH} if row_settings is None else {RowSettings(name) for name in row_settings}
    if verbose is None:
        verbose = 0 if getattr(sys, "ps1", None) else 1
    _check(input_data, input_size, columns, col_width, verbose)
    place = _device(model, input_data, device)
    inputs, told = _inputs(input_data, input_size, batch_dim, place, dtypes)
    how = Mode.EVAL if mode is None else Mode(mode)
    layers = layers_of(model, inputs, batch_dim, bool(cache_forward_pass), device, how, _moved(kwargs, place))
    made = ModelStatistics(layers, told, _bytes(inputs), Format(depth, verbose, columns, col_width, frozenset(rows)))
    if verbose > Verbosity.QUIET:
        print(made)
    return made


def _check(data: Any, size: Any, columns: tuple[ColumnSettings, ...], width: int, verbose: int) -> None:
    if width <= 0:
        raise ValueError(f"Column width must be greater than 0: col_width={width}")
    if verbose not in (0, 1, 2):
        raise ValueError("Verbose must be either 0 (quiet), 1 (default), or 2 (verbose).")
    if data is not None and size is not None:
        raise RuntimeError("Only one of (input_data, input_size) should be specified.")
    unfilled = set(columns) & set(NEED_INPUT)
    if data is None and size is None and unfilled:
        raise ValueError(f"You must pass input_data or input_size in order to use columns: {unfilled}")


def _device(model: Any, data: Any, device: Any) -> Any:
    """Where inputs are put: where the user says, else with the model's parameters; given data stays where it is."""
    if device is not None:
        return as_device(device)
    first = next(iter(model.parameters()), None)
    return None if data is not None else CPU if first is None else first.device


def _inputs(data: Any, size: Any, batch_dim: int | None, place: Any, dtypes: list[Any] | None) -> tuple[Any, Any]:
    """The arguments for the model, and their sizes."""
    import gradviz as torch

    if data is not None:
        made = _moved(data, place)
        return [made] if hasattr(made, "shape") else made, _mapped(data, lambda x: x.shape)
    if size is None:
        return None, []
    shapes = _shapes(size)
    state = torch.get_rng_state()
    try:
        made = [torch.rand(*shape) for shape in shapes]
    finally:
        torch.set_rng_state(state)
    if batch_dim is not None:
        made = [x.unsqueeze(batch_dim) for x in made]
    kinds = dtypes if dtypes is not None else [torch.float32] * len(made)
    return [x.to(place).to(kind) for x, kind in zip(made, kinds, strict=False)], shapes


def _shapes(size: Any) -> list[Any]:
    """A list of shapes from one or several."""
    if not isinstance(size, (list, tuple)):
        raise TypeError(
            "Input_size is not a recognized type. Please ensure input_size is valid.\n"
            "For multiple inputs to the network, ensure input_size is a list of tuple sizes. If you are having trouble "
            f"here, please submit a GitHub issue. (got {type(size).__name__})"
        )
    if not size or any(n <= 0 for n in _flat(size)):
        raise ValueError("Input_data is invalid, or negative size found in input_data.")
    if isinstance(size[0], int):
        return [tuple(size)]
    return list(size)


def _flat(sizes: Any) -> Iterator[int]:
    for size in sizes:
        yield from _flat(size) if isinstance(size, (list, tuple)) else (size,)


def _mapped(data: Any, change: Any) -> Any:
    """Nested data with every tensor or array changed."""
    if hasattr(data, "shape"):
        return change(data)
    if isinstance(data, Mapping):
        return type(data)({k: _mapped(v, change) for k, v in data.items()})  # type: ignore[call-arg]
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(_mapped(v, change) for v in data))
    if isinstance(data, Iterable) and not isinstance(data, str):
        return type(data)([_mapped(v, change) for v in data])  # type: ignore[call-arg]
    return data


def _moved(data: Any, place: Any) -> Any:
    return data if place is None else _mapped(data, lambda x: x.to(place) if hasattr(x, "device") else x)


def _bytes(data: Any) -> int:
    """The memory of the tensors in nested data."""
    if hasattr(data, "untyped_storage"):
        return int(data.untyped_storage().nbytes())
    if hasattr(data, "nbytes"):
        return int(data.nbytes)
    if isinstance(data, Mapping):
        return sum(_bytes(v) for v in data.values())
    return sum(_bytes(v) for v in data) if isinstance(data, (list, tuple)) else 0
