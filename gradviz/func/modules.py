"""Modules as functions of their parameters: functional_call, stack_module_state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..core.op import FUNCTIONS
from ..core.tensor import Tensor


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module with these tensors in place of its parameters and buffers of the same names.

    https://docs.pytorch.org/docs/2.13/generated/torch.func.functional_call.html
    """
    given = _merged(parameter_and_buffer_dicts)
    for tensor in given.values():
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{tensor} is not an instance of torch.Tensor")
    positional = () if args is None else args if isinstance(args, tuple) else (args,)
    with _replaced(module, given, tie_weights, strict):
        return module(*positional, **(kwargs or {}))


def _merged(dicts: Any) -> dict[str, Any]:
    if isinstance(dicts, dict):
        return dicts
    if not isinstance(dicts, (list, tuple)):
        raise ValueError(
            f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got {type(dicts)}"
        )
    if not all(isinstance(d, dict) for d in dicts):
        raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
    keys = [key for d in dicts for key in d]
    repeated = [key for key in dict.fromkeys(keys) if keys.count(key) > 1]
    if repeated:
        raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous")
    return {key: value for d in dicts for key, value in d.items()}


def _homes(module: Any) -> dict[str, tuple[dict[str, Any], str]]:
    """For each name of a parameter or buffer the dict that holds it, and its name there."""
    return {
        f"{prefix}.{name}" if prefix else name: (home, name)
        for prefix, owner in module.named_modules(remove_duplicate=False)
        for home in (owner._parameters, owner._buffers)
        for name, tensor in home.items()
        if tensor is not None
    }


@contextmanager
def _replaced(module: Any, given: dict[str, Any], tie_weights: bool, strict: bool) -> Iterator[None]:
    """The module with these tensors inside the block."""
    module.named_parameters  # noqa: B018 (anything else is refused by name)
    homes = _homes(module)
    values = {name: home[key] for name, (home, key) in homes.items()}
    tied: dict[int, list[str]] = {}
    for name, tensor in values.items():
        tied.setdefault(id(tensor), []).append(name)
    wanted = {name: tensor for name, tensor in given.items() if name in homes}
    if tie_weights:
        for names in tied.values():
            chosen = [given[name] for name in names if name in given]
            if any(other is not chosen[0] for other in chosen[1:]):
                raise ValueError(
                    f"functional_call got multiple values for keys {sorted(n for n in names if n in given)}, which are "
                    "tied. Consider using tie_weights=False"
                )
            if chosen:
                wanted |= dict.fromkeys(names, chosen[0])
    if strict:
        _check_names(module, set(values) - set(wanted), set(given) - set(homes))
    try:
        for name, tensor in wanted.items():
            home, key = homes[name]
            home[key] = tensor
        yield
    finally:
        for name in wanted:
            home, key = homes[name]
            if name in given and home.get(key) is not given[name]:
                given[name] = home.get(key)  # a module may assign its buffers anew
            home[key] = values[name]


def _check_names(module: Any, missing: set[str], unexpected: set[str]) -> None:
    if not missing and not unexpected:
        return
    lines = [f"Error(s) in reparametrizing for {module._get_name()}:"]
    for what, names in (("Unexpected", unexpected), ("Missing", missing)):
        if names:
            listed = ", ".join(f'"{name}"' for name in sorted(names))
            lines.append(f"\t{what} key(s): {listed}.")
    raise RuntimeError("\n".join(lines))


def stack_module_state(models: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters and the buffers of several like models, each stacked along a new first dimension.

    https://docs.pytorch.org/docs/2.13/generated/torch.func.stack_module_state.html
    """
    if not len(models):
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if any(m.training != models[0].training for m in models):
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if any(type(m) is not type(models[0]) for m in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    parameters = [dict(m.named_parameters()) for m in models]
    buffers = [dict(m.named_buffers()) for m in models]
    return {k: _stacked(parameters, k) for k in parameters[0]}, {k: _stacked(buffers, k) for k in buffers[0]}


def _stacked(dicts: list[dict[str, Any]], name: str) -> Tensor:
    values = [d[name] for d in dicts]
    wants = {v.requires_grad for v in values}
    if len(wants) > 1:
        raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
    made: Tensor = FUNCTIONS["stack"]([v.detach() for v in values])
    return made.requires_grad_(wants.pop())


def replace_all_batch_norm_modules_(root: Any) -> Any:
    """Make every batch normalisation in a module use the batch's own statistics, in place; returns the module."""
    for module in root.modules():
        if "running_mean" in getattr(module, "_buffers", {}):
            module.running_mean = module.running_var = None
            module.num_batches_tracked = None
            module.track_running_stats = False
    return root
