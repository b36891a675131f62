"""`torch.fft`: discrete Fourier transforms along one dimension or several, of real and of complex numbers."""

from __future__ import annotations

from typing import Any

from ... import errors
from ...dtype import get_default_dtype
from ...op import FUNCTIONS, OPS, RECORDED, function
from ...tensor import Tensor
from ..helpers import one_dim
from ..linalg.products import wrong

# By what each transform is divided, by the name of the norm and whether it goes forward.
_DIVISION = {
    ("backward", True): "none", ("backward", False): "points", ("forward", True): "points",
    ("forward", False): "none", ("ortho", True): "root", ("ortho", False): "root",
}  # fmt: skip


def _division(norm: str | None, forward: bool) -> str:
    try:
        return _DIVISION[norm or "backward", forward]
    except KeyError:
        raise wrong(f'Invalid normalization mode: "{norm}"') from None


def _promoted(x: Tensor, complex: bool = False) -> Tensor:
    """As floating point, or as complex numbers."""
    kind = x.dtype if x.dtype.category > 1 else get_default_dtype()
    if kind.name in ("float16", "bfloat16"):
        raise wrong(f"Unsupported dtype {errors.scalar_type(kind)}\nConvert it first: x = x.float().")
    if complex and kind.category == 2:
        kind = kind.to_complex()
    return x if x.dtype == kind else x.to(kind)


def _real_only(name: str, x: Tensor) -> Tensor:
    if x.is_complex() and name == "ihfftn":
        raise wrong(f"Only supports floating-point dtypes, but found: {errors.scalar_type(x.dtype)}")
    if x.is_complex():
        real = "real-valued" if name.endswith("n") else "real"
        raise wrong(f"{name} expects a {real} input tensor, but got {errors.scalar_type(x.dtype)}")
    return _promoted(x)


def _one(x: Tensor, dim: int) -> int:
    if x.ndim == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return one_dim(dim, x.ndim)


def _several(x: Tensor, s: Any, dim: Any) -> tuple[tuple[int, ...], list[int]]:
    """The dimensions and the sizes they are to have."""
    s = None if s is None else [s] if isinstance(s, int) else list(s)
    if dim is not None:
        dims = tuple(one_dim(d, x.ndim) for d in ([dim] if isinstance(dim, int) else dim))
        if len(set(dims)) != len(dims):
            raise wrong("FFT dims must be unique")
        if s is not None and len(s) != len(dims):
            raise wrong("When given, dim and shape arguments must have the same length")
    elif s is not None:
        if len(s) > x.ndim:
            raise wrong(f"Got shape with {len(s)} values but input tensor only has {x.ndim} dimensions.")
        dims = tuple(range(x.ndim - len(s), x.ndim))
    else:
        dims = tuple(range(x.ndim))
    sizes = [x.shape[d] if s is None or s[i] == -1 else s[i] for i, d in enumerate(dims)]
    return dims, _possible(sizes)


def _possible(sizes: list[int]) -> list[int]:
    for n in sizes:
        if n < 1:
            raise wrong(f"Invalid number of data points ({n}) specified")
    return sizes


def _resized(x: Tensor, dims: tuple[int, ...], sizes: list[int]) -> Tensor:
    """Cut off or filled up with zeros at the end."""
    widths = [(0, 0)] * x.ndim
    for d, n in zip(dims, sizes, strict=True):
        if x.shape[d] > n:
            x = x.narrow(d, 0, n)
        widths[d] = (0, n - x.shape[d])
    if any(after for _, after in widths):
        x = OPS["constant_pad_nd"].call(x, widths=tuple(widths), value=0.0)
    return x


def _conj(x: Tensor) -> Tensor:
    return RECORDED.conj(x)  # type: ignore[no-any-return]


# -- complex to complex --------------------------------------------------------------------------------------------
def _whole(x: Tensor, s: Any, dim: Any, norm: str | None, forward: bool) -> Tensor:
    dims, sizes = _several(x, s, dim)
    x, division = _promoted(x, complex=True), _division(norm, forward)
    return RECORDED.fft_c2c(_resized(x, dims, sizes), dim=dims, forward=forward, division=division)  # type: ignore[no-any-return]


def _single(x: Tensor, n: int | None, dim: int, norm: str | None, forward: bool) -> Tensor:
    x = _promoted(x)
    d = _one(x, dim)
    x = _resized(x, (d,), _possible([x.shape[d] if n is None else n]))
    division = _division(norm, forward)
    if x.is_complex():
        return RECORDED.fft_c2c(x, dim=(d,), forward=forward, division=division)  # type: ignore[no-any-return]
    out = RECORDED.fft_r2c(x, dim=(d,), forward=True, division=division, onesided=False)
    return out if forward else _conj(out)


@function(space="fft")
def fft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The discrete Fourier transform along one dimension, cut or filled up with zeros to `n` points first."""
    return _single(input, n, dim, norm, True)


@function(space="fft")
def ifft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of `fft`."""
    return _single(input, n, dim, norm, False)


@function(space="fft")
def fftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """The discrete Fourier transform along several dimensions."""
    return _whole(input, s, dim, norm, True)


@function(space="fft")
def ifftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """The inverse of `fftn`."""
    return _whole(input, s, dim, norm, False)


# -- real to complex, and back -------------------------------------------------------------------------------------
def _half_size(x: Tensor, s: Any, dims: tuple[int, ...], sizes: list[int]) -> tuple[int, list[int]]:
    """How many real points the last dimension stands for, and the sizes of the complex input."""
    given = None if s is None else [s] if isinstance(s, int) else list(s)
    last = 2 * (x.shape[dims[-1]] - 1) if given is None or given[-1] == -1 else given[-1]
    _possible([last])
    return last, [*sizes[:-1], last // 2 + 1]


def _needs_dims(name: str, dims: tuple[int, ...]) -> None:
    if not dims:
        raise wrong(f"{name} must transform at least one axis")


@function(space="fft")
def rfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The first half of the Fourier transform of real numbers; the other half is its mirror image."""
    x = _real_only("rfft", input)
    d = _one(x, dim)
    x = _resized(x, (d,), _possible([x.shape[d] if n is None else n]))
    return RECORDED.fft_r2c(x, dim=(d,), forward=True, division=_division(norm, True), onesided=True)  # type: ignore[no-any-return]


@function(space="fft")
def irfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of `rfft`: `n` real numbers."""
    return _to_real(input, n, dim, _division(norm, False), False)


@function(space="fft")
def hfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The Fourier transform of a signal whose second half is the mirrored conjugate of its first: real numbers."""
    return _to_real(input, n, dim, _division(norm, True), True)


@function(space="fft")
def ihfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of `hfft`: half of a complex signal."""
    x = _real_only("ihfft", input)
    d = _one(x, dim)
    x = _resized(x, (d,), _possible([x.shape[d] if n is None else n]))
    division = _division(norm, False)
    return _conj(RECORDED.fft_r2c(x, dim=(d,), forward=True, division=division, onesided=True))


def _to_real(x: Tensor, n: int | None, dim: int, division: str, conj: bool) -> Tensor:
    x = _promoted(x, complex=True)
    d = _one(x, dim)
    last, sizes = _half_size(x, n, (d,), [0])
    x = _resized(x, (d,), sizes)
    return RECORDED.fft_c2r(_conj(x) if conj else x, dim=(d,), forward=False, division=division, last=last)  # type: ignore[no-any-return]


@function(space="fft")
def rfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """`rfft` along the last of several dimensions, `fft` along the others."""
    x = _real_only("rfftn", input)
    dims, sizes = _several(x, s, dim)
    _needs_dims("rfftn", dims)
    division = _division(norm, True)
    return RECORDED.fft_r2c(_resized(x, dims, sizes), dim=dims, forward=True, division=division, onesided=True)  # type: ignore[no-any-return]


@function(space="fft")
def irfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """The inverse of `rfftn`."""
    x = _promoted(input, complex=True)
    dims, sizes = _several(x, s, dim)
    _needs_dims("irfftn", dims)
    last, sizes = _half_size(x, s, dims, sizes)
    division = _division(norm, False)
    return RECORDED.fft_c2r(_resized(x, dims, sizes), dim=dims, forward=False, division=division, last=last)  # type: ignore[no-any-return]


@function(space="fft")
def hfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """`hfft` along the last of several dimensions, `fft` along the others."""
    x = _promoted(input, complex=True)
    dims, sizes = _several(x, s, dim)
    _needs_dims("hfftn", dims)
    last, sizes = _half_size(x, s, dims, sizes)
    x, division = _resized(x, dims, sizes), _division(norm, True)
    if len(dims) > 1:
        x = RECORDED.fft_c2c(x, dim=dims[:-1], forward=True, division=division)
    return RECORDED.fft_c2r(_conj(x), dim=dims[-1:], forward=False, division=division, last=last)  # type: ignore[no-any-return]


@function(space="fft")
def ihfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """The inverse of `hfftn`."""
    x = _real_only("ihfftn", input)
    dims, sizes = _several(x, s, dim)
    _needs_dims("ihfftn", dims)
    division = _division(norm, False)
    out = RECORDED.fft_r2c(_resized(x, dims, sizes), dim=dims[-1:], forward=True, division=division, onesided=True)
    if len(dims) == 1:
        return _conj(out)
    return RECORDED.fft_c2c(RECORDED.conj_physical(out), dim=dims[:-1], forward=False, division=division)  # type: ignore[no-any-return]


# -- two dimensions ------------------------------------------------------------------------------------------------
def _flat(name: str, several: Any) -> None:
    """`fft2` from `fftn`: the last two dimensions unless told otherwise."""

    def flat(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
        return several(input, s, dim, norm)  # type: ignore[no-any-return]

    flat.__name__ = flat.__qualname__ = name
    flat.__doc__ = f"`{several.__name__}` along the last two dimensions."
    function(space="fft")(flat)


for _several_dims in (fftn, ifftn, rfftn, irfftn, hfftn, ihfftn):
    _flat(_several_dims.__name__[:-1] + "2", _several_dims)


# -- frequencies ---------------------------------------------------------------------------------------------------
@function(space="fft")
def fftshift(input: Tensor, dim: Any = None) -> Tensor:
    """The zero frequency moved from the first place to the middle."""
    return _shifted(input, dim, lambda n: n // 2)


@function(space="fft")
def ifftshift(input: Tensor, dim: Any = None) -> Tensor:
    """The inverse of `fftshift`."""
    return _shifted(input, dim, lambda n: (n + 1) // 2)


def _shifted(x: Tensor, dim: Any, by: Any) -> Tensor:
    dims = tuple(range(x.ndim)) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    if not dims:
        return FUNCTIONS["clone"](x)  # type: ignore[no-any-return]
    return FUNCTIONS["roll"](x, tuple(by(x.shape[d]) for d in dims), dims)  # type: ignore[no-any-return]


@function(space="fft")
def fftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The frequencies of `fft`'s `n` results for samples `d` apart: 0, 1, ..., -2, -1 over n d."""
    up = FUNCTIONS["arange"](0, (n + 1) // 2, dtype=dtype or get_default_dtype(), device=device)
    down = FUNCTIONS["arange"](-(n // 2), 0, dtype=dtype or get_default_dtype(), device=device)
    return (FUNCTIONS["cat"]((up, down)) * (1.0 / (n * d))).requires_grad_(requires_grad)  # type: ignore[no-any-return]


@function(space="fft")
def rfftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The frequencies of `rfft`'s results for `n` samples `d` apart: 0, 1, ..., n / 2 over n d."""
    up = FUNCTIONS["arange"](0, n // 2 + 1, dtype=dtype or get_default_dtype(), device=device)
    return (up * (1.0 / (n * d))).requires_grad_(requires_grad)  # type: ignore[no-any-return]
