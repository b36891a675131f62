"""A stand-in for a GPU: arrays that are not NumPy's, refuse NumPy's functions, and know only what CuPy knows.

Operations that are correct on a GPU run here unchanged. An operation that slips a NumPy call in, mixes devices, or uses
a function or keyword that CuPy lacks fails, with a plain error, on any machine. Values inside are NumPy arrays.

    device = strict()          # registered as "strict"
    x = torch.ones(3, device="strict")
"""

from __future__ import annotations

# ruff: noqa: E501, SIM905  (tables)
import types
from typing import Any

import numpy as np

from gradviz.core.device import Device, register

# The functions the core may use, with the parameters CuPy 14 gives them. Elementwise ones take `out` and `dtype` too.
SIGNATURES = """
    where(condition, x, y) zeros(shape, dtype, order) ones(shape, dtype, order) empty(shape, dtype, order)
    full(shape, fill_value, dtype, order) zeros_like(a, dtype, order) ones_like(a, dtype, order)
    empty_like(prototype, dtype, order) full_like(a, fill_value, dtype, order) arange(start, stop, step, dtype)
    asarray(a, dtype, order, copy) array(obj, dtype, copy, order) ascontiguousarray(a, dtype) eye(N, M, k, dtype, order)
    linspace(start, stop, num, endpoint, dtype) sum(a, axis, dtype, out, keepdims) prod(a, axis, dtype, out, keepdims)
    mean(a, axis, dtype, out, keepdims) max(a, axis, out, keepdims) min(a, axis, out, keepdims)
    argmax(a, axis, dtype, out, keepdims) argmin(a, axis, dtype, out, keepdims) any(a, axis, out, keepdims)
    all(a, axis, out, keepdims) count_nonzero(a, axis) cumsum(a, axis, dtype, out) cumprod(a, axis, dtype, out)
    clip(a, a_min, a_max, out) round(a, decimals, out) stack(tup, axis, out, dtype) concatenate(tup, axis, out, dtype)
    take(a, indices, axis, out) take_along_axis(a, indices, axis) put_along_axis(arr, indices, values, axis)
    flip(a, axis) roll(a, shift, axis) tile(A, reps) repeat(a, repeats, axis) reshape(a, newshape, order)
    transpose(a, axes) swapaxes(a, axis1, axis2) moveaxis(a, source, destination) expand_dims(a, axis) squeeze(a, axis)
    broadcast_to(array, shape) broadcast_arrays(a, b) diagonal(a, offset, axis1, axis2) tril(m, k) triu(m, k) nonzero(a)
    argsort(a, axis, kind) sort(a, axis, kind) pad(array, pad_width, mode, constant_values)
    isclose(a, b, rtol, atol, equal_nan) matmul(x1, x2, out, dtype) einsum(subscripts, operands, dtype, optimize) dot(a, b, out) tensordot(a, b, axes) outer(a, b, out)
    isin(element, test_elements, assume_unique, invert) rot90(a, k, axes) bincount(x, weights, minlength) searchsorted(a, v, side, sorter) unique(ar, return_index, return_inverse, return_counts)
"""
# Likewise for the modules of the array library.
MODULES = {
    "linalg": """cholesky(a) qr(a, mode) svd(a, full_matrices, compute_uv) eigh(a, UPLO) eigvalsh(a, UPLO) eig(a) det(a)
        slogdet(a) inv(a) solve(a, b)""",
    "fft": "fftn(a, s, axes, norm) ifftn(a, s, axes, norm) rfftn(a, s, axes, norm) irfftn(a, s, axes, norm)",
}
ELEMENTWISE = """conj real imag angle add subtract multiply divide true_divide floor_divide remainder fmod power negative absolute abs sign sqrt
    square cbrt reciprocal exp exp2 expm1 log log2 log10 log1p logaddexp sin cos tan arcsin arccos arctan arctan2 sinh cosh
    tanh arcsinh arccosh arctanh hypot maximum minimum fmax fmin floor ceil trunc rint signbit copysign isnan isinf isfinite
    heaviside nextafter ldexp frexp gcd lcm deg2rad rad2deg logaddexp2 sinc i0 nan_to_num
    logical_and logical_or logical_not logical_xor bitwise_and bitwise_or bitwise_xor invert left_shift right_shift equal
    not_equal less less_equal greater greater_equal""".split()
PLAIN = """float16 float32 float64 int8 int16 int32 int64 uint8 uint64 bool_ complex64 complex128 iinfo finfo inf nan pi
    newaxis dtype""".split()
# These move data to the device, so they alone take NumPy arrays.
TRANSFERS = {"asarray", "array"}


class StrictArray:
    """An array of the stand-in device."""

    __slots__ = ("_a", "base")
    __array_ufunc__ = None  # so NumPy's scalars leave arithmetic to us, and NumPy's ufuncs refuse

    def __init__(self, array: np.ndarray, base: StrictArray | None = None) -> None:
        self._a, self.base = array, base

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Use device.to_numpy(array).")

    def __array_function__(self, function: Any, *args: Any) -> Any:
        raise TypeError(f"numpy.{function.__name__} was called with an array of the strict device")

    def __repr__(self) -> str:
        return f"strict({self._a!r})"

    @property
    def __cuda_array_interface__(self) -> Any:
        return self._a.__array_interface__

    @property
    def real(self) -> StrictArray:
        return wrapped(self._a.real, self)

    @property
    def imag(self) -> StrictArray:
        return wrapped(self._a.imag, self)

    @property
    def T(self) -> StrictArray:
        return wrapped(self._a.T, self)

    def __getitem__(self, index: Any) -> StrictArray:
        return wrapped(self._a[_index(index)], self)

    def __setitem__(self, index: Any, value: Any) -> None:
        self._a[_index(index)] = opened(value)

    def __len__(self) -> int:
        return len(self._a)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self._a)))

    def __int__(self) -> int:
        return int(self._a)

    def __float__(self) -> float:
        return float(self._a)

    def __bool__(self) -> bool:
        return bool(self._a)

    def __index__(self) -> int:
        return self._a.__index__()

    def __hash__(self) -> Any:
        raise TypeError("unhashable type: 'StrictArray'")

    def item(self, *args: int) -> Any:
        return self._a.item(*args)

    def tolist(self) -> Any:
        return self._a.tolist()


def wrapped(value: Any, source: StrictArray | None = None) -> Any:
    """NumPy's result as the device's: scalars become 0-d arrays, and a view knows whose memory it shows."""
    if isinstance(value, (tuple, list)):
        made = [wrapped(v, source) for v in value]
        return made if isinstance(value, list) else tuple(made)
    if isinstance(value, np.generic):
        return StrictArray(np.asarray(value))
    if not isinstance(value, np.ndarray):
        return value
    shares = source is not None and value.size and np.may_share_memory(value, source._a)
    return StrictArray(
        value, (source if source.base is None else source.base) if shares and source is not None else None
    )


def opened(value: Any, transfer: bool = False) -> Any:
    """What is inside the device's arrays; NumPy arrays are refused."""
    if isinstance(value, StrictArray):
        return value._a
    if isinstance(value, np.ndarray) and not transfer:
        raise TypeError(f"Unsupported type {type(value)}")
    if isinstance(value, (tuple, list)):
        return type(value)(opened(v, transfer) for v in value)
    if isinstance(value, dict):
        return {k: opened(v, transfer) for k, v in value.items()}
    return value


def _index(index: Any) -> Any:
    return tuple(opened(i) for i in index) if isinstance(index, tuple) else opened(index)


def _first(args: Any) -> StrictArray | None:
    return next((a for a in args if isinstance(a, StrictArray)), None)


def _operator(name: str, inplace: bool = False) -> Any:
    def call(self: StrictArray, *others: Any) -> Any:
        if any(isinstance(o, np.ndarray) for o in others):
            raise TypeError(f"Unsupported type {np.ndarray}")
        if not all(isinstance(o, (StrictArray, int, float, bool, complex, np.generic)) for o in others):
            return NotImplemented
        with np.errstate(all="ignore"):
            result = getattr(self._a, name)(*(opened(o) for o in others))
        return self if inplace else result if result is NotImplemented else wrapped(result)

    call.__name__ = name
    return call


def _method(name: str) -> Any:
    def call(self: StrictArray, *args: Any, **kwargs: Any) -> Any:
        with np.errstate(all="ignore"):
            return wrapped(getattr(self._a, name)(*opened(args), **opened(kwargs)), self)

    call.__name__ = name
    return call


_TWO = "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split()
for _name in _TWO:
    setattr(StrictArray, f"__{_name}__", _operator(f"__{_name}__"))
    setattr(StrictArray, f"__r{_name}__", _operator(f"__r{_name}__"))
    setattr(StrictArray, f"__i{_name}__", _operator(f"__i{_name}__", inplace=True))
for _name in "eq ne lt le gt ge neg pos abs invert".split():
    setattr(StrictArray, f"__{_name}__", _operator(f"__{_name}__"))
for _name in """astype copy reshape transpose ravel swapaxes squeeze sum prod mean max min any all argmax argmin cumsum
    argsort nonzero take view fill dot clip round var std""".split():
    setattr(StrictArray, _name, _method(_name))
for _name in "shape ndim size dtype strides itemsize nbytes flags".split():
    setattr(StrictArray, _name, property(lambda self, _name=_name: getattr(self._a, _name)))


def _function(name: str, parameters: tuple[str, ...], home: Any = np) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        unknown = set(kwargs) - set(parameters)
        if unknown or len(args) > len(parameters):
            raise TypeError(f"cupy.{name}() takes ({', '.join(parameters)}), not {sorted(unknown) or len(args)}")
        transfer = name in TRANSFERS
        with np.errstate(all="ignore"):
            result = getattr(home, name)(*opened(args, transfer), **opened(kwargs, transfer))
        out = kwargs.get("out")
        return out if isinstance(out, StrictArray) else wrapped(result, _first(args))

    call.__name__ = name
    return call


def _elementwise(name: str) -> Any:
    call = _function(name, ("x1", "x2", "out", "dtype", "casting"))
    if name in ("add", "maximum", "minimum"):

        def at(array: Any, index: Any, value: Any) -> None:
            getattr(np, name).at(opened(array), _index(index), opened(value))

        call.at = at
    return call


def special(name: str, x: Any) -> Any:
    """A special function: SciPy's here, CuPy's twin of it on a GPU."""
    import scipy.special

    return wrapped(getattr(scipy.special, name)(opened(x)))


class _Module:
    """A module of SciPy whose functions take and give the device's arrays."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        import importlib

        function = getattr(importlib.import_module(self._name), name)
        return lambda *args, **kwargs: wrapped(function(*opened(args), **opened(kwargs)), _first(args))


sp = types.SimpleNamespace(**{name: _Module(f"scipy.{name}") for name in ("special", "linalg", "fft", "signal")})


def as_strided(x: Any, shape: Any = None, strides: Any = None) -> StrictArray:
    return wrapped(np.lib.stride_tricks.as_strided(opened(x), shape, strides), x)


def _fill(place: Any, signatures: str, home: Any) -> None:
    """Put the functions of a table into a namespace."""
    for text in signatures.replace("\n", " ").split(")"):
        name, _, parameters = text.strip().partition("(")
        if name:
            setattr(place, name, _function(name, tuple(p.strip() for p in parameters.split(",")), home))


def namespace() -> Any:
    """The device's array library: a module with CuPy's names and keywords and nothing else."""
    xp = types.ModuleType("strict_xp")
    _fill(xp, SIGNATURES, np)
    for module, signatures in MODULES.items():
        setattr(xp, module, types.SimpleNamespace())
        _fill(getattr(xp, module), signatures, getattr(np, module))
    for name in ELEMENTWISE:
        setattr(xp, name, _elementwise(name))
    for name in PLAIN:
        setattr(xp, name, getattr(np, name))
    xp.ndarray = StrictArray  # type: ignore[attr-defined]
    xp.special = special  # type: ignore[attr-defined]
    xp.lib = types.SimpleNamespace(stride_tricks=types.SimpleNamespace(as_strided=as_strided))  # type: ignore[attr-defined]
    return xp


def to_device(value: Any) -> StrictArray:
    """A NumPy array, a number or an array of the device itself as an array of the device."""
    return value if isinstance(value, StrictArray) else StrictArray(np.array(value))


_made: list[Device] = []


def strict() -> Device:
    """The stand-in device, registered once as "strict"."""
    if not _made:
        _made.append(
            register(
                Device(
                    "strict",
                    None,
                    namespace(),
                    array_type=StrictArray,
                    wrap=to_device,
                    to_numpy=lambda array: array._a,
                    sp=sp,
                    address=lambda array: array._a.__array_interface__["data"][0],
                )
            )
        )
    return _made[0]
