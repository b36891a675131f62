"""What all optimisers share: groups, errors, state dicts, hooks, closures, printing, copying."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import gradviz
from tests.nn.both import both


def leaves(lib: Any, n: int = 2) -> list[Any]:
    made = [lib.full((2,), float(i + 1), requires_grad=True) for i in range(n)]
    for p in made:
        p.grad = lib.ones(2)
    return made


def sgd(lib: Any, params: Any, **options: Any) -> Any:
    return lib.optim.SGD(params, **{"lr": 0.1, "momentum": 0.9, **options})


def groups(lib: Any) -> Any:
    a, b, c = leaves(lib, 3)
    optimizer = sgd(lib, [{"params": [a], "lr": 1.0}, {"params": b, "momentum": 0}])
    optimizer.add_param_group({"params": (p for p in [c])})
    optimizer.step()
    return [a, b, c], repr(optimizer), optimizer.state_dict()


def named(lib: Any) -> Any:
    net = lib.nn.Linear(2, 2)
    optimizer = sgd(lib, net.named_parameters())
    return repr(optimizer), optimizer.state_dict()["param_groups"]


def resumed(lib: Any) -> Any:
    a, b = leaves(lib)
    first = sgd(lib, [a, b])
    first.step()
    state = copy.deepcopy(first.state_dict())
    c, d = leaves(lib)
    second = sgd(lib, [c, d], lr=5.0)
    second.load_state_dict(state)
    second.step()
    return [c, d], second.state_dict(), second.param_groups[0]["params"][0] is c


def converted(lib: Any) -> Any:
    (a,) = leaves(lib, 1)
    first = sgd(lib, [a])
    first.step()
    w = lib.ones(2, dtype=lib.float64, requires_grad=True)
    second = sgd(lib, [w])
    second.load_state_dict(first.state_dict())
    return second.state_dict()


def closure(lib: Any) -> Any:
    (a,) = leaves(lib, 1)
    optimizer = sgd(lib, [a])

    def loss() -> Any:
        optimizer.zero_grad()
        value = (a * a).sum()
        value.backward()
        return value

    with lib.no_grad():
        return optimizer.step(loss), a


def hooks(lib: Any) -> Any:
    (a,) = leaves(lib, 1)
    optimizer, log = sgd(lib, [a]), []
    optimizer.register_step_pre_hook(lambda o, args, kwargs: log.append(("pre", len(args), kwargs)))
    optimizer.register_step_post_hook(lambda o, args, kwargs: log.append(("post", o is optimizer)))
    optimizer.register_state_dict_pre_hook(lambda o: log.append("state pre"))
    optimizer.register_state_dict_post_hook(lambda o, s: {**s, "extra": 1})
    optimizer.register_load_state_dict_pre_hook(lambda o, s: log.append(sorted(s)))
    optimizer.register_load_state_dict_post_hook(lambda o: log.append("loaded"))
    optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
    return log


def hooks_everywhere(lib: Any) -> Any:
    from importlib import import_module

    module, log = import_module(f"{lib.__name__}.optim.optimizer"), []
    pre = module.register_optimizer_step_pre_hook(lambda o, args, kwargs: log.append("pre"))
    post = module.register_optimizer_step_post_hook(lambda o, args, kwargs: log.append("post"))
    optimizer = sgd(lib, leaves(lib))
    optimizer.step()
    pre.remove()
    post.remove()
    optimizer.step()
    return log


def own_optimizer(lib: Any) -> Any:
    class Plain(lib.optim.Optimizer):
        def __init__(self, params: Any, lr: float) -> None:
            super().__init__(params, {"lr": lr})

        @lib.no_grad()
        def step(self) -> None:
            for group in self.param_groups:
                for p in group["params"]:
                    self.state[p]["count"] = self.state[p].get("count", 0) + 1
                    p.sub_(p.grad, alpha=group["lr"])

    (a,) = leaves(lib, 1)
    optimizer, log = Plain([a], 0.5), []
    optimizer.register_step_pre_hook(lambda o, args, kwargs: log.append("pre"))
    optimizer.step()
    return a, repr(optimizer), optimizer.state_dict(), log


def zeros(lib: Any) -> Any:
    a, b = leaves(lib)
    optimizer = sgd(lib, [a, b])
    a.grad = (a * 2).detach().requires_grad_() * 2
    optimizer.zero_grad(set_to_none=False)
    kept = [a.grad, b.grad, a.grad.requires_grad]
    optimizer.zero_grad()
    return kept, a.grad, b.grad


def bad_pre_hook(lib: Any) -> Any:
    optimizer = sgd(lib, leaves(lib))
    optimizer.register_step_pre_hook(lambda o, args, kwargs: ((), {}, 3))
    return optimizer.step()


def required_option(lib: Any) -> Any:
    from importlib import import_module

    required = import_module(f"{lib.__name__}.optim.optimizer").required
    return lib.optim.Optimizer([{"params": leaves(lib)}], {"lr": required}) and None


PROGRAMS = [
    groups, named, resumed, converted, closure, hooks, hooks_everywhere, own_optimizer, zeros, bad_pre_hook,
    required_option,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_same_as_torch(program: Any) -> None:
    both(program)


REFUSED = {
    "nothing": lambda t: sgd(t, []),
    "an empty generator": lambda t: sgd(t, (p for p in [])),
    "a tensor": lambda t: sgd(t, t.ones(1, requires_grad=True)),
    "numbers": lambda t: sgd(t, [3]),
    "a set": lambda t: sgd(t, [{"params": {1}}]),
    "a computed tensor": lambda t: sgd(t, [t.ones(1, requires_grad=True) * 2]),
    "the same twice": lambda t: (lambda p: sgd(t, [p, p]) and None)(leaves(t, 1)[0]),
    "in two groups": lambda t: (lambda p: sgd(t, [{"params": [p]}, {"params": [p]}]))(leaves(t, 1)[0]),
    "some names": lambda t: sgd(t, [("a", leaves(t, 1)[0]), leaves(t, 1)[0]]),
    "a group without names": lambda t: sgd(t, [("a", leaves(t, 1)[0])]).add_param_group({"params": leaves(t)}),
    "a group that is no dict": lambda t: sgd(t, leaves(t)).add_param_group(3),
    "another number of groups": lambda t: sgd(t, leaves(t)).load_state_dict({"state": {}, "param_groups": []}),
    "another size of group": lambda t: sgd(t, leaves(t)).load_state_dict(sgd(t, leaves(t, 3)).state_dict()),
}


@pytest.mark.parametrize("name", REFUSED)
def test_errors(name: str) -> None:
    both(REFUSED[name])


def test_an_optimizer_without_a_step() -> None:
    with pytest.raises(NotImplementedError):
        gradviz.optim.Optimizer(leaves(gradviz), {}).step()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))], ids=["deepcopy", "pickle"])
def test_copies_go_on_alone(copied: Any) -> None:
    (a,) = leaves(gradviz, 1)
    optimizer = sgd(gradviz, [a])
    optimizer.step()
    twin = copied(optimizer)
    (b,) = twin.param_groups[0]["params"]
    assert b is not a
    b.grad = gradviz.ones(2)
    twin.step()
    optimizer.step()
    assert b.tolist() == a.tolist()
    assert repr(twin) == repr(optimizer)
