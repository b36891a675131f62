"""One forward pass of a module, watched, that leaves no trace: shapes, operations and memory of every call.

What runs is a copy of the module, in a context of its own, without gradients: parameters, buffers, train/eval flags,
attributes, recorders and the random generators stay as they are, and lazy modules stay lazy. Hooks that are plain
functions do not run, for they may keep what they are given. A module that cannot be copied is run itself and then put
back, attribute by attribute.

Operations are those of matrix products, convolutions and attention, as torch.utils.flop_counter counts them.
"""

from __future__ import annotations

import contextlib
import contextvars
import copy
import random
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gradviz.core.tensor import Tensor
from gradviz.viz.summary_layers import LayerInfo
from gradviz.viz.summary_run import layers_of
from gradviz.viz.summary_settings import Mode

HOOKS = ("_forward_hooks", "_forward_pre_hooks")
ATTENTION = "_scaled_dot_product_flash_attention_for_cpu"
DEEP = 3  # levels of nested outputs that are told
WIDE = 4  # and how many of each


class Call(NamedTuple):
    """One time a module ran."""

    parent: int  # id of the module that called it, 0 for the first
    given: str
    made: str
    flops: int
    memory: int  # bytes of its output that are not its input's


class Run(NamedTuple):
    """What was seen."""

    model: Any  # the module that ran: a copy, or the module itself
    calls: dict[int, list[Call]]  # by id of the module
    error: str  # why it stopped; nothing where it did not
    failed: int  # id of the module in which it stopped, 0 if none
    silent: int  # hooks that were left out
    counted: bool  # whether operations were counted
    layers: list[LayerInfo] | None  # the rows of torchinfo's summary, where it can tell this model
    given: Any  # the inputs' sizes
    bytes: int  # and their memory


def run(model: Any, inputs: Sequence[Any], kwargs: Mapping[str, Any], mode: str) -> Run:
    """Run `model(*inputs, **kwargs)` once in the mode "eval", "train" or "as is"."""
    return contextvars.Context().run(_run, model, inputs, kwargs, mode)


def _run(model: Any, inputs: Sequence[Any], kwargs: Mapping[str, Any], mode: str) -> Run:
    torch = library(model)
    with _still(torch), _plain_attention(torch), torch.no_grad():
        given, named = _copied(torch, tuple(inputs)), _copied(torch, dict(kwargs))
        try:
            target, restore = copy.deepcopy(model), None
        except Exception:  # a tensor that is not a leaf, a lock, an open file
            target, restore = model, _put_back(model, torch)
        try:
            silent = 0 if restore else _silence(target)
            if mode != "as is":
                for module in target.modules():
                    module.training = mode == "train"
            return _watched(torch, target, given, named, silent, mode)
        finally:
            if restore:
                restore()


def library(model: Any) -> Any:
    """The package a module belongs to: gradviz or torch."""
    import gradviz

    if isinstance(model, gradviz.nn.Module):
        return gradviz
    import torch

    return torch


@contextlib.contextmanager
def _still(torch: Any) -> Iterator[None]:
    """The random generators go on afterwards as if nothing had been drawn."""
    plain, numbers = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(plain)
        np.random.set_state(numbers)  # noqa: NPY002


@contextlib.contextmanager
def _plain_attention(torch: Any) -> Iterator[None]:
    """PyTorch's fused attention of evaluation mode is not counted by its counter: the plain one runs instead."""
    switch: Any = getattr(torch.backends, "mha", None) if torch.__name__ == "torch" else None
    before = bool(switch is not None and switch.get_fastpath_enabled())
    if switch is not None and before:
        switch.set_fastpath_enabled(False)
    try:
        yield
    finally:
        if switch is not None and before:
            switch.set_fastpath_enabled(True)


def _copied(torch: Any, value: Any) -> Any:
    """Inputs of the run: copies, for a forward may write into what it is given; arrays as tensors."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy())
    if hasattr(value, "detach") and hasattr(value, "clone"):
        return value.detach().clone()
    if isinstance(value, Mapping):
        return {key: _copied(torch, one) for key, one in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(_copied(torch, one) for one in value)
    return value


def _silence(model: Any) -> int:
    """Take plain functions out of the hooks of a copy; returns how many there were."""
    count = 0
    for module in model.modules():
        for name in HOOKS:
            hooks = module.__dict__.get(name) or {}
            for key in [key for key, hook in hooks.items() if isinstance(hook, types.FunctionType)]:
                del hooks[key]
                count += 1
    return count


def _put_back(model: Any, torch: Any) -> Callable[[], None]:
    """Give the module copies of its buffers for the run; returns what makes every attribute the old object again."""
    kept = []
    for module in model.modules():
        own = module.__dict__
        kept.append((module, dict(own), {name: dict(own[name]) for name in own if isinstance(own[name], dict)}))
        own["_buffers"] = {k: None if b is None else b.detach().clone() for k, b in own["_buffers"].items()}

    def restore() -> None:
        for module, attributes, tables in kept:
            module.__dict__.clear()
            module.__dict__.update(attributes)
            for name, table in tables.items():
                module.__dict__[name].clear()
                module.__dict__[name].update(table)

    return restore


def _watched(torch: Any, model: Any, inputs: tuple[Any, ...], named: dict[str, Any], silent: int, mode: str) -> Run:
    """Run with a hook before and after every module; operations are the counter's readings before and after."""
    layers = None
    counter = _counter(torch)
    calls: dict[int, list[Call]] = {}
    running: list[tuple[Any, int]] = []

    def total() -> int:
        return int(counter.get_total_flops()) if counter is not None else 0

    def before(module: Any, args: Any) -> None:
        running.append((module, total()))

    def after(module: Any, args: Any, output: Any) -> None:
        _, start = running.pop()
        parent = id(running[-1][0]) if running else 0
        made = Call(parent, told(args), told(output), total() - start, _memory(args, output))
        calls.setdefault(id(module), []).append(made)

    handles = []
    error = ""
    try:
        for module in model.modules():
            if hasattr(module, "register_forward_hook") and not _is_script(module):
                handles += [module.register_forward_pre_hook(before), module.register_forward_hook(after)]
        with counter if counter is not None else contextlib.nullcontext():
            if torch.__name__ == "gradviz" and mode != "as is":
                layers = _summary(model, inputs, named, mode)
            if layers is None:
                running.clear()
                calls.clear()
                model(*inputs, **named)
    except Exception as problem:
        error = f"{type(problem).__name__}: {problem}"
    finally:
        for handle in handles:
            handle.remove()
    failed = id(running[-1][0]) if running else 0
    sizes = [list(one.shape) for one in _tensors([inputs, named])]
    held = sum(int(one.numel()) * int(one.element_size()) for one in _tensors([inputs, named]))
    return Run(model, calls, error, failed, silent, counter is not None, layers, sizes, held)


def _summary(model: Any, inputs: tuple[Any, ...], named: dict[str, Any], mode: str) -> list[LayerInfo] | None:
    """Run as torchinfo's summary does; None if it cannot tell what goes in or out of a module."""
    try:
        return layers_of(model, list(inputs), None, False, None, Mode(mode), named)
    except RuntimeError as error:
        problem = error.__cause__
        if isinstance(problem, TypeError) and "unsupported input or output" in str(problem):
            return None
        if isinstance(problem, IndexError) and not inputs:
            return None
        raise (problem if isinstance(problem, Exception) else error) from None


def _is_script(module: Any) -> bool:
    return "ScriptModule" in {kind.__name__ for kind in type(module).__mro__}


def _counter(torch: Any) -> Any:
    """The package's own counter of operations; None where it cannot be had. PyTorch's knows no attention on a CPU."""
    import importlib

    try:
        home = importlib.import_module(f"{torch.__name__}.utils.flop_counter")
        on_cpu = getattr(torch.ops.aten, ATTENTION) if torch.__name__ == "torch" else None
    except (ImportError, AttributeError):
        return None

    def attention(query: Any, key: Any, value: Any, *rest: Any, **settings: Any) -> int:
        return int(home.sdpa_flop_count(query, key, value))

    return home.FlopCounterMode(display=False, custom_mapping={on_cpu: attention} if on_cpu is not None else None)


def is_tensor(value: Any) -> bool:
    """Whether a value of a forward pass is a tensor, gradviz's or PyTorch's."""
    return isinstance(value, Tensor) or (hasattr(value, "shape") and hasattr(value, "untyped_storage"))


def told(value: Any, deep: int = 0) -> str:
    """The shape of an input or output in short: (8, 64, 7, 7); several one after the other; a dict with its keys."""
    if is_tensor(value):
        return shape_text(value.shape)
    if hasattr(value, "data") and is_tensor(value.data) and hasattr(value, "batch_sizes"):  # a packed sequence
        return f"packed {shape_text(value.data.shape)}"
    if isinstance(value, Mapping) and deep < DEEP:
        return "{" + _list([f"{key}: {told(one, deep + 1)}" for key, one in value.items()]) + "}"
    if isinstance(value, (tuple, list)) and deep < DEEP:
        parts = [told(one, deep + 1) for one in value]
        return (
            parts[0]
            if len(parts) == 1 and not deep
            else ("" if not deep else "[") + _list(parts) + ("" if not deep else "]")
        )
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)[:40]
    return type(value).__name__


def _list(parts: Sequence[str]) -> str:
    return ", ".join(parts[:WIDE]) + (f", … {len(parts) - WIDE} more" if len(parts) > WIDE else "")


def shape_text(shape: Sequence[int]) -> str:
    """As Python writes a tuple."""
    return f"({', '.join(str(int(n)) for n in shape)}{',' if len(shape) == 1 else ''})"


def _memory(given: Any, made: Any) -> int:
    """The bytes of the tensors in an output that do not lie in an input's memory."""
    known = {_place(one) for one in _tensors(given)}
    return sum(int(one.numel()) * int(one.element_size()) for one in _tensors(made) if _place(one) not in known)


def _tensors(value: Any, deep: int = 0) -> Iterator[Any]:
    if is_tensor(value):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _tensors(one, deep + 1)
    elif isinstance(value, (tuple, list)) and deep < 8:
        for one in value:
            yield from _tensors(one, deep + 1)


def _place(value: Any) -> Any:
    try:
        return str(value.device), int(value.untyped_storage().data_ptr())
    except (RuntimeError, NotImplementedError, AttributeError):
        return id(value)
