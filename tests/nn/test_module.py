"""Module: what is registered under which name, errors, walking, moving, copying, printing, events."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import gradviz
from gradviz.core import events

from .both import both


def net(lib: Any) -> Any:
    """A module with parameters, buffers, children and a shared layer."""
    nn = lib.nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(lib.ones(2))
            self.register_buffer("seen", lib.zeros(1))
            self.register_buffer("scratch", lib.zeros(2), persistent=False)
            self.register_parameter("nothing", None)
            self.fc = nn.Linear(2, 2)
            self.body = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), self.fc)
            self.empty = None
            self.setting = 3

        def forward(self, x: Any) -> Any:
            return self.body(x) * self.scale

    return Net()


def names(pairs: Any) -> list[str]:
    return [name for name, _ in pairs]


PROGRAMS = {
    "parameters": lambda t: names(net(t).named_parameters()),
    "parameters of a prefix": lambda t: names(net(t).named_parameters("net", recurse=False)),
    "buffers": lambda t: names(net(t).named_buffers()),
    "modules": lambda t: names(net(t).named_modules(prefix="n")),
    "children": lambda t: names(net(t).named_children()),
    "state": lambda t: list(net(t).state_dict(prefix="p.")),
    "keep_vars": lambda t: [v.requires_grad for v in net(t).state_dict(keep_vars=True).values()],
    "repr": lambda t: repr(net(t)),
    "dir": lambda t: [n for n in ("scale", "seen", "fc", "setting", "forward") if n in dir(net(t))],
    "output": lambda t: net(t)(t.ones(1, 2)),
    "get_submodule": lambda t: repr(net(t).get_submodule("body.0")),
    "get_submodule itself": lambda t: repr(net(t).get_submodule("")),
    "get_submodule missing": lambda t: net(t).get_submodule("body.9"),
    "get_submodule not a module": lambda t: net(t).get_submodule("scale"),
    "get_parameter": lambda t: net(t).get_parameter("body.0.bias"),
    "get_parameter of a buffer": lambda t: net(t).get_parameter("seen"),
    "get_buffer": lambda t: net(t).get_buffer("seen"),
    "get_buffer of a parameter": lambda t: net(t).get_buffer("scale"),
    "get_buffer missing": lambda t: net(t).get_buffer("fc.spam"),
    "unknown attribute": lambda t: net(t).spam,
    "no forward": lambda t: t.nn.Module()(1),
    "too many arguments": lambda t: t.nn.Module(1, 2),
    "unknown keyword": lambda t: t.nn.Module(spam=1),
    "parameter without a module": lambda t: t.nn.Module().register_parameter("a", t.ones(1)),
    "parameter with a dot": lambda t: t.nn.Module().register_parameter("a.b", None),
    "parameter without a name": lambda t: t.nn.Module().register_parameter("", None),
    "parameter's name": lambda t: t.nn.Module().register_parameter(3, None),
    "parameter twice": lambda t: net(t).register_parameter("fc", None),
    "computed parameter": lambda t: _assign(t.nn.Module(), t.nn.Parameter(t.ones(1)) * 2, "parameter"),
    "buffer exists": lambda t: net(t).register_buffer("setting", None),
    "buffer of no tensor": lambda t: t.nn.Module().register_buffer("a", 3),
    "buffer with a dot": lambda t: t.nn.Module().register_buffer("a.b", None),
    "module of no module": lambda t: t.nn.Module().add_module("a", 3),
    "module of a tensor": lambda t: t.nn.Module().add_module("a", t.ones(1)),
    "module exists": lambda t: net(t).add_module("setting", t.nn.ReLU()),
    "module with a dot": lambda t: net(t).add_module("a.b", t.nn.ReLU()),
    "module without a name": lambda t: net(t).add_module("", t.nn.ReLU()),
    "tensor over a parameter": lambda t: setattr(net(t), "scale", t.ones(2)),
    "number over a parameter": lambda t: setattr(net(t), "scale", 3),
    "number over a module": lambda t: setattr(net(t), "fc", 3),
    "number over a buffer": lambda t: setattr(net(t), "seen", 3),
    "train": lambda t: [m.training for m in net(t).eval().modules()],
    "train again": lambda t: [m.training for m in net(t).eval().train().modules()],
    "train a number": lambda t: net(t).train(1),
    "to an integer": lambda t: net(t).to(t.int64),
    "double": lambda t: list(net(t).double().state_dict().values()),
    "to float16": lambda t: [str(v.dtype) for v in net(t).to(t.float16).state_dict().values()],
    "half then float": lambda t: [str(v.dtype) for v in net(t).half().float().state_dict().values()],
    "to a tensor": lambda t: [str(v.dtype) for v in net(t).to(t.ones(1, dtype=t.float64)).parameters()],
    "type": lambda t: [str(v.dtype) for v in net(t).type(t.float64).parameters()],
    "frozen": lambda t: [p.requires_grad for p in net(t).requires_grad_(False).parameters()],
    "set_submodule": lambda t: _changed(t, lambda m: m.set_submodule("body.1", t.nn.Tanh())),
    "deleted parameter": lambda t: _changed(t, lambda m: delattr(m, "scale")),
    "deleted module": lambda t: _changed(t, lambda m: delattr(m, "fc")),
    "deleted nothing": lambda t: _changed(t, lambda m: delattr(m, "spam")),
    "None over a module": lambda t: _changed(t, lambda m: setattr(m, "fc", None)),
    "None over a parameter": lambda t: _changed(t, lambda m: setattr(m, "scale", None)),
    "module over an attribute": lambda t: _changed(t, lambda m: setattr(m, "setting", t.nn.ReLU())),
    "parameter over a module": lambda t: _changed(t, lambda m: setattr(m, "fc", t.nn.Parameter(t.ones(1)))),
    "tensor over a buffer": lambda t: _changed(t, lambda m: setattr(m, "seen", t.ones(3))),
    "Buffer": lambda t: _changed(t, lambda m: setattr(m, "kept", t.nn.Buffer(t.ones(3)))),
    "Buffer not kept": lambda t: _changed(t, lambda m: setattr(m, "kept", t.nn.Buffer(t.ones(3), persistent=False))),
    "apply": lambda t: _visited(t),
    "call_super_init": lambda t: t.nn.Linear(2, 2, spam=3),
}  # fmt: skip


def _assign(module: Any, value: Any, name: str) -> None:
    module.register_parameter(name, value)


def _changed(lib: Any, change: Any) -> list[Any]:
    module = net(lib)
    change(module)
    return [repr(module), list(module.state_dict()), names(module.named_buffers()), names(module.named_parameters())]


def _visited(lib: Any) -> list[str]:
    seen: list[str] = []
    net(lib).apply(lambda m: seen.append(type(m).__name__))
    return seen


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_as_torch(name: str) -> None:
    both(PROGRAMS[name])


def test_assigning_before_init() -> None:
    def program(kind: str) -> Any:
        def run(lib: Any) -> None:
            class Early(lib.nn.Module):
                def __init__(self) -> None:
                    self.x = {
                        "module": lambda: lib.nn.ReLU(),
                        "parameter": lambda: lib.nn.Parameter(lib.ones(1)),
                    }[kind]()

            Early()

        return run

    both(program("module"))
    both(program("parameter"))


def test_plain_attributes_need_no_init() -> None:
    class Early(gradviz.nn.Module):
        def __init__(self) -> None:
            self.size = 3
            super().__init__()

    assert Early().size == 3


def test_zero_grad() -> None:
    def program(lib: Any) -> Any:
        module = net(lib)
        module(lib.ones(1, 2)).sum().backward()
        module.zero_grad(set_to_none=False)
        zeros = [p.grad for p in module.parameters()]
        module.zero_grad()
        return zeros, [p.grad for p in module.parameters()]

    both(program)


def test_moving_keeps_parameters_and_their_gradients() -> None:
    def program(lib: Any) -> Any:
        module = net(lib)
        before = list(module.parameters())
        module(lib.ones(1, 2)).sum().backward()
        module.double()
        same = [a is b for a, b in zip(before, module.parameters(), strict=True)]
        return same, [p.grad for p in module.parameters()], module(lib.ones(1, 2).double())

    both(program)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
def test_copies_are_independent(copied: Any) -> None:
    module = gradviz.nn.Sequential(gradviz.nn.Linear(2, 3), gradviz.nn.BatchNorm1d(3), gradviz.nn.Dropout(0.5)).eval()
    x = gradviz.rand(4, 2)
    want = module(x).tolist()
    twin = copied(module)
    assert repr(twin) == repr(module)
    assert twin(x).tolist() == want
    assert all(isinstance(p, gradviz.nn.Parameter) and p.requires_grad for p in twin.parameters())
    with gradviz.no_grad():
        for p in module.parameters():
            p.zero_()
    assert twin(x).tolist() == want


def test_a_copy_shares_layers_as_the_original_does() -> None:
    layer = gradviz.nn.Linear(2, 2)
    twin = copy.deepcopy(gradviz.nn.Sequential(layer, layer))
    assert twin[0] is twin[1]
    assert twin[0] is not layer


def test_parameter_shares_memory_and_wants_a_gradient_inside_no_grad() -> None:
    data = gradviz.ones(2)
    with gradviz.no_grad():
        p = gradviz.nn.Parameter(data)
    assert p.requires_grad
    assert p.is_leaf
    data[0] = 5
    assert p.tolist() == [5, 1]
    assert type(p.detach()) is gradviz.Tensor
    assert type(p * 2) is gradviz.Tensor
    assert isinstance(p, gradviz.Tensor)
    assert gradviz.nn.Parameter().shape == (0,)


def test_events_of_modules_nest_even_when_forward_raises() -> None:
    seen: list[str] = []

    def watch(event: Any) -> None:
        if isinstance(event, (events.ModuleEnter, events.ModuleExit)):
            seen.append(f"{type(event).__name__[6:]} {type(event.module).__name__}")

    nn = gradviz.nn
    module = nn.Sequential(nn.Linear(2, 3), nn.Linear(2, 2))
    with events.observe(watch), pytest.raises(RuntimeError, match="cannot be multiplied"):
        module(gradviz.ones(1, 2))
    assert seen == [
        "Enter Sequential", "Enter Linear", "Exit Linear", "Enter Linear", "Exit Linear", "Exit Sequential",
    ]  # fmt: skip


def test_nodes_know_their_module() -> None:
    nn = gradviz.nn
    inner = nn.Linear(2, 2)
    module = nn.Sequential(inner, nn.ReLU())
    y = module(gradviz.ones(1, 2))
    assert y.grad_fn is not None
    outer, innermost = y.grad_fn.path
    assert innermost is module[1]
    assert outer == (None, module)
    assert y.grad_fn.next_functions[0][0].path[1] is inner
    assert (y * 2).grad_fn.path is None


def test_what_is_not_supported_says_so() -> None:
    module = gradviz.nn.Linear(1, 1)
    for call in (module.compile, module.share_memory, lambda: module.register_backward_hook(print)):
        with pytest.raises(NotImplementedError):
            call()
