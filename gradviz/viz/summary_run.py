"""Running a model once to see its layers: a row for each, in the order they ran, with the containers they lie in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .summary_layers import LayerInfo
from .summary_settings import Mode

_cached: dict[str, list[LayerInfo]] = {}


def clear_cached_forward_pass() -> None:
    """Forgets the runs kept by `cache_forward_pass`."""
    _cached.clear()


def layers_of(
    model: Any, inputs: Any, batch_dim: int | None, cache: bool, device: Any, mode: Mode, options: dict[str, Any]
) -> list[LayerInfo]:
    """The rows of a model. Without inputs (None) it is not run: the rows are its modules in order of definition."""
    name = type(model).__name__
    if cache and name in _cached:
        return _cached[name]
    if inputs is None:
        rows: list[LayerInfo] = []
        known: set[int] = set()
        for info in _places(model):
            _begin(info, rows, known)
        _number(rows)
        return rows
    rows = _with_containers(_run(model, inputs, batch_dim, device, mode, options))
    _number(rows)
    if cache:
        _cached[name] = rows
    return rows


def _places(model: Any) -> Iterator[LayerInfo]:
    """Every place of every module, parents first; a module used in two places comes twice."""
    waiting = [LayerInfo(type(model).__name__, model, 0)]
    while waiting:
        info = waiting.pop()
        yield info
        children = [(name, child) for name, child in info.module._modules.items() if child is not None]
        waiting += [LayerInfo(name, child, info.depth + 1, info) for name, child in reversed(children)]


def _begin(info: LayerInfo, rows: list[LayerInfo], known: set[int]) -> None:
    """Adds a row; a layer that has one already is recursive."""
    info.count_params()
    info.is_recursive = info.layer_id in known
    known.add(info.layer_id)
    rows.append(info)


def _run(
    model: Any, inputs: Any, batch_dim: int | None, device: Any, mode: Mode, options: dict[str, Any]
) -> list[LayerInfo]:
    import gradviz as torch

    rows: list[LayerInfo] = []
    known: set[int] = set()
    running: dict[int, LayerInfo] = {}
    # A module used in two places is told under the last.
    places = {info.layer_id: info for info in _places(model)}

    def before(module: Any, _: Any) -> None:
        place = places[id(module)]
        running[id(module)] = LayerInfo(place.var_name, module, place.depth, place.parent_info)
        _begin(running[id(module)], rows, known)

    def after(module: Any, given: Any, output: Any) -> None:
        running[id(module)].count_run(given, output, batch_dim)

    hooks = []
    training = [(module, module.training) for module in model.modules()]
    try:
        for info in places.values():
            hooks += [info.module.register_forward_pre_hook(before), info.module.register_forward_hook(after)]
        model.train(mode is Mode.TRAIN)
        with torch.no_grad():
            model = model if device is None else model.to(device)
            positional = () if isinstance(inputs, dict) else inputs
            model(*positional, **(inputs if isinstance(inputs, dict) else {}), **options)
    except Exception as error:
        raise RuntimeError(
            "Failed to run torchinfo. See above stack traces for more details. Executed layers up to: "
            f"{[row for row in rows if row.executed]}"
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
        for module, was in training:
            module.training = was
    return rows


def _with_containers(rows: list[LayerInfo]) -> list[LayerInfo]:
    """The rows with one for each container that layers lie in but that was not called itself, as ModuleList."""
    known = {row.layer_id for row in rows}
    open_at: dict[int, LayerInfo] = {}
    out: list[LayerInfo] = []
    for row in rows:
        parents = []
        parent = row.parent_info
        while parent is not None and parent.depth > 0:
            parents.append(parent)
            parent = parent.parent_info
        for parent in reversed(parents):
            held = open_at.get(parent.depth)
            if held is None or held.module is not parent.module:
                _begin(parent, out, known)
                open_at[parent.depth] = parent
        out.append(row)
        open_at = {depth: held for depth, held in open_at.items() if depth < row.depth}
        open_at[row.depth] = row
    return out


def _number(rows: list[LayerInfo]) -> None:
    """Counts the rows of each depth, and gives each row those that lie in it."""
    counts: dict[int, int] = {}
    within: list[tuple[int, LayerInfo]] = []  # the rows that lie in no finished one, and where they are
    for at, row in enumerate([*rows, None]):
        while within and (row is None or within[-1][1].depth >= row.depth):
            start, held = within.pop()
            held.children = rows[start + 1 : at]
        if row is not None:
            counts[row.depth] = row.depth_index = counts.get(row.depth, 0) + 1
            within.append((at, row))
