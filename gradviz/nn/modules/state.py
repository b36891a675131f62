"""Saving and loading a Module's numbers: `state_dict` and `load_state_dict`, with the hooks around them."""

from __future__ import annotations

import itertools
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from gradviz.core.errors import noted
from gradviz.core.mode import no_grad
from gradviz.core.tensor import Tensor
from gradviz.utils.hooks import RemovableHandle, register

from ..parameter import Parameter, is_lazy
from .tree import Tree

EXTRA = "_extra_state"


class _IncompatibleKeys(NamedTuple):
    """What `load_state_dict` returns: names the module has and the dict lacks, and the other way round."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys!r}, unexpected_keys={self.unexpected_keys!r})"


class Loading(NamedTuple):
    """The lists that one `load_state_dict` fills."""

    missing: list[str]
    unexpected: list[str]
    errors: list[str]


class State(Tree):
    """The saving half of Module."""

    _version: int = 1
    _state_dict_hooks: OrderedDict[int, Any]
    _state_dict_pre_hooks: OrderedDict[int, Any]
    _load_state_dict_pre_hooks: OrderedDict[int, Any]
    _load_state_dict_post_hooks: OrderedDict[int, Any]

    # -- hooks -----------------------------------------------------------------------------------------------------
    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, prefix, keep_vars)` before this module writes its state."""
        return register(self._state_dict_pre_hooks, hook)  # type: ignore[no-any-return]

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)`, which may change the dict in place, afterwards."""
        return register(self._state_dict_hooks, (hook, True))  # type: ignore[no-any-return]

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """The older spelling: what the hook of the root module returns replaces the dict."""
        return register(self._state_dict_hooks, (hook, False))  # type: ignore[no-any-return]

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, metadata, strict, missing, unexpected, errors)` before loading."""
        return register(self._load_state_dict_pre_hooks, (hook, True))  # type: ignore[no-any-return]

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], with_module: bool = False
    ) -> RemovableHandle:
        return register(self._load_state_dict_pre_hooks, (hook, with_module))  # type: ignore[no-any-return]

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` after loading; it may change the two lists in place."""
        return register(self._load_state_dict_post_hooks, hook)  # type: ignore[no-any-return]

    # -- out -------------------------------------------------------------------------------------------------------
    def get_extra_state(self) -> Any:
        """Whatever else belongs into the state; define it together with `set_extra_state`."""
        raise noted(
            RuntimeError(
                "Reached a code path in Module.get_extra_state() that should never be called.\n"
                f"{self._get_name()} defines no extra state."
            )
        )

    def set_extra_state(self, state: Any) -> None:
        """Take back what `get_extra_state` returned."""
        raise noted(
            RuntimeError(
                "Reached a code path in Module.set_extra_state() that should never be called.\n"
                f"{self._get_name()} defines no extra state."
            )
        )

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Write this module's own parameters and buffers, not its children's."""
        members = itertools.chain(self._parameters.items(), self._persistent_buffers())
        for name, member in members:
            if member is not None:
                destination[prefix + name] = member if keep_vars or is_lazy(member) else member.detach()
        if type(self).get_extra_state is not State.get_extra_state:
            destination[prefix + EXTRA] = self.get_extra_state()

    def _persistent_buffers(self) -> list[tuple[str, Tensor | None]]:
        return [(k, v) for k, v in self._buffers.items() if k not in self._non_persistent_buffers_set]

    def state_dict(self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """All parameters and persistent buffers by dotted name, sharing their memory.

        With `keep_vars` they are the parameters themselves, else detached.
        """
        if args:
            warnings.warn(
                "Positional args are being deprecated, use kwargs instead. Refer to "
                "https://pytorch.org/docs/main/generated/torch.nn.Module.html#torch.nn.Module.state_dict for details.",
                FutureWarning,
                stacklevel=2,
            )
            given = [destination, prefix, keep_vars]
            given[: len(args)] = args
            destination, prefix, keep_vars = given
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook, public in self._state_dict_hooks.values():
            result = hook(self, destination, prefix, metadata)
            if result is not None:
                if public:
                    raise RuntimeError("state_dict post-hook must return None")
                destination = result
        return destination

    # -- in --------------------------------------------------------------------------------------------------------
    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Copy numbers from a state dict; with `assign` take its tensors themselves.

        Returns the missing and unexpected keys. Raises RuntimeError for tensors of another shape and, if `strict`, for
        missing or unexpected keys, with all of them listed.
        """
        if not isinstance(state_dict, Mapping):
            raise noted(
                TypeError(
                    f"Expected state_dict to be dict-like, got {type(state_dict)}.\n"
                    "A state dict is what model.state_dict() returns; a file with one is read by torch.load."
                )
            )
        found: Any = OrderedDict(state_dict)
        metadata = getattr(state_dict, "_metadata", None)
        if metadata is not None:
            found._metadata = metadata
        lists = Loading([], [], [])
        self._load_tree(found, "", metadata or {}, assign, lists)
        errors = lists.errors
        if strict:
            for what, keys in (("Unexpected", lists.unexpected), ("Missing", lists.missing)):
                if keys:
                    errors.insert(0, f"{what} key(s) in state_dict: " + ", ".join(f'"{k}"' for k in keys) + ". ")
        if errors:
            listed = "\n\t".join(errors)
            raise RuntimeError(f"Error(s) in loading state_dict for {self._get_name()}:\n\t{listed}")
        return _IncompatibleKeys(lists.missing, lists.unexpected)

    def _load_tree(self, found: Any, prefix: str, metadata: Any, assign: bool, lists: Loading) -> None:
        own = dict(metadata.get(prefix[:-1], {}))
        if assign:
            own["assign_to_params_buffers"] = True
        self._load_from_state_dict(found, prefix, own, True, *lists)
        for name, child in self._modules.items():
            if child is not None:
                start = f"{prefix}{name}."
                below = OrderedDict((k, v) for k, v in found.items() if k.startswith(start))
                child._load_tree(below, start, metadata, assign, lists)
        keys = _IncompatibleKeys(lists.missing, lists.unexpected)
        for hook in self._load_state_dict_post_hooks.values():
            if hook(self, keys) is not None:
                raise AssertionError(
                    "Hooks registered with ``register_load_state_dict_post_hook`` are not "
                    "expected to return new values, if incompatible_keys need to be modified, "
                    "it should be done inplace."
                )

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool, missing_keys: list[str],
        unexpected_keys: list[str], error_msgs: list[str],
    ) -> None:  # fmt: skip
        """Load this module's own parameters and buffers; subclasses override it to read older layouts."""
        for hook, with_module in self._load_state_dict_pre_hooks.values():
            first = (self,) if with_module else ()
            hook(*first, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        members = itertools.chain(self._parameters.items(), self._persistent_buffers())
        own = {name: member for name, member in members if member is not None}
        assign = local_metadata.get("assign_to_params_buffers", False)
        for name, member in own.items():
            key = prefix + name
            if key in state_dict:
                trouble = self._load_one(name, key, member, state_dict[key], assign)
                if trouble:
                    error_msgs.append(trouble)
            elif strict:
                missing_keys.append(key)
        extra = prefix + EXTRA
        if type(self).set_extra_state is not State.set_extra_state:
            if extra in state_dict:
                self.set_extra_state(state_dict[extra])
            elif strict:
                missing_keys.append(extra)
        elif strict and extra in state_dict:
            unexpected_keys.append(extra)
        if strict:
            for key in state_dict:
                if key.startswith(prefix) and key != extra:
                    name, dot, _ = key[len(prefix) :].partition(".")
                    if name not in (self._modules if dot else own):
                        unexpected_keys.append(key)

    def _load_one(self, name: str, key: str, member: Tensor, given: Any, assign: bool) -> str:
        """Load one tensor; the error text if that cannot be."""
        if not isinstance(given, Tensor):
            return (
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object from '
                f"checkpoint but received {type(given)}"
            )
        if is_lazy(member) and is_lazy(given):
            return ""
        if member.ndim == 0 and tuple(given.shape) == (1,):
            given = given[0]
        if given.shape != member.shape:
            return (
                f"size mismatch for {key}: copying a param with shape {given.shape} from checkpoint, "
                f"the shape in current model is {member.shape}."
            )
        try:
            with no_grad():
                if not assign:
                    member.copy_(given)
                    return ""
                if isinstance(member, Parameter):
                    if not isinstance(given, Parameter):
                        given = Parameter(given, requires_grad=member.requires_grad)
                    else:
                        given.requires_grad_(member.requires_grad)
                setattr(self, name, given)
        except Exception as error:
            return (
                f'While copying the parameter named "{key}", whose dimensions in the model are {member.shape} and '
                f"whose dimensions in the checkpoint are {given.shape}, an exception occurred : {error.args}."
            )
        return ""
