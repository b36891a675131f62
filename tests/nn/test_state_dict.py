"""state_dict and load_state_dict: keys, errors, hooks, extra state, assign."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest

from .both import both


def two(lib: Any) -> Any:
    return lib.nn.Sequential(lib.nn.Linear(2, 3), lib.nn.BatchNorm1d(3))


def without(state: Any, *keys: str) -> Any:
    return OrderedDict((k, v) for k, v in state.items() if k not in keys)


def load(change: Any, **options: Any) -> Any:
    """A program that loads a changed state dict and returns what came of it."""

    def program(lib: Any) -> Any:
        source, target = two(lib), two(lib)
        state = change(lib, source.state_dict())
        result = target.load_state_dict(state, **options)
        return repr(result), str(result), result.missing_keys, target.state_dict()

    return program


PROGRAMS = {
    "all": load(lambda t, s: s),
    "without metadata": load(lambda t, s: dict(s)),
    "missing": load(lambda t, s: without(s, "0.bias", "1.running_mean")),
    "missing, not strict": load(lambda t, s: without(s, "0.bias"), strict=False),
    "unexpected": load(lambda t, s: {**s, "spam": t.ones(1), "0.x.y": t.ones(1), "2.weight": t.ones(1)}),
    "unexpected, not strict": load(lambda t, s: {**s, "spam": t.ones(1)}, strict=False),
    "both, and sizes": load(lambda t, s: {**without(s, "0.bias"), "spam": t.ones(1), "0.weight": t.ones(2, 2)}),
    "sizes, not strict": load(lambda t, s: {**s, "0.weight": t.ones(2, 2)}, strict=False),
    "another type": load(lambda t, s: {k: v.double() for k, v in s.items()}),
    "no tensor": load(lambda t, s: {**s, "0.bias": 3}),
    "one number for none": load(lambda t, s: {**s, "1.num_batches_tracked": t.tensor([7])}),
    "no dict": load(lambda t, s: 3),
    "an old batch norm": load(lambda t, s: dict(without(s, "1.num_batches_tracked"))),
    "assign": load(lambda t, s: {k: v.double() for k, v in s.items()}, assign=True),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_as_torch(name: str) -> None:
    both(PROGRAMS[name])


def test_loading_keeps_the_parameters_and_assign_replaces_them() -> None:
    def program(lib: Any) -> Any:
        source, target = two(lib), two(lib)
        before = list(target.parameters())
        target.load_state_dict(source.state_dict())
        kept = [a is b for a, b in zip(before, target.parameters(), strict=True)]
        target.load_state_dict(source.state_dict(), assign=True)
        shared = [a.data_ptr() == b.data_ptr() for a, b in zip(source.parameters(), target.parameters(), strict=True)]
        return (
            kept,
            shared,
            [type(p).__name__ for p in target.parameters()],
            [p.requires_grad for p in target.parameters()],
        )

    both(program)


def test_a_state_dict_shares_memory() -> None:
    def program(lib: Any) -> Any:
        layer = lib.nn.Linear(1, 1)
        state = layer.state_dict()
        state["weight"].fill_(4)
        return layer.weight, state["weight"].requires_grad

    both(program)


def test_extra_state() -> None:
    def program(lib: Any) -> Any:
        class Counted(lib.nn.Module):
            count = 3

            def get_extra_state(self) -> Any:
                return {"count": self.count}

            def set_extra_state(self, state: Any) -> None:
                self.count = state["count"]

        net = lib.nn.Sequential(Counted())
        net[0].count = 8
        fresh = lib.nn.Sequential(Counted())
        result = fresh.load_state_dict(net.state_dict())
        missing = lib.nn.Sequential(Counted()).load_state_dict({}, strict=False)
        return net.state_dict(), fresh[0].count, repr(result), repr(missing)

    both(program)
    both(lambda lib: lib.nn.Linear(1, 1).get_extra_state())


def test_hooks_run_in_order() -> None:
    def program(lib: Any) -> Any:
        log: list[Any] = []
        net = lib.nn.Sequential(lib.nn.Linear(1, 1))
        net.register_state_dict_pre_hook(lambda m, prefix, keep: log.append(("pre", prefix, keep)))
        net[0].register_state_dict_post_hook(lambda m, s, prefix, meta: log.append(("post", list(s), prefix, meta)))
        net[0].register_load_state_dict_pre_hook(
            lambda m, s, prefix, meta, strict, missing, unexpected, errors: log.append(
                ("load", list(s), prefix, strict)
            )
        )
        handle = net.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
        state = net.state_dict()
        del state["0.bias"]
        log.append(repr(net.load_state_dict(state)))
        handle.remove()
        log.append(repr(net.load_state_dict(state, strict=False)))
        return log

    both(program)


@pytest.mark.parametrize("kind", ["register_state_dict_post_hook", "register_load_state_dict_post_hook"])
def test_hooks_must_return_nothing(kind: str) -> None:
    def program(lib: Any) -> Any:
        layer = lib.nn.Linear(1, 1)
        getattr(layer, kind)(lambda *args: 3)
        return repr(layer.load_state_dict(layer.state_dict()))

    both(program)


def test_what_an_older_hook_of_the_root_returns_replaces_the_dict() -> None:
    def program(lib: Any) -> Any:
        layer = lib.nn.Linear(1, 1)
        layer._register_state_dict_hook(lambda m, s, prefix, meta: {"only": 1})
        return layer.state_dict()

    both(program)
