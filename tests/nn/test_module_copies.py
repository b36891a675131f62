"""Copies of modules, shared parameters, buffers and what subclasses override, against PyTorch."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from .both import both

PROGRAMS: dict[str, Callable[[Any], Any]] = {}


def program(run: Callable[[Any], Any]) -> Callable[[Any], Any]:
    PROGRAMS[run.__name__] = run
    return run


def tied(t: Any) -> Any:
    """Two layers with one weight."""
    a, b = t.nn.Linear(2, 2), t.nn.Linear(2, 2)
    b.weight = a.weight
    return t.nn.Sequential(a, b)


def names(pairs: Any) -> list[str]:
    return [name for name, _ in pairs]


# -- copies --------------------------------------------------------------------------------------------------------
@program
def tied_weights(t: Any) -> Any:
    net = tied(t)
    return list(net.state_dict()), names(net.named_parameters()), names(net.named_parameters(remove_duplicate=False))


@program
def copies_of_tied_weights(t: Any) -> Any:
    return [n[0].weight is n[1].weight for n in (copy.deepcopy(tied(t)), pickle.loads(pickle.dumps(tied(t))))]


@program
def gradients_in_copies(t: Any) -> Any:
    layer = t.nn.Linear(2, 2)
    layer(t.ones(1, 2)).sum().backward()
    return [c.weight.grad for c in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), copy.copy(layer))]


@program
def shallow_copy(t: Any) -> Any:
    layer = t.nn.Linear(2, 2)
    other = copy.copy(layer)
    return other.weight is layer.weight, other._parameters is layer._parameters


@program
def copy_of_a_buffer(t: Any) -> Any:
    module = t.nn.Module()
    module.b = t.nn.Buffer(t.ones(2), persistent=False)
    other = copy.deepcopy(module)
    return (
        list(other.state_dict()),
        isinstance(other.b, t.nn.Buffer),
        other.b,
        sorted(other._non_persistent_buffers_set),
    )


@program
def own_setstate(t: Any) -> Any:
    module = t.nn.Linear(1, 1)
    state = module.__dict__.copy()
    del state["_forward_pre_hooks"]
    other = t.nn.Linear.__new__(t.nn.Linear)
    other.__setstate__(state)
    return other.weight is module.weight, len(other._forward_pre_hooks), other(t.ones(1, 1)).shape


# -- buffers and parameters ----------------------------------------------------------------------------------------
@program
def a_buffer_stays_unsaved(t: Any) -> Any:
    module = t.nn.Module()
    module.register_buffer("b", t.ones(2), persistent=False)
    module.b = t.zeros(3)
    return list(module.state_dict()), module.b


@program
def a_buffer_becomes_saved(t: Any) -> Any:
    module = t.nn.Module()
    module.register_buffer("b", t.ones(2), persistent=False)
    module.b = t.nn.Buffer(t.zeros(3))
    return list(module.state_dict()), module.b


@program
def a_parameter_as_a_buffer(t: Any) -> Any:
    module = t.nn.Module()
    module.register_buffer("b", t.nn.Parameter(t.ones(1)))
    return names(module.named_parameters()), names(module.named_buffers())


@program
def a_new_weight(t: Any) -> Any:
    layer = t.nn.Linear(2, 2)
    with t.no_grad():
        layer.weight = t.nn.Parameter(t.ones(2, 2))
        layer.bias.zero_()
    return layer(t.ones(1, 2))


@program
def a_deleted_weight(t: Any) -> Any:
    layer = t.nn.Linear(2, 2)
    del layer.weight
    return layer(t.ones(1, 2))


@program
def parameters_keep_their_identity(t: Any) -> Any:
    layer = t.nn.Linear(2, 2)
    weight = layer.weight
    return layer.double() is layer, layer.weight is weight, str(weight.dtype), layer.to("cpu") is layer


@program
def positional_state_dict(t: Any) -> Any:
    return list(t.nn.Linear(1, 1).state_dict({}, "p.")), list(t.nn.Linear(1, 1).state_dict(None, "q.", True))


# -- moving --------------------------------------------------------------------------------------------------------
@program
def channels_last(t: Any) -> Any:
    net = t.nn.Sequential(t.nn.Conv2d(2, 3, 3), t.nn.Linear(2, 2)).to(memory_format=t.channels_last)
    return [p.stride() for p in net.parameters()]


@program
def complex_modules(t: Any) -> Any:
    with pytest.warns(UserWarning, match="Complex modules are a new feature under active development"):
        layer = t.nn.Linear(2, 2).to(t.complex64)
    return layer(t.ones(1, 2, dtype=t.complex64))


# -- what subclasses override ----------------------------------------------------------------------------------------
@program
def own_train(t: Any) -> Any:
    class Noted(t.nn.Module):
        def train(self, mode: bool = True) -> Any:
            self.seen = mode
            return super().train(mode)

    return t.nn.Sequential(Noted()).eval()[0].seen


@program
def own_apply(t: Any) -> Any:
    class Held(t.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.x = t.ones(2)

        def _apply(self, fn: Any, recurse: bool = True) -> Any:
            super()._apply(fn, recurse)
            self.x = fn(self.x)
            return self

    return t.nn.Sequential(Held()).double()[0].x


@program
def own_version(t: Any) -> Any:
    class Old(t.nn.Module):
        _version = 3

        def _load_from_state_dict(self, state: Any, prefix: str, meta: Any, *rest: Any) -> None:
            rest[-1].append(f"version {meta.get('version')}, prefix {prefix}")
            super()._load_from_state_dict(state, prefix, meta, *rest)

    net = t.nn.Sequential(Old())
    net.load_state_dict(net.state_dict())


@program
def own_forward(t: Any) -> Any:
    module = t.nn.Module()
    module.forward = lambda x: x + 1
    return module(t.ones(2))


@program
def own_property(t: Any) -> Any:
    class Broken(t.nn.Module):
        @property
        def x(self) -> Any:
            return self.missing

    return Broken().x


@program
def own_repr(t: Any) -> Any:
    class Long(t.nn.Module):
        def extra_repr(self) -> str:
            return "one\ntwo"

    return repr(Long()), repr(t.nn.Sequential(Long()))


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_as_torch(name: str) -> None:
    both(PROGRAMS[name])
