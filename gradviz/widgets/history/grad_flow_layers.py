"""From the parameters and activations of a history to the layers that `GradFlow` shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gradviz.viz.measure import clean
from gradviz.viz.numbers import shape_text
from gradviz.widgets.history.history_data import History

NAME = 80  # characters of a name
LAYERS = 400


def layers_of(history: History, by: str) -> tuple[list[dict[str, Any]], int]:
    """The layers in the order in which they ran: name, its parameters, how many numbers, the activations after it."""
    groups: dict[str, list[str]] = {}
    for name in history.parameters:
        module = name.rpartition(".")[0]
        groups.setdefault(module if by == "layer" and module else name, []).append(name)
    after = _activations(history, groups, by)
    facts = []
    for name, params in groups.items():
        count = sum(math.prod(history.shapes[p]) for p in params)
        label = _named(name, groups, history.kinds)
        facts.append({"name": label, "of": name, "params": params, "count": count, "acts": after.get(name, [])})
    return facts[:LAYERS], max(0, len(facts) - LAYERS)


def _named(name: str, groups: Mapping[str, Any], kinds: Mapping[str, str]) -> str:
    """A name as one short line; of two that look alike then, each with its place."""
    short = label(name, kinds)
    alike = [other for other in groups if line(other) == line(name)]
    return short if len(alike) == 1 else f"{short[: NAME - 8]} ({alike.index(name) + 1})"


def label(name: str, kinds: Mapping[str, str]) -> str:
    """`fc1`, but `0 Linear`: a number says nothing by itself."""
    return line(f"{name} {kinds[name]}" if name.rpartition(".")[2].isdigit() and name in kinds else name)


def line(name: str) -> str:
    text = clean(name[: NAME + 1])
    return text if len(text) <= NAME else text[: NAME - 1] + "…"


def _activations(history: History, groups: Mapping[str, list[str]], by: str) -> dict[str, list[str]]:
    """{layer: the activations that ran after it and before the next one}; of parameters, after a layer's first."""
    known, after, layer = set(history.activations), dict[str, list[str]](), None
    owner = {(p.rpartition(".")[0] or p): p for params in groups.values() for p in reversed(params)}
    if by == "parameter":
        for name in reversed(list(groups)):
            owner[name.rpartition(".")[0] or name] = name
    for name in history.order:
        if name in known:
            if layer is not None:
                after.setdefault(layer, []).append(name)
        elif by == "layer" and name in groups:
            layer = name
        elif by == "parameter" and name in owner:
            layer = owner[name]
    return after


def of_layer(row: Any, layer: Mapping[str, Any], measure: str) -> float | None:
    """A number of a layer: norms of its parameters as one vector, shares of the activation after it."""
    if measure in ("dead", "zero", "saturated", "mean", "std"):
        found = [row.activations[name][measure] for name in layer["acts"] if name in row.activations]
        shares = [float(value) for value in found if value is not None]
        if measure in ("mean", "std"):  # those of the first
            return shares[0] if shares else None
        return max(shares) if shares else None
    if measure == "ratio":
        update, weight = (of_layer(row, layer, name) for name in ("update", "weight"))
        return None if update is None or not weight else update / weight
    key = {"grad": "grad_norm", "weight": "weight_norm", "update": "update_norm"}[measure]
    sizes = [row.parameters.get(name, {}).get(key) for name in layer["params"]]
    known = [float(size) for size in sizes if size is not None]
    return (known[0] if len(known) == 1 else math.sqrt(sum(size * size for size in known))) if known else None


def listed(layer: Mapping[str, Any], history: History) -> str:
    """`weight 128×64, bias 128`."""
    parts = [f"{line(p).rpartition('.')[2]} {shape_text(history.shapes[p])}".strip() for p in layer["params"]]
    return ", ".join(parts[:6]) + (f" and {len(parts) - 6} more" if len(parts) > 6 else "")
