"""Hooks around forward and backward: order, what they see, what they may change, and when they are gone."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz

from .both import both


def rounded(values: Any) -> Any:
    return [None if v is None else [round(x, 4) for x in v.flatten().tolist()] for v in values]


def net(lib: Any) -> Any:
    class Net(lib.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = lib.nn.Linear(2, 2)
            with lib.no_grad():
                self.fc.weight.copy_(lib.tensor([[1.0, 2.0], [3.0, -4.0]]))
                self.fc.bias.zero_()

        def forward(self, x: Any, scale: float = 1.0) -> Any:
            if scale == 0:
                raise RuntimeError("scale is zero")
            return (self.fc(x) * scale).relu()

    return Net()


def run(lib: Any, module: Any, *, grad: bool = True, **kwargs: Any) -> Any:
    x = lib.tensor([[1.0, 2.0]], requires_grad=grad)
    y = module(x, **kwargs)
    y.sum().backward()
    return y, x.grad, module.fc.weight.grad


def forward_order(lib: Any) -> Any:
    log: list[Any] = []
    m = net(lib)
    m.register_forward_pre_hook(lambda m, args: log.append(("pre 1", len(args))))
    m.register_forward_pre_hook(lambda m, args: log.append(("pre 2", len(args))), prepend=True)
    m.register_forward_hook(lambda m, args, out: log.append(("post 1", tuple(out.shape))))
    m.register_forward_hook(lambda m, args, kw, out: log.append(("post 2", kw)), prepend=True, with_kwargs=True)
    m.fc.register_forward_hook(lambda m, args, out: log.append(("fc", tuple(out.shape))))
    return run(lib, m, scale=2.0), log


def forward_changes(lib: Any) -> Any:
    m = net(lib)
    m.register_forward_pre_hook(lambda m, args: args[0] * 2)
    m.register_forward_pre_hook(lambda m, args, kw: (args, {"scale": 3.0}), with_kwargs=True)
    m.register_forward_hook(lambda m, args, out: out + 1)
    return run(lib, m)


def bad_pre_hook(lib: Any) -> Any:
    m = net(lib)
    m.register_forward_pre_hook(lambda m, args, kw: 3, with_kwargs=True)
    return run(lib, m)


def removed(lib: Any) -> Any:
    log: list[int] = []
    m = net(lib)
    handle = m.register_forward_hook(lambda m, args, out: log.append(1))
    run(lib, m)
    handle.remove()
    handle.remove()
    run(lib, m)
    with m.register_forward_pre_hook(lambda m, args: log.append(2)):
        run(lib, m)
    run(lib, m)
    return log, len(m._forward_hooks), len(m._forward_pre_hooks)


def always(lib: Any) -> Any:
    log: list[Any] = []
    m = net(lib)
    m.register_forward_hook(lambda m, args, out: log.append(("always", out)), always_call=True)
    m.register_forward_hook(lambda m, args, out: log.append("not reached"))
    try:
        run(lib, m, scale=0)
    except RuntimeError as error:
        log.append(str(error))
    return log


def always_but_failing(lib: Any) -> Any:
    m = net(lib)
    m.register_forward_hook(lambda m, args, out: 1 / 0, always_call=True)
    return run(lib, m, scale=0)


def backward_values(lib: Any) -> Any:
    log: list[Any] = []
    m = net(lib)
    m.register_full_backward_hook(lambda m, gi, go: log.append(("net", rounded(gi), rounded(go))))
    m.fc.register_full_backward_hook(lambda m, gi, go: log.append(("fc", rounded(gi), rounded(go))))
    m.fc.register_full_backward_pre_hook(lambda m, go: log.append(("pre", rounded(go))))
    return run(lib, m), log


def backward_changes(lib: Any) -> Any:
    m = net(lib)
    m.fc.register_full_backward_pre_hook(lambda m, go: (go[0] * 2,))
    m.fc.register_full_backward_hook(lambda m, gi, go: (gi[0] + 1,))
    return run(lib, m)


def backward_wrong_count(lib: Any) -> Any:
    m = net(lib)
    m.fc.register_full_backward_hook(lambda m, gi, go: (gi[0], gi[0]))
    return run(lib, m)


def backward_pre_wrong_count(lib: Any) -> Any:
    m = net(lib)
    m.fc.register_full_backward_pre_hook(lambda m, go: (go[0], go[0]))
    return run(lib, m)


def backward_without_input_gradient(lib: Any) -> Any:
    log: list[Any] = []
    m = net(lib)
    m.fc.register_full_backward_hook(lambda m, gi, go: log.append((rounded(gi), rounded(go))))
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run(lib, m, grad=False), log


def several_inputs_and_outputs(lib: Any) -> Any:
    log: list[Any] = []

    class Two(lib.nn.Module):
        def forward(self, a: Any, n: int, b: Any, i: Any, unused: Any) -> Any:
            return a * n, "text", a + b + i

    m = Two()
    m.register_full_backward_hook(lambda m, gi, go: log.append((rounded(gi), rounded(go))))
    a, b = lib.ones(2, requires_grad=True), lib.ones(2)
    first, _, third = m(a, 3, b, lib.tensor([1, 2]), lib.ones(1, requires_grad=True))
    (first.sum() + 2 * third.sum()).backward()
    return log, a.grad, type(first.grad_fn).__name__


def output_of_another_kind(lib: Any) -> Any:
    class Dict(lib.nn.Module):
        def forward(self, x: Any) -> Any:
            return [x * 2]

    m = Dict()
    m.register_full_backward_hook(lambda m, gi, go: None)
    (out,) = m(lib.ones(1, requires_grad=True))
    out.backward()


def under_no_grad(lib: Any) -> Any:
    m = net(lib)
    m.register_full_backward_hook(lambda m, gi, go: 1 / 0)
    with lib.no_grad():
        return m(lib.ones(1, 2))


def everywhere(lib: Any) -> Any:
    from importlib import import_module

    hooks = import_module(f"{lib.__name__}.nn.modules.module")
    log: list[Any] = []
    name = lambda m: type(m).__name__
    handles = [
        hooks.register_module_forward_pre_hook(lambda m, args: log.append(("pre", name(m)))),
        hooks.register_module_forward_hook(lambda m, args, out: log.append(("post", name(m)))),
        hooks.register_module_full_backward_pre_hook(lambda m, go: log.append(("back pre", name(m)))),
        hooks.register_module_full_backward_hook(lambda m, gi, go: log.append(("back", name(m)))),
        hooks.register_module_module_registration_hook(lambda m, n, child: log.append(("module", n))),
        hooks.register_module_parameter_registration_hook(lambda m, n, p: log.append(("parameter", n))),
        hooks.register_module_buffer_registration_hook(lambda m, n, b: log.append(("buffer", n))),
    ]
    try:
        result = run(lib, net(lib))
        lib.nn.BatchNorm1d(2)
    finally:
        for handle in handles:
            handle.remove()
    count = len(log)
    run(lib, net(lib))
    return result, log, len(log) - count


PROGRAMS = [
    forward_order, forward_changes, bad_pre_hook, removed, always, always_but_failing, backward_values,
    backward_changes,
    backward_wrong_count, backward_pre_wrong_count, backward_without_input_gradient, several_inputs_and_outputs,
    output_of_another_kind, under_no_grad, everywhere,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_same_as_torch(program: Any) -> None:
    both(program)


def test_backward_hooks_leave_no_cycles() -> None:
    import gc
    import weakref

    gc.collect()
    gc.disable()
    try:
        layer = gradviz.nn.Linear(2, 2)
        layer.register_forward_hook(lambda m, args, out: None)
        y = layer(gradviz.ones(1, 2, requires_grad=True))
        node = weakref.ref(y.grad_fn)
        del y
        assert node() is None
    finally:
        gc.enable()
