"""`same("x * y + y.sum()", x=(2, 3), y=(3,))`: one snippet under PyTorch and under gradviz, everything compared.

Both runs get the same NumPy-made inputs. Compared are values, dtype, shape, repr, first and second gradients, and,
where the snippet raises, the exception's type and first sentence. A snippet is an expression, or lines of which the
last is one.
Inputs are spelled as shapes (normal numbers, which require grad), or by one of the makers below.
"""

from __future__ import annotations

import ast
import re
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

import gradviz

F16, F32, F64 = np.float16, np.float32, np.float64


@dataclass(frozen=True)
class Input:
    """How to make one input: its shape and type, where its numbers lie, and how its memory is laid out."""

    shape: tuple[int, ...] = ()
    dtype: Any = F32
    low: float | None = None
    high: float | None = None
    requires_grad: bool = True
    layout: str = "C"
    value: Any = None

    def make(self, name: str) -> np.ndarray:
        """The array; the same on every run, other for every name."""
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        kind = np.dtype(self.dtype).kind
        if self.value is not None:
            array = np.array(self.value, dtype=self.dtype)
        elif kind == "c":
            array = self._reals(rng) + 1j * self._reals(rng)
        elif kind == "b":
            array = rng.random(self.shape) > 0.5
        elif kind in "iu":
            array = rng.integers(self.low or 0, 5 if self.high is None else self.high, self.shape)
        else:
            array = self._reals(rng)
        array = np.asarray(array, dtype=self.dtype)
        if self.layout == "F":
            return np.asfortranarray(array)
        if self.layout == "step" and array.ndim:
            wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
            wide[..., ::2] = array
            return wide[..., ::2]
        return array

    def _reals(self, rng: np.random.Generator) -> Any:
        return rng.standard_normal(self.shape) if self.low is None else rng.uniform(self.low, self.high, self.shape)

    @property
    def differentiable(self) -> bool:
        return self.requires_grad and np.dtype(self.dtype).kind in "fc"


def floats(*shape: int, low: float | None = None, high: float | None = None, dtype: Any = F32, **options: Any) -> Input:
    """Normal numbers, or uniform ones between low and high."""
    return Input(shape, dtype, low, high, **options)


def positive(*shape: int, dtype: Any = F32) -> Input:
    return Input(shape, dtype, 0.2, 2.0)


def unit(*shape: int, dtype: Any = F32) -> Input:
    """Numbers inside (-1, 1)."""
    return Input(shape, dtype, -0.9, 0.9)


def complexes(*shape: int, dtype: Any = np.complex64, **options: Any) -> Input:
    """Complex numbers with normal parts."""
    return Input(shape, dtype, **options)


def ints(*shape: int, low: int = 0, high: int = 5, dtype: Any = np.int64) -> Input:
    return Input(shape, dtype, low, high)


def bools(*shape: int) -> Input:
    return Input(shape, np.bool_)


def given(value: Any, dtype: Any = F32, requires_grad: bool = True) -> Input:
    """These numbers."""
    return Input(np.shape(value), dtype, value=value, requires_grad=requires_grad)


def const(*shape: int, dtype: Any = F32) -> Input:
    """Normal numbers that require no gradient."""
    return Input(shape, dtype, requires_grad=False)


def as_input(spec: Any) -> Input:
    return spec if isinstance(spec, Input) else Input(tuple(spec))


@dataclass(frozen=True)
class Sample:
    """A snippet and its inputs. `order` is how many times gradients are taken; `rtol` replaces the usual tolerance."""

    code: str
    inputs: dict[str, Any]
    order: int = 2
    rtol: float | None = None
    text: bool = True

    def __str__(self) -> str:
        shapes = ",".join(
            f"{name}:{'x'.join(map(str, i.shape)) or '0d'}{'' if i.dtype is F32 else ' ' + np.dtype(i.dtype).name}"
            f"{'' if i.layout == 'C' else ' ' + i.layout}"
            for name, i in self.made.items()
        )
        return f"{' '.join(self.code.split())} [{shapes}]"

    @property
    def made(self) -> dict[str, Input]:
        return {name: as_input(spec) for name, spec in self.inputs.items()}


def sample(code: str, order: int = 2, rtol: float | None = None, text: bool = True, **inputs: Any) -> Sample:
    """A row of a table. `text=False` leaves the repr uncompared."""
    return Sample(code, inputs, order, rtol, text)


# -- running -------------------------------------------------------------------------------------------------------
@dataclass
class Run:
    """What a snippet gave under one library, as NumPy arrays and texts."""

    outputs: list[Any]
    first: list[Any]
    second: list[Any]
    text: str = ""
    error: BaseException | None = None


def functional(torch: Any) -> Any:
    """`torch.nn.functional`, or None where this library does not have it."""
    return getattr(getattr(torch, "nn", None), "functional", None)


def evaluate(code: str, names: dict[str, Any]) -> Any:
    """The value of the last line."""
    tree = ast.parse(code)
    *body, last = tree.body
    exec(compile(ast.Module(body, []), "<snippet>", "exec"), names)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), "<snippet>", "eval"), names)
    exec(compile(ast.Module([last], []), "<snippet>", "exec"), names)
    return None


def leaves(torch: Any, inputs: dict[str, Input], device: Any = None) -> dict[str, Any]:
    """The inputs as this library's tensors. PyTorch gets its own copy of the memory, laid out alike."""
    made = {}
    for name, spec in inputs.items():
        x = torch.from_numpy(spec.make(name))
        if device is not None:
            x = x.to(device)
        made[name] = x.requires_grad_() if spec.differentiable else x
    return made


def _tensors(out: Any, torch: Any) -> list[Any]:
    if isinstance(out, torch.Tensor):
        return [out]
    if isinstance(out, (tuple, list)):
        return [t for o in out for t in _tensors(o, torch)]
    return []


def _weighted(torch: Any, outs: list[Any], seed: int, device: Any) -> Any:
    """A scalar that depends on every element of every output, each with its own weight, and not only linearly."""
    total = None
    for i, out in enumerate(outs):
        if out is None or not out.requires_grad:
            continue
        rng = np.random.default_rng(seed + i)
        for part in (out.real, out.imag) if out.is_complex() else (out,):
            weights = torch.from_numpy(np.asarray(rng.uniform(0.5, 1.5, tuple(part.shape)), F64)).to(part.dtype)
            if device is not None:
                weights = weights.to(device)
            term = (part * weights * (part * 0.5 + 1)).sum()
            total = term if total is None else total + term
    return total


def run(torch: Any, row: Sample, device: Any = None) -> Run:
    """Run a snippet and take its gradients."""
    tensors = leaves(torch, row.made, device)
    wanted = [tensors[name] for name, spec in row.made.items() if spec.differentiable]
    try:
        out = evaluate(row.code, {"torch": torch, "F": functional(torch), "np": np, **tensors})
    except Exception as error:
        return Run([], [], [], error=error)
    outs = _tensors(out, torch)
    result = Run([_array(o) for o in outs] if outs else [out], [], [], repr(out) if row.text and device is None else "")
    loss = _weighted(torch, outs, 1, device) if wanted and row.order else None
    if loss is None:
        return result
    first = torch.autograd.grad(loss, wanted, create_graph=row.order > 1, allow_unused=True)
    result.first = [_array(g) for g in first]
    if row.order > 1:
        loss = _weighted(torch, list(first), 100, device)
        if loss is not None:
            second = torch.autograd.grad(loss, wanted, allow_unused=True)
            result.second = [_array(g) for g in second]
    return result


def _array(tensor: Any) -> Any:
    if tensor is None:
        return None
    name = str(tensor.dtype).removeprefix("torch.")
    tensor = tensor.detach().cpu()
    if getattr(tensor, "_is_zerotensor", bool)():  # PyTorch's zeros without memory
        return np.zeros(tuple(tensor.shape), name), name
    if tensor.is_complex():  # PyTorch's conjugates and their parts may be left to be computed
        tensor = tensor.resolve_conj()
    return (tensor.resolve_neg().float() if name == "bfloat16" else tensor.resolve_neg()).numpy().copy(), name


# -- comparing -----------------------------------------------------------------------------------------------------
TOLERANCE = {"float16": 4e-3, "bfloat16": 2e-2, "float32": 2e-5, "float64": 1e-10}
TOLERANCE |= {"complex64": TOLERANCE["float32"], "complex128": TOLERANCE["float64"]}


def first_sentence(text: str) -> str:
    """The first line, without memory addresses."""
    return re.sub(r"0x[0-9a-f]+", "0x", text.split("\n")[0]).strip()


def check_errors(theirs: BaseException | None, ours: BaseException | None) -> None:
    """The same type, and the same first sentence."""
    if theirs is None:
        assert ours is None, f"gradviz raised where PyTorch did not: {type(ours).__name__}: {ours}"
        return
    assert ours is not None, f"PyTorch raised, gradviz did not: {type(theirs).__name__}: {theirs}"
    assert type(ours).__name__ == type(theirs).__name__, f"{ours!r} is not of the type of {theirs!r}"
    want, got = first_sentence(str(theirs)), first_sentence(str(ours))
    assert got, "an error without a text"
    assert want == got or want.startswith(got), f"\nPyTorch: {want}\ngradviz: {got}"


def close(what: str, theirs: Any, ours: Any, rtol: float | None, *, none_is_zero: bool = False) -> None:
    """Equal dtype, shape and values. NaN equals NaN."""
    if isinstance(theirs, tuple) and isinstance(theirs[0], np.ndarray):
        if none_is_zero and ours is None:
            ours = (np.zeros_like(theirs[0]), theirs[1])
        assert ours is not None, f"{what}: gradviz has none, PyTorch {theirs[0]}"
        (want, want_type), (got, got_type) = theirs, ours
        assert want_type == got_type, f"{what}: dtype {got_type}, PyTorch {want_type}"
        assert want.shape == got.shape, f"{what}: shape {got.shape}, PyTorch {want.shape}"
        tolerance = rtol if rtol is not None else TOLERANCE.get(want_type, 0)
        scale = float(np.max(np.abs(want[np.isfinite(want)]), initial=0.0)) if want.dtype.kind in "fc" else 1.0
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * max(scale, 0.1), err_msg=what)
    elif none_is_zero and theirs is None and ours is not None:
        assert not np.any(ours[0]), f"{what}: PyTorch has none, gradviz {ours[0]}"
    else:
        assert (theirs is None and ours is None) or theirs == ours, f"{what}: {ours!r}, PyTorch {theirs!r}"


def compare(row: Sample, theirs: Run, ours: Run) -> None:
    """Everything that `same` promises."""
    check_errors(theirs.error, ours.error)
    assert len(theirs.outputs) == len(ours.outputs), f"{len(ours.outputs)} outputs, PyTorch {len(theirs.outputs)}"
    for i, (want, got) in enumerate(zip(theirs.outputs, ours.outputs, strict=True)):
        close(f"output {i}", want, got, row.rtol)
    if theirs.text:
        same_text(theirs.text, ours.text)
    for order, wants, gots in (("first", theirs.first, ours.first), ("second", theirs.second, ours.second)):
        rtol = row.rtol if row.rtol is not None else None
        names = [name for name, spec in row.made.items() if spec.differentiable]
        wants, gots = (g or [None] * len(names) for g in (wants, gots))
        for name, want, got in zip(names, wants, gots, strict=True):
            loose = rtol if order == "first" or want is None else max(rtol or 0, 4 * TOLERANCE.get(want[1], 0))
            close(f"{order} gradient of {name}", want, got, loose, none_is_zero=order == "second")


NUMBER = re.compile(r"-?\d+\.\d{3,}(e[+-]?\d+)?")


def same_text(theirs: str, ours: str) -> None:
    """Two reprs are laid out alike and agree to three digits, or to what rounding leaves of a difference."""
    message = f"repr\nPyTorch: {theirs}\ngradviz: {ours}"
    assert NUMBER.sub("#", theirs) == NUMBER.sub("#", ours), message
    want, got = ([float(m[0]) for m in NUMBER.finditer(text)] for text in (theirs, ours))
    scale = max(map(abs, want), default=0.0)
    np.testing.assert_allclose(got, want, rtol=5e-3, atol=1e-6 * scale, err_msg=message)


def same(code: str, order: int = 2, rtol: float | None = None, text: bool = True, **inputs: Any) -> None:
    """Run one snippet under both libraries and compare everything."""
    import torch

    import gradviz

    row = sample(code, order, rtol, text, **inputs)
    compare(row, run(torch, row), run(gradviz, row))


def same_on_device(row: Sample, device: Any) -> None:
    """One sample gives the same values, gradients and second gradients, or the same error, on another device."""
    here = run(gradviz, row)
    with device:
        there = run(gradviz, row, device)
    if here.error is not None:
        assert type(there.error) is type(here.error)
        return
    assert there.error is None, repr(there.error)
    for what in ("outputs", "first", "second"):
        for i, (want, got) in enumerate(zip(getattr(here, what), getattr(there, what), strict=True)):
            close(f"{what} {i}", want, got, row.rtol)
