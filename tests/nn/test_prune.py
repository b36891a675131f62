"""Pruning against PyTorch's: masks and their hooks, several methods after one another, errors."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest

import gradviz

from .both import both

torch = pytest.importorskip("torch")


def P(t: Any) -> Any:
    return importlib.import_module(t.__name__ + ".nn.utils.prune")


def layer(t: Any) -> Any:
    t.manual_seed(2)
    return t.nn.Linear(4, 6)


def conv(t: Any) -> Any:
    t.manual_seed(2)
    return t.nn.Conv2d(4, 6, 3)


def shown(t: Any, module: Any) -> list[Any]:
    """State, names, the computed parameter, gradients through it."""
    seen = [module.state_dict(), [n for n, _ in module.named_parameters()], module.weight, P(t).is_pruned(module)]
    out = module(t.ones(2, *module.weight.shape[1:]))
    out.sum().backward()
    kinds = [[type(h).__name__, getattr(h, "_tensor_name", "")] for h in module._forward_pre_hooks.values()]
    return [*seen, out, [p.grad for p in module.parameters()], kinds]


def then(t: Any, module: Any, *calls: tuple[str, tuple[Any, ...]]) -> list[Any]:
    for name, args in calls:
        getattr(P(t), name)(module, "weight", *args)
    return shown(t, module)


def with_mask(t: Any) -> list[Any]:
    mask = t.ones(6, 4)
    mask[:, ::2] = 0
    return [*then(t, layer(t), ("custom_from_mask", (mask,))), *then(t, layer(t), ("custom_from_mask", (mask.bool(),)))]


def net(t: Any) -> Any:
    t.manual_seed(0)
    return t.nn.Sequential(t.nn.Linear(4, 5), t.nn.ReLU(), t.nn.Linear(5, 3))


def everywhere(t: Any, method: str = "L1Unstructured", again: bool = False, **kwargs: Any) -> list[Any]:
    model = net(t)
    pairs = [(model[0], "weight"), (model[2], "weight"), (model[2], "bias")]
    scores = {(model[0], "weight"): t.arange(20.0).view(5, 4)} if kwargs.pop("scores", False) else None
    for _ in range(1 + again):
        P(t).global_unstructured(pairs, getattr(P(t), method), importance_scores=scores, **kwargs)
    return [model.state_dict(), model(t.ones(2, 4)), P(t).is_pruned(model), P(t).is_pruned(model[1])]


def removed(t: Any) -> list[Any]:
    module = layer(t)
    P(t).l1_unstructured(module, "weight", 0.5)
    before = module.weight_orig
    P(t).remove(module, "weight")
    return [shown(t, module), module.weight is before]


def apart(t: Any) -> list[Any]:
    method = P(t).L1Unstructured(amount=3)
    x = t.arange(8.0).view(2, 4) - 3.4
    mask = t.ones(2, 4)
    mask[0] = 0
    return [method.prune(x), method.prune(x, default_mask=mask), method.prune(x, importance_scores=x.exp())]


def half_done(t: Any) -> list[Any]:
    """A method that fails leaves the module as it was."""
    module = layer(t)
    try:
        P(t).l1_unstructured(module, "weight", 100)
    except ValueError as error:
        return [str(error), *shown(t, module)]
    return []


def own(t: Any, kind: str = "unstructured", **attributes: Any) -> Any:
    def compute_mask(self: Any, t: Any, default_mask: Any) -> Any:
        mask = default_mask.clone()
        mask.view(-1)[::2] = 0
        return mask

    body = {"PRUNING_TYPE": kind, "compute_mask": compute_mask, **attributes}
    return type("Own", (P(t).BasePruningMethod,), body)


def own_after(t: Any, kind: str, **attributes: Any) -> list[Any]:
    module = layer(t)
    P(t).ln_structured(module, "weight", 1, 2, 0)
    own(t, kind, **attributes).apply(module, "weight")
    return shown(t, module)


def container(t: Any) -> list[Any]:
    first, second = P(t).L1Unstructured(2), P(t).RandomUnstructured(2)
    first._tensor_name = second._tensor_name = "weight"
    made = P(t).PruningContainer(first)
    made.add_pruning_method(second)
    return [
        len(made),
        made[1] is second,
        [m is n for m, n in zip(made, (first, second), strict=True)],
        made._tensor_name,
    ]


CASES: dict[str, Callable[[Any], Any]] = {
    "identity": lambda t: then(t, layer(t), ("identity", ())),
    "random": lambda t: then(t, layer(t), ("random_unstructured", (0.3,))),
    "random none": lambda t: then(t, layer(t), ("random_unstructured", (0,))),
    "l1": lambda t: then(t, layer(t), ("l1_unstructured", (5,))),
    "l1 all": lambda t: then(t, layer(t), ("l1_unstructured", (1.0,))),
    "l1 scores": lambda t: then(t, layer(t), ("l1_unstructured", (5, t.arange(24.0).view(6, 4)))),
    "random rows": lambda t: then(t, layer(t), ("random_structured", (2, 0))),
    "random channels": lambda t: then(t, conv(t), ("random_structured", (0.5, 1))),
    "no rows": lambda t: then(t, layer(t), ("random_structured", (0, 0))),
    "ln": lambda t: then(t, layer(t), ("ln_structured", (2, 2, 0))),
    "ln last": lambda t: then(t, conv(t), ("ln_structured", (1, 1, -1))),
    "ln inf": lambda t: then(t, conv(t), ("ln_structured", (0.5, float("inf"), 0))),
    "ln scores": lambda t: then(t, layer(t), ("ln_structured", (2, 2, 0, t.arange(24.0).view(6, 4)))),
    "no ln": lambda t: then(t, layer(t), ("ln_structured", (0, 2, 0))),
    "custom": with_mask,
    "twice": lambda t: then(t, layer(t), ("l1_unstructured", (5,)), ("l1_unstructured", (0.5,))),
    "rows, then elements": lambda t: then(t, layer(t), ("ln_structured", (2, 2, 0)), ("random_unstructured", (0.5,))),
    "elements, then rows": lambda t: then(t, layer(t), ("l1_unstructured", (5,)), ("ln_structured", (2, 1, 0))),
    "three": lambda t: then(
        t, conv(t), ("ln_structured", (2, 2, 0)), ("random_structured", (0.5, -3)), ("l1_unstructured", (0.1,))
    ),
    "everywhere": lambda t: everywhere(t, amount=0.4),
    "everywhere random": lambda t: everywhere(t, "RandomUnstructured", amount=7),
    "everywhere twice": lambda t: everywhere(t, amount=0.3, again=True),
    "everywhere scores": lambda t: everywhere(t, amount=0.3, scores=True),
    "everywhere, no pairs": lambda t: P(t).global_unstructured(3, P(t).L1Unstructured, amount=1),
    "everywhere, wrong scores": lambda t: P(t).global_unstructured([], P(t).L1Unstructured, [1], amount=1),
    "remove": removed,
    "remove nothing": lambda t: P(t).remove(layer(t), "weight"),
    "apart": apart,
    "apart, wrong scores": lambda t: P(t).L1Unstructured(1).prune(t.ones(2), importance_scores=t.ones(3)),
    "wrong scores": lambda t: P(t).l1_unstructured(layer(t), "weight", 1, t.ones(3)),
    "half done": half_done,
    "wrong type": lambda t: P(t).L1Unstructured("all"),
    "wrong part": lambda t: P(t).L1Unstructured(1.5),
    "wrong number": lambda t: P(t).L1Unstructured(-1),
    "wrong dim": lambda t: P(t).ln_structured(layer(t), "weight", 1, 2, 2),
    "vector": lambda t: P(t).ln_structured(layer(t), "bias", 1, 2, 0),
    "wrong mask": lambda t: P(t).custom_from_mask(layer(t), "weight", t.ones(2, 2)),
    "own": lambda t: own_after(t, "unstructured"),
    "own global": lambda t: own_after(t, "global"),
    "own rows": lambda t: own_after(t, "structured", dim=0),
    "own rows from the end": lambda t: own_after(t, "structured", dim=-1),
    "own without dim": lambda t: own_after(t, "structured"),
    "own wrong dim": lambda t: own_after(t, "structured", dim=-3),
    "own of no kind": lambda t: own_after(t, "strange"),
    "container": container,
    "container of things": lambda t: P(t).PruningContainer().add_pruning_method(3),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_same(name: str) -> None:
    both(CASES[name])


def test_only_unstructured_methods_prune_everywhere() -> None:
    with pytest.raises(TypeError, match='Only "unstructured" PRUNING_TYPE supported'):
        everywhere(gradviz, "LnStructured", amount=0.3, n=2)
