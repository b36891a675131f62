"""Lazy layers against PyTorch's: before, at and after the first call."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import gradviz

from .both import both


def called(module: Any, *args: Any) -> Any:
    module(*args)
    return module


def mixed(lib: Any, **members: Any) -> Any:
    """A lazy module of one's own."""
    kinds = (lib.nn.modules.lazy.LazyModuleMixin, lib.nn.Module)
    made = type("Own", kinds, members)()
    made.p = lib.nn.UninitializedParameter()
    return made


PROGRAMS = {
    "keys": lambda t: list(t.nn.LazyBatchNorm1d().state_dict()),
    "shown": lambda t: repr(t.nn.LazyLinear(3).state_dict()),
    "becomes": lambda t: (repr(called(t.nn.LazyLinear(3), t.ones(2, 4))), t.nn.LazyLinear.cls_to_become.__name__),
    "wants gradients": lambda t: [p.requires_grad for p in called(t.nn.LazyLinear(3), t.ones(2, 4)).parameters()],
    "no shape": lambda t: t.nn.LazyLinear(3).weight.shape,
    "no memory to share": lambda t: t.nn.UninitializedParameter().share_memory_(),
    "double": lambda t: called(t.nn.LazyLinear(3).double(), t.ones(2, 4).double()).weight,
    "batch norm in double": lambda t: called(t.nn.LazyBatchNorm1d().double(), t.rand(4, 3).double()).state_dict(),
    "unbatched": lambda t: called(t.nn.LazyConv1d(4, 2), t.ones(3, 5)).weight,
    "rank": lambda t: t.nn.LazyConv2d(4, 3)(t.ones(3, 3)),
    "groups": lambda t: t.nn.LazyConv2d(4, 3, groups=2)(t.ones(2, 3, 8, 8)),
    "rank of a norm": lambda t: t.nn.LazyBatchNorm2d()(t.ones(2, 3)),
    "loaded": lambda t: _loaded(t, t.ones(1, 4)),
    "loaded, other features": lambda t: _loaded(t, t.ones(1, 5)),
    "lazy into lazy": lambda t: repr(t.nn.LazyLinear(3).load_state_dict(t.nn.LazyLinear(3).state_dict())),
    "lazy into ready": lambda t: t.nn.Linear(4, 3).load_state_dict(t.nn.LazyLinear(3).state_dict()),
    "copied": lambda t: copy.deepcopy(t.nn.LazyLinear(3))(t.ones(2, 4)),
    "pickled": lambda t: pickle.loads(pickle.dumps(t.nn.LazyLinear(3)))(t.ones(2, 4)),
    "no parameters yet": lambda t: t.nn.LazyLinear(3).has_uninitialized_params(),
    "optimiser": lambda t: t.optim.SGD(t.nn.LazyLinear(3).parameters(), lr=0.1).defaults["lr"],
    "not written": lambda t: mixed(t)(t.ones(1)),
    "not complete": lambda t: mixed(t, initialize_parameters=lambda self, x: None)(t.ones(1)),
    "materialised": lambda t: _materialised(t.nn.UninitializedParameter(False), (2,), dtype=t.float64),
    "materialised buffer": lambda t: _materialised(t.nn.UninitializedBuffer(), (2, 3)),
    "is_lazy": lambda t: (t.nn.parameter.is_lazy(t.nn.UninitializedBuffer()), t.nn.parameter.is_lazy(t.ones(1))),
    "is a buffer": lambda t: isinstance(t.nn.UninitializedBuffer(), t.nn.Buffer),
}


def _loaded(lib: Any, x: Any) -> Any:
    module = lib.nn.LazyLinear(3)
    module.load_state_dict(lib.nn.Linear(4, 3).state_dict())
    before = module.in_features
    return before, module(x), module.in_features, repr(module)


def _materialised(tensor: Any, shape: Any, **options: Any) -> Any:
    tensor.materialize(shape, **options)
    return type(tensor).__name__, str(tensor.dtype), tensor.requires_grad, list(tensor.shape)


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_as_torch(name: str) -> None:
    both(PROGRAMS[name])


def test_a_net_of_lazy_layers() -> None:
    def program(lib: Any) -> Any:
        nn = lib.nn
        net = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))
        x = lib.arange(72.0).view(2, 1, 6, 6)
        return net(x), net(x), repr(net), net.state_dict(), len(net[0]._forward_pre_hooks)

    both(program)


@pytest.mark.parametrize("code", ["p + 1", "p.sum()", "len(p)", "p.ndim", "p[0]", "p.T", "gradviz.nn.init.ones_(p)"])
def test_nothing_is_computed_without_a_shape(code: str) -> None:
    with pytest.raises(ValueError, match="Attempted to use an uninitialized parameter"):
        eval(code, {"gradviz": gradviz, "p": gradviz.nn.LazyLinear(3).weight})
