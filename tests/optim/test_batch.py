"""SGD keeps what it changes together from step to step; whatever happens in between, the numbers are PyTorch's."""

from __future__ import annotations

import contextlib
import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.core import events
from gradviz.optim.batch import Batch, Plan
from tests.nn.both import both
from tests.optim.runs import numbers, parameters

SHAPES: list[tuple[int, ...]] = [(3, 4), (5, 2), (4,), (), (2, 3, 2), (40, 40)]  # the last is changed by itself
OPTIONS = [{"lr": 0.1}, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}]


def gradients(lib: Any, params: list[Any], seed: int) -> None:
    for i, p in enumerate(params):
        p.grad = lib.tensor(numbers(tuple(p.shape), 100 * seed + i), dtype=p.dtype)


def replace_data(lib: Any, params: list[Any], optimizer: Any) -> Any:
    params[0].data = lib.full((3, 4), 0.5)
    params[2].data = lib.tensor([1.0, 2.0, 3.0, 4.0])


def write_data(lib: Any, params: list[Any], optimizer: Any) -> Any:
    with lib.no_grad():
        params[1].mul_(2)
        params[3].fill_(7.0)


def another_shape(lib: Any, params: list[Any], optimizer: Any) -> Any:
    params[2].grad = None
    params[2].data = lib.ones(6)
    params[2].grad = lib.ones(6)
    optimizer.state.pop(params[2], None)


def another_type(lib: Any, params: list[Any], optimizer: Any) -> Any:
    params[0].grad = None
    params[0].data = params[0].data.double()
    optimizer.state.pop(params[0], None)


def no_gradient(lib: Any, params: list[Any], optimizer: Any) -> Any:
    params[1].grad = None


def transposed(lib: Any, params: list[Any], optimizer: Any) -> Any:
    params[0].data = lib.tensor(numbers((4, 3), 9), dtype=lib.float32).t()


def transposed_gradient(lib: Any, params: list[Any], optimizer: Any) -> Any:
    params[0].grad = lib.tensor(numbers((4, 3), 9), dtype=lib.float32).t()


def forget(lib: Any, params: list[Any], optimizer: Any) -> Any:
    optimizer.state.clear()


def another_buffer(lib: Any, params: list[Any], optimizer: Any) -> Any:
    for p in params:
        if "momentum_buffer" in optimizer.state[p]:
            optimizer.state[p]["momentum_buffer"] = lib.ones_like(p)


def load(lib: Any, params: list[Any], optimizer: Any) -> Any:
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))


def one_by_one(lib: Any, params: list[Any], optimizer: Any) -> Any:
    optimizer.param_groups[0]["foreach"] = False


def one_more(lib: Any, params: list[Any], optimizer: Any) -> Any:
    params.append(lib.ones(3, requires_grad=True))
    optimizer.add_param_group({"params": [params[-1]], "lr": 0.01})
    params[-1].grad = lib.ones(3)


def other_order(lib: Any, params: list[Any], optimizer: Any) -> Any:
    optimizer.param_groups[0]["params"].reverse()


def other_rate(lib: Any, params: list[Any], optimizer: Any) -> Any:
    optimizer.param_groups[0]["lr"] = 1.0


def copied(lib: Any, params: list[Any], optimizer: Any) -> Any:
    return copy.deepcopy(optimizer)


def pickled(lib: Any, params: list[Any], optimizer: Any) -> Any:
    return pickle.loads(pickle.dumps(optimizer))


BETWEEN = [
    replace_data, write_data, another_shape, another_type, no_gradient, transposed, transposed_gradient, forget,
    another_buffer, load, one_by_one, one_more, other_order, other_rate, copied, pickled,
]  # fmt: skip


def run(lib: Any, options: dict[str, Any], between: Callable[..., Any]) -> Any:
    """Six steps, and something between the third and the fourth: parameters and state after each."""
    params, seen = parameters(lib, SHAPES), []
    optimizer = lib.optim.SGD(params, **options)
    for step in range(6):
        gradients(lib, params, step)
        if step == 3:
            made = between(lib, params, optimizer)
            if made is not None:
                optimizer = made
                params = list(optimizer.param_groups[0]["params"])
                gradients(lib, params, step)
        optimizer.step()
        buffers = [optimizer.state[p].get("momentum_buffer") for p in params if p in optimizer.state]
        seen.append([[p.detach().clone() for p in params], [b.clone() for b in buffers if b is not None]])
    return seen


@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "momentum"])
@pytest.mark.parametrize("between", BETWEEN, ids=lambda f: f.__name__)
def test_between_two_steps(between: Callable[..., Any], options: dict[str, Any]) -> None:
    both(lambda lib: run(lib, options, between))
    for together, alone in zip(
        run(gradviz, options, between), run(gradviz, {**options, "foreach": False}, between), strict=True
    ):
        for ours, single in zip([*together[0], *together[1]], [*alone[0], *alone[1]], strict=True):
            assert ours.numpy().tobytes() == single.numpy().tobytes()


@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "momentum"])
def test_views_show_every_step(options: dict[str, Any]) -> None:
    params = parameters(gradviz, SHAPES)
    views = [(p.detach(), p.detach().numpy()) for p in params]
    optimizer = gradviz.optim.SGD(params, **options)
    for step in range(3):
        before = [p.detach().clone().numpy() for p in params]
        gradients(gradviz, params, step)
        optimizer.step()
        for p, (view, array), old in zip(params, views, before, strict=True):
            assert p.detach().numpy().tobytes() == view.numpy().tobytes() == array.tobytes()
            assert not np.array_equal(array, old)


def test_a_plan_is_kept_while_it_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    init = Plan.__init__

    def noted(self: Plan, batches: list[Batch], *rest: Any) -> None:
        made.append(len(batches))
        init(self, batches, *rest)

    monkeypatch.setattr(Plan, "__init__", noted)
    params = parameters(gradviz, SHAPES)
    optimizer = gradviz.optim.SGD(params, lr=0.1)
    for step in range(4):
        gradients(gradviz, params, step)
        optimizer.step()
    assert made == [2]  # the small ones together, the large one by itself
    params[1].grad = None
    optimizer.step()
    optimizer.step()
    assert made == [2, 2]


# -- watched -------------------------------------------------------------------------------------------------------
OPTIMISERS: dict[str, dict[str, Any]] = {
    "SGD": {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, "nesterov": True},
    "Adam": {"weight_decay": 0.1, "amsgrad": True},
    "AdamW": {},
    "RMSprop": {"momentum": 0.5, "centered": True},
    "Adagrad": {"lr_decay": 0.1},
    "Adadelta": {},
    "Adamax": {},
    "NAdam": {"momentum_decay": 0.1},
    "RAdam": {"weight_decay": 0.1},
    "Rprop": {},
    "ASGD": {"t0": 1.0},
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_watched_step_has_the_same_bits(name: str) -> None:
    """As one parameter at a time has too; and it tells of each what it was and is. One is large, and many small ones
    make a large batch."""
    shapes = [(16, 16)] * 8 + [(3, 4), (), (400, 40)]

    def trained(watched: bool, *, apart: bool = False) -> list[bytes]:
        params = [
            gradviz.tensor(numbers(shape, i), dtype=gradviz.float32, requires_grad=True)
            for i, shape in enumerate(shapes)
        ]
        groups = [{"params": [p]} for p in params] if apart else params
        optimizer = getattr(gradviz.optim, name)(groups, **OPTIMISERS[name])
        now = [p.detach().numpy().copy() for p in params]
        heard: list[Any] = []
        with events.observe(heard.append) if watched else contextlib.nullcontext():
            for step in range(4):
                gradients(gradviz, params, step)
                heard.clear()
                optimizer.step()
                before, now = now, [p.detach().numpy().copy() for p in params]
                told = {id(e.param): e for e in heard if isinstance(e, events.OptimizerStep)}
                assert len(told) == (len(params) if watched else 0)
                for i, event in enumerate(told[id(p)] for p in params if watched):
                    assert event.before.tobytes() == before[i].tobytes()
                    assert event.after.tobytes() == now[i].tobytes()
        return [p.tobytes() for p in now]

    assert trained(True) == trained(False) == trained(False, apart=True)
