"""`behave(program)`: a program run under PyTorch and under gradviz must log, warn and raise the same.

A program gets `torch`, `F`, `np` and `log`; what it passes to `log` is compared: tensors by value, dtype, shape and
`requires_grad`, other things by `==` or, failing that, by their repr. Warnings are compared by category and first
sentence, an exception by type and first sentence.
"""

from __future__ import annotations

import textwrap
import warnings
from typing import Any

import numpy as np

from .same import check_errors, first_sentence
from .same import functional as functional_of


def behave(program: str, rtol: float = 2e-5) -> None:
    """Run the program under both libraries and compare everything it did."""
    import torch

    import gradviz
    from gradviz.core.gradient import Warned

    Warned.create_graph = False
    torch.set_warn_always(True)
    try:
        theirs, ours = (observed(library, textwrap.dedent(program)) for library in (torch, gradviz))
    finally:
        torch.set_warn_always(False)
    check_errors(theirs[2], ours[2])
    assert len(theirs[0]) == len(ours[0]), f"{len(ours[0])} entries, PyTorch {len(theirs[0])}: {theirs[0]}, {ours[0]}"
    for i, (want, got) in enumerate(zip(theirs[0], ours[0], strict=True)):
        alike(f"entry {i}", want, got, rtol)
    assert theirs[1] == ours[1], f"warnings\nPyTorch: {theirs[1]}\ngradviz: {ours[1]}"


def observed(library: Any, program: str) -> tuple[list[Any], list[Any], BaseException | None]:
    """What the program logged, what it warned of, and what it raised."""
    entries: list[Any] = []

    def log(*values: Any) -> None:
        entries.extend(plain(value, library) for value in values)

    library.manual_seed(0)
    raised: BaseException | None = None
    names = {"torch": library, "F": functional_of(library), "np": np, "log": log}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(compile(program, "<program>", "exec"), names)
        except Exception as error:
            raised = error
    seen = [(w.category.__name__, sentence(str(w.message))) for w in caught if not _inner(w)]
    return entries, list(dict.fromkeys(seen)), raised


def _inner(warning: Any) -> bool:
    """NumPy's warnings, and what PyTorch says of its own machinery."""
    text = str(warning.message)
    return warning.category is RuntimeWarning or "torch.jit" in text or "get_attr Node" in text


def sentence(text: str) -> str:
    """A warning's first sentence, without the place in PyTorch's source that follows some."""
    return first_sentence(text).partition(" (Triggered internally")[0].partition(". ")[0].rstrip(".")


def plain(value: Any, library: Any) -> Any:
    """A value that can be compared between the libraries; taken at once, before anything changes it."""
    if isinstance(value, library.Tensor):
        array = value.detach().cpu()
        array = array.float() if value.dtype is library.bfloat16 else array
        return Seen(array.numpy().copy(), str(value.dtype).removeprefix("torch."), value.requires_grad)
    if isinstance(value, dict):
        return {k: plain(v, library) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [type(value).__name__, *(plain(v, library) for v in value)]
    if isinstance(value, BaseException):
        return [type(value).__name__, first_sentence(str(value))]
    if value is None or isinstance(value, (bool, int, float, complex, str)):
        return value
    return str(value).replace("gradviz", "torch")


class Seen:
    """A tensor as it was when it was logged."""

    def __init__(self, array: np.ndarray, dtype: str, requires_grad: bool) -> None:
        self.array, self.dtype, self.requires_grad = array, dtype, requires_grad

    def __repr__(self) -> str:
        return f"{self.array.tolist()} {self.dtype}{' requires_grad' if self.requires_grad else ''}"


def alike(what: str, want: Any, got: Any, rtol: float) -> None:
    """Equal, tensors within the tolerance; NaN equals NaN."""
    assert type(want) is type(got), f"{what}: {got!r}, PyTorch {want!r}"
    if isinstance(want, Seen):
        assert (want.dtype, want.array.shape) == (got.dtype, got.array.shape), f"{what}: {got!r}, PyTorch {want!r}"
        np.testing.assert_allclose(got.array, want.array, rtol=rtol, atol=rtol, err_msg=what)
        assert want.requires_grad == got.requires_grad, f"{what}: {got!r}, PyTorch {want!r}"
    elif isinstance(want, dict):
        assert list(want) == list(got), f"{what}: keys {list(got)}, PyTorch {list(want)}"
        for key in want:
            alike(f"{what}[{key!r}]", want[key], got[key], rtol)
    elif isinstance(want, list):
        assert len(want) == len(got), f"{what}: {got!r}, PyTorch {want!r}"
        for i, (a, b) in enumerate(zip(want, got, strict=True)):
            alike(f"{what}[{i}]", a, b, rtol)
    elif isinstance(want, float):
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol, err_msg=what)
    else:
        assert want == got, f"{what}: {got!r}, PyTorch {want!r}"


def function(forward: str, backward: str, program: str, extra: str = "") -> str:
    """A program that defines class `f` with these bodies and runs."""
    body = "\n".join(f"        {line}" for line in forward.split("\n"))
    back = "\n".join(f"        {line}" for line in backward.split("\n"))
    return (
        f"class f(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, *args):\n{body}\n"
        f"    @staticmethod\n{extra}    def backward(ctx, *gs):\n{back}\n{program}"
    )
