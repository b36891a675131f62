"""What parametrizations may not do, with PyTorch's errors: change a tensor's type or shape, return no tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradviz.core.tensor import Tensor


def check_tensor(value: Any, text: str) -> None:
    """ValueError where something is no tensor; `{}` in the text is what it is."""
    if not isinstance(value, Tensor):
        raise ValueError(text.format(type(value).__name__))


def _same(text: str, *named: tuple[str, Any], what: str) -> None:
    """ValueError with both values where two are not the same; `{what}` in the texts is what they are."""
    (_, old), (_, new) = named
    if old != new:
        raise ValueError("\n".join([text.format(what=what), *(f"{n.format(what=what)}: {v}" for n, v in named)]))


def _keeps(text: str, before: tuple[str, Any], after: tuple[str, Any]) -> None:
    for what in ("dtype", "shape"):
        _same(text, *((name, getattr(value, what)) for name, value in (before, after)), what=what)


def check_first(original: Tensor, new: Tensor) -> None:
    """A right inverse that gives one tensor leaves it of its type and on its device."""
    for what in ("dtype", "device"):
        _same(
            "When `right_inverse` outputs one tensor, it may not change the {what}.",
            ("original.{what}", getattr(original, what)),
            ("right_inverse(original).{what}", getattr(new, what)),
            what=what,
        )


def check_result(value: Any, kind: Any, shape: Any) -> None:
    """The first parametrization gives a tensor like the one it stands for."""
    check_tensor(value, "A parametrization must return a tensor. Got {}.")
    text = "Registering a parametrization may not change the {what} of the tensor, unless `unsafe` flag is enabled."
    for what, want in (("dtype", kind), ("shape", shape)):
        named = ("unparametrized {what}", want), ("parametrized {what}", getattr(value, what))
        _same(text, *named, what=what)


def check_next(module: Any, name: str, parametrization: Any) -> None:
    """Another parametrization gives a tensor like the one it gets, and so does its right inverse."""
    before = f"module.{name}.{{what}}", getattr(module, name)
    value = parametrization(before[1])
    check_tensor(value, "A parametrization must return a tensor. Got {}.")
    text = "Registering a parametrization may not change the {what} of the tensor, unless the `unsafe` flag is enabled."
    _keeps(text, before, (f"parametrization(module.{name}).{{what}}", value))
    if not hasattr(parametrization, "right_inverse"):
        return
    try:
        value = parametrization.right_inverse(value)
    except NotImplementedError:
        return
    check_tensor(value, "parametrization.right_inverse must return a tensor. Got: {}")
    text = (
        "The tensor returned by parametrization.right_inverse must have the same {what} "
        f"as module.{name}, unless the `unsafe` flag is enabled."
    )
    _keeps(text, before, ("returned {what}", value))


def check_inverse(value: Any, originals: list[Tensor], single: bool) -> None:
    """What right inverses give when the parametrized tensor is assigned to fits the trained tensors."""
    if single:
        check_tensor(value, "`right_inverse` should return a tensor. Got {}")
        if value.dtype != originals[0].dtype:
            raise ValueError(
                f"The tensor returned by `right_inverse` has dtype {value.dtype} while `original` has dtype "
                f"{originals[0].dtype}"
            )
        return
    if not isinstance(value, Sequence):
        raise ValueError(f"'right_inverse' must return a sequence of tensors. Got {type(value).__name__}.")
    if len(value) != len(originals):
        raise ValueError(
            f"'right_inverse' must return a sequence of tensors of length {len(originals)}. Got a sequence of length "
            f"{len(value)}."
        )
    for i, (part, original) in enumerate(zip(value, originals, strict=True)):
        if not isinstance(part, Tensor):
            raise ValueError(
                "'right_inverse' must return a sequence of tensors or reference-type opaques. Got element "
                f"{i} of type {type(part).__name__}."
            )
        if part.dtype != original.dtype:
            raise ValueError(
                f"Tensor {i} returned by `right_inverse` has dtype {part.dtype} while `original{i}` has dtype "
                f"{original.dtype}"
            )
