"""Optimizer: groups of parameters with their options, state per parameter, and one step that changes them in place."""

from __future__ import annotations

import sys
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

from gradviz.core import errors, events
from gradviz.core.dtype import float32
from gradviz.core.errors import noted
from gradviz.core.mode import enable_grad
from gradviz.core.tensor import Tensor
from gradviz.utils.gradients import zero_grad
from gradviz.utils.hooks import RemovableHandle, register

from .step_hooks import Hook, hooked
from .step_hooks import register_optimizer_step_post_hook as register_optimizer_step_post_hook
from .step_hooks import register_optimizer_step_pre_hook as register_optimizer_step_pre_hook


class _Required:
    """Stands for an option that every parameter group must give."""

    def __repr__(self) -> str:
        return "<required parameter>"


required: Any = _Required()

_HOOKS = tuple(
    f"_optimizer_{name}_hooks"
    for name in (
        "step_pre",
        "step_post",
        "state_dict_pre",
        "state_dict_post",
        "load_state_dict_pre",
        "load_state_dict_post",
    )
)


class Optimizer:
    """Base class: give it parameters (or dicts of them with options) and the default options; define `step`.

    https://docs.pytorch.org/docs/2.13/optim.html#torch.optim.Optimizer
    """

    _opt_called: bool = False
    _warned_capturable_if_run_uncaptured: bool = False
    _watched_step: Any = None
    state: defaultdict[Any, dict[str, Any]]
    param_groups: list[dict[str, Any]]
    _optimizer_step_pre_hooks: OrderedDict[int, Hook]
    _optimizer_step_post_hooks: OrderedDict[int, Hook]
    _optimizer_state_dict_pre_hooks: OrderedDict[int, Hook]
    _optimizer_state_dict_post_hooks: OrderedDict[int, Hook]
    _optimizer_load_state_dict_pre_hooks: OrderedDict[int, Hook]
    _optimizer_load_state_dict_post_hooks: OrderedDict[int, Hook]

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        for name in _HOOKS:
            setattr(self, name, OrderedDict())
        if isinstance(params, Tensor):
            raise noted(
                TypeError(
                    "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                    f"{errors.type_name(params, params._array)}\nPut it into a list: [tensor]."
                )
            )
        self.state = defaultdict(dict)
        self.param_groups = []
        groups = list(params)
        if not groups:
            raise noted(
                ValueError(
                    "optimizer got an empty parameter list\n"
                    "A generator such as model.parameters() can be read only once; layers kept in a plain Python list "
                    "are not found, use nn.ModuleList."
                )
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = hooked(cls.__dict__["step"])  # type: ignore[method-assign]

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter once, by its gradient. `closure` computes the loss, and its gradients, anew."""
        raise NotImplementedError

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or with `set_to_none=False` fill them with zeros."""
        for group in self.param_groups:
            zero_grad(group["params"], set_to_none)
        if events.watching:
            events.emit(events.ZeroGrad(self))

    def _watch_step(self) -> None:
        """For a scheduler, which warns of steps in the wrong order: note whether steps are taken from now on."""
        if self._watched_step is None:
            self._watched_step = getattr(self.step, "__func__", self.step)
            self._opt_called = False

    def _step_is_watched(self) -> bool:
        """Whether `step` is still what it was when a scheduler came."""
        return getattr(self.step, "__func__", self.step) is self._watched_step

    # -- groups ----------------------------------------------------------------------------------------------------
    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own, `{"params": [...], "lr": 0.1}`; the others are the defaults."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        _name_params(param_group)
        params = param_group["params"]
        for param in params:
            if not isinstance(param, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(param).__name__}")
            if not self.defaults.get("differentiable") and not (param.is_leaf or param.retains_grad):
                raise noted(
                    ValueError(
                        "can't optimize a non-leaf Tensor\n"
                        f"One of the params, of shape {tuple(param.shape)}, was computed by {param.grad_fn!r}. "
                        "Optimise the tensor that it was computed from, or .detach().requires_grad_() it."
                    )
                )
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            param_group.setdefault(name, default)
        if len(params) != len(set(params)):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this will cause an error; "
                "see github.com/pytorch/pytorch/issues/40967 for more information",
                stacklevel=3,
            )
        named = "param_names" in param_group
        if any(("param_names" in group) != named for group in self.param_groups):
            raise ValueError(
                "all optimizer param groups should be with/without names. cannot add param group "
                f"{'with' if named else 'without'} names to the optimizer"
            )
        known = {param for group in self.param_groups for param in group["params"]}
        if not known.isdisjoint(params):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for i, group in enumerate(self.param_groups):
            options = (f"    {key}: {group[key]}\n" for key in sorted(group) if key != "params")
            text += f"\nParameter Group {i}\n{''.join(options)}"
        return text + ")"

    # -- hooks -----------------------------------------------------------------------------------------------------
    def register_step_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before each step; it may return new (args, kwargs).

        `args` are those of `step`, the optimizer first.
        """
        return register(self._optimizer_step_pre_hooks, hook)  # type: ignore[no-any-return]

    def register_step_post_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return register(self._optimizer_step_post_hooks, hook)  # type: ignore[no-any-return]

    def register_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` before `state_dict`."""
        return register(self._optimizer_state_dict_pre_hooks, hook, prepend=prepend)  # type: ignore[no-any-return]

    def register_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` after `state_dict`; what it returns replaces the dict."""
        return register(self._optimizer_state_dict_post_hooks, hook, prepend=prepend)  # type: ignore[no-any-return]

    def register_load_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` before loading; what it returns replaces the dict."""
        return register(self._optimizer_load_state_dict_pre_hooks, hook, prepend=prepend)  # type: ignore[no-any-return]

    def register_load_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` after loading."""
        return register(self._optimizer_load_state_dict_post_hooks, hook, prepend=prepend)  # type: ignore[no-any-return]

    # -- saving ----------------------------------------------------------------------------------------------------
    def state_dict(self) -> dict[str, Any]:
        """The options, and the state by the number of its parameter: `{"state": {0: ...}, "param_groups": [...]}`."""
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        numbers: dict[int, int] = {}
        groups: list[dict[str, Any]] = []
        start = 0
        for group in self.param_groups:  # a parameter that is there twice has the number of its last place
            places = enumerate(group["params"], start)
            numbers.update({id(param): i for i, param in places if id(param) not in numbers})
            start += len(group["params"])
            packed = {key: value for key, value in group.items() if key != "params"}
            packed["params"] = [numbers[id(param)] for param in group["params"]]
            groups.append(packed)
        state = {numbers[id(k)] if isinstance(k, Tensor) else k: v for k, v in self.state.items()}
        made: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            changed = hook(self, made)
            if changed is not None:
                made = changed
        return made

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the options and the state of a `state_dict()`; the groups must have the same sizes."""
        given = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            changed = hook(self, given)
            if changed is not None:
                given = changed
        groups, saved = self.param_groups, deepcopy(given["param_groups"])
        if len(groups) != len(saved):
            raise noted(
                ValueError(
                    "loaded state dict has a different number of parameter groups\n"
                    f"It has {len(saved)}, this optimizer {len(groups)}."
                )
            )
        if any(len(g["params"]) != len(s["params"]) for g, s in zip(groups, saved, strict=True)):
            raise noted(
                ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's group\n"
                    f"Sizes there: {[len(s['params']) for s in saved]}; here: {[len(g['params']) for g in groups]}."
                )
            )
        numbers = chain.from_iterable(s["params"] for s in saved)
        params = dict(zip(numbers, chain.from_iterable(g["params"] for g in groups), strict=True))
        there = {number for s in saved if s.get("capturable") or s.get("fused") for number in s["params"]}
        state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for key, value in given["state"].items():
            state[params.get(key, key)] = _suited(value, params[key], counts=key in there) if key in params else value
        for group, new in zip(groups, saved, strict=True):
            new["params"] = group["params"]
            if "param_names" in group:
                new.setdefault("param_names", group["param_names"])
        self.__setstate__({"state": state, "param_groups": saved})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for name in _HOOKS:
            self.__dict__.setdefault(name, OrderedDict())
        self.defaults.setdefault("differentiable", False)


def evaluated(closure: Callable[[], Any] | None) -> Any:
    """The loss that a closure computes, recorded even inside `no_grad`; None without one."""
    if closure is None:
        return None
    with enable_grad():
        return closure()


def check_capture(optimizer: Optimizer) -> None:
    """RuntimeError while a CUDA graph is captured: a formula that counts its steps would stay at the first one.

    With `capturable=True` steps are counted on the device. That costs a launch, so a step that is not captured after
    all warns, once.
    """
    graphs = sys.modules.get("gradviz.gpu.graphs")
    if graphs is None:
        return
    name, able = type(optimizer).__name__, all(group.get("capturable") for group in optimizer.param_groups)
    if graphs.capturing():
        if not able:
            raise noted(
                RuntimeError(
                    f"Attempting CUDA graph capture of step() for an instance of {name} but param_groups' capturable "
                    "is False.\nIts formula depends on the number of steps, which a graph would hold fixed. Capture "
                    "SGD, or another with capturable=True, or leave step() outside the graph."
                )
            )
    elif able and graphs.in_use() and not optimizer._warned_capturable_if_run_uncaptured:
        warnings.warn(
            "This instance was constructed with capturable=True or some of all the param_groups came with "
            "capturable=True, but step() is running without CUDA graph capture. If you never intend to graph-capture "
            "this instance, capturable=True can impair performance, and you should set capturable=False.",
            stacklevel=3,
        )
        optimizer._warned_capturable_if_run_uncaptured = True


def _name_params(group: dict[str, Any]) -> None:
    """Make `params` a list of tensors, with `param_names` beside it if pairs (name, tensor) were given."""
    params = group["params"]
    if isinstance(params, Tensor):
        params = [params]
    elif isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets "
            "will change between runs. Please use a list instead."
        )
    params = list(params)
    names = [p[0] for p in params if isinstance(p, tuple)]
    if names:
        if len(names) != len(params):
            raise ValueError("all optimizer params should be with/without names. Some param names are missing")
        group["param_names"] = names
        params = [p[1] for p in params]
    group["params"] = params


def _suited(value: Any, param: Tensor, key: Any = None, counts: bool = False) -> Any:
    """Loaded state with its tensors in the type and place of their parameter.

    The count of steps stays as it is, unless it is counted where the parameter is (`counts`: capturable or fused).
    """
    if isinstance(value, Tensor):
        if key == "step":
            return value.to(param.device, dtype=float32) if counts else value
        return value.to(param.device, dtype=param.dtype if param.is_floating_point() else None)
    if isinstance(value, dict):
        return {k: _suited(v, param, k, counts) for k, v in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        kind: Any = type(value)
        return kind(_suited(v, param) for v in value)
    return value
