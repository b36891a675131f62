"""Reading the arguments of layers and containers (torch.nn.modules.utils)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any


def _ntuple(n: int, name: str = "parse") -> Callable[[Any], tuple[Any, ...]]:
    """A function that makes a tuple of what it is given: the same value `n` times, or all of an iterable."""

    def parse(x: Any) -> tuple[Any, ...]:
        return tuple(x) if isinstance(x, Iterable) else (x,) * n

    parse.__name__ = name
    return parse


def factory_kwargs(kwargs: dict[str, Any] | None) -> dict[str, Any]:
    """The arguments `device`, `dtype` and `memory_format` among those of a layer, also from its own `factory_kwargs`.

    Raises TypeError for any other name, and for one given twice.
    """
    if kwargs is None:
        return {}
    names = {"device", "dtype", "memory_format"}
    others = kwargs.keys() - names - {"factory_kwargs"}
    if others:
        raise TypeError(f"unexpected kwargs {others}")
    found = dict(kwargs.get("factory_kwargs", {}))
    twice = found.keys() & kwargs.keys()
    if twice:
        raise TypeError(f"{min(twice)} specified twice, in **kwargs and in factory_kwargs")
    return found | {name: kwargs[name] for name in names & kwargs.keys()}


_single, _pair = _ntuple(1, "_single"), _ntuple(2, "_pair")
_triple, _quadruple = _ntuple(3, "_triple"), _ntuple(4, "_quadruple")


def _reverse_repeat_tuple(t: tuple[Any, ...], n: int) -> tuple[Any, ...]:
    """Each element `n` times, the last one first: padding per dimension as `nn.functional.pad` wants it."""
    return tuple(x for x in reversed(t) for _ in range(n))


def _list_with_default(out_size: Any, defaults: list[int]) -> Any:
    """Sizes with None filled in from the last of `defaults`."""
    if isinstance(out_size, int):
        return out_size
    if len(defaults) <= len(out_size):
        raise ValueError(f"Input dimension should be at least {len(out_size) + 1}")
    return [d if v is None else v for v, d in zip(out_size, defaults[-len(out_size) :], strict=True)]


def consume_prefix_in_state_dict_if_present(state_dict: dict[str, Any], prefix: str) -> None:
    """Drop `prefix` from all names of a state dict, in place: "module." is what DataParallel puts before them."""
    for key in list(state_dict):
        if key.startswith(prefix):
            state_dict[key[len(prefix) :]] = state_dict.pop(key)
    metadata = getattr(state_dict, "_metadata", None)
    for key in list(metadata or ()):
        # "" is the whole network and "module" the wrapped one, whose entry becomes that of the whole.
        if key == prefix.removesuffix(".") or key.startswith(prefix):
            metadata[key[len(prefix) :]] = metadata.pop(key)  # type: ignore[index, union-attr]


def pairs_of(values: Iterable[Any], name: str) -> Iterator[tuple[str, Any]]:
    """Pairs from an iterable, with PyTorch's errors for what is not one."""
    for i, item in enumerate(values):
        if not isinstance(item, Iterable):
            raise TypeError(f"{name} update sequence element #{i} should be Iterable; is{type(item).__name__}")
        found = tuple(item)
        if len(found) != 2:
            raise ValueError(f"{name} update sequence element #{i} has length {len(found)}; 2 is required")
        yield found
