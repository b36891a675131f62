"""Short-time Fourier transforms: overlapping frames of a signal, each under a window, and the way back."""

from __future__ import annotations

from ...op import FUNCTIONS, RECORDED, SPACES, function, op
from ...tensor import Tensor
from ..layers.pad import pad
from ..linalg.products import only_row, wrong

_turned = op("frames_last", lambda xp, x: xp.swapaxes(x, 1, 2), node="TransposeBackward1", view=True, public=False,
             x=lambda F, g: F.transpose(g, dim0=1, dim1=2))  # fmt: skip


@function
def stft(
    input: Tensor, n_fft: int, hop_length: int | None = None, win_length: int | None = None,
    window: Tensor | None = None, center: bool = True, pad_mode: str = "reflect", normalized: bool = False,
    onesided: bool | None = None, return_complex: bool | None = None, align_to_window: bool | None = None,
) -> Tensor:  # fmt: skip
    """Spectra of frames of `n_fft` samples, `hop_length` apart: (*, length) gives (*, frequencies, frames)."""
    if align_to_window is not None:
        raise NotImplementedError("stft(): argument 'align_to_window' is not supported")
    hop = n_fft // 4 if hop_length is None else hop_length
    width = n_fft if win_length is None else win_length
    if center:
        shape = (1,) * (3 - input.ndim) + tuple(input.shape)
        padded = pad(input.view(*shape), [n_fft // 2, n_fft // 2], pad_mode)
        input = padded.view(*padded.shape[3 - input.ndim :])
    is_complex = input.is_complex() or (window is not None and window.is_complex())
    if return_complex is None and not is_complex:
        raise wrong(
            "stft requires the return_complex parameter be given for real inputs, and will further require that "
            "return_complex=True in a future PyTorch release."
        )
    _check("stft", input, n_fft, hop, width, window)
    single = input.ndim == 1
    signal = input.unsqueeze(0) if single else input
    count = 1 + (signal.shape[1] - n_fft) // hop
    step = signal.stride()
    frames = signal.as_strided((signal.shape[0], count, n_fft), (step[0], hop * step[1], step[1]))
    if window is not None or width < n_fft:
        frames = frames * _window(window, width, n_fft, frames)
    division = "root" if normalized else "none"
    if frames.is_complex():
        if onesided:
            raise wrong("Cannot have onesided output if window or input is complex")
        spectra = RECORDED.fft_c2c(frames, dim=(2,), forward=True, division=division)
    else:
        half = onesided is None or onesided
        spectra = RECORDED.fft_r2c(frames, dim=(2,), forward=True, division=division, onesided=half)
    out = _turned.call(spectra)
    out = only_row.call(out) if single else out
    return out if return_complex or (return_complex is None and is_complex) else FUNCTIONS["view_as_real"](out)


def _check(name: str, x: Tensor, n_fft: int, hop: int, width: int, window: Tensor | None) -> None:
    """RuntimeError for sizes that make no frames."""
    case = f"{name}(input of shape {list(x.shape)}, n_fft={n_fft}, hop_length={hop}, win_length={width})"
    if x.dtype.category < 2:
        raise wrong(f"{case} : expected a tensor of floating point or complex values")
    if x.ndim not in (1, 2):
        raise wrong(f"{case} : expected a 1D or 2D tensor")
    if not 0 < n_fft <= x.shape[-1]:
        raise wrong(f"{case} : expected 0 < n_fft < {x.shape[-1]}, but got n_fft={n_fft}")
    if hop <= 0:
        raise wrong(f"{case} : expected hop_length > 0, but got hop_length={hop}")
    _check_window(case, n_fft, width, window)


def _check_window(case: str, n_fft: int, width: int, window: Tensor | None) -> None:
    if not 0 < width <= n_fft:
        raise wrong(f"{case} : expected 0 < win_length <= n_fft, but got win_length={width}")
    if window is not None and (window.ndim != 1 or window.shape[0] != width):
        raise wrong(
            f"{case} : expected a 1D window tensor of size equal to win_length={width}, but got window with size "
            f"{list(window.shape)}"
        )


def _window(window: Tensor | None, width: int, n_fft: int, like: Tensor) -> Tensor:
    """The window in the middle of `n_fft` places."""
    if window is None:
        kind = like.dtype.to_real()
        window = FUNCTIONS["ones"](width, dtype=kind, device=like.device)
    if width == n_fft:
        return window
    before = (n_fft - width) // 2
    return RECORDED.constant_pad_nd(window, widths=((before, n_fft - width - before),), value=0.0)  # type: ignore[no-any-return]


# -- back ----------------------------------------------------------------------------------------------------------
@function
def istft(
    input: Tensor, n_fft: int, hop_length: int | None = None, win_length: int | None = None,
    window: Tensor | None = None, center: bool = True, normalized: bool = False, onesided: bool | None = None,
    length: int | None = None, return_complex: bool = False,
) -> Tensor:  # fmt: skip
    """The signal whose spectra these are: frames added up where they overlap, divided by what the windows add up to."""
    hop = n_fft // 4 if hop_length is None else hop_length
    width = n_fft if win_length is None else win_length
    if not input.is_complex():
        raise wrong(
            "istft requires a complex-valued input tensor matching the output from stft with return_complex=True."
        )
    case = f"istft(input of shape {list(input.shape)}, n_fft={n_fft}, hop_length={hop}, win_length={width})"
    if input.numel() == 0:
        raise wrong(f"{case}: input tensor cannot be empty.")
    if input.ndim not in (2, 3):
        raise wrong(f"{case}: expected a tensor with 2 or 3 dimensions, but got {input.ndim}")
    half = not return_complex if onesided is None else onesided
    rows = n_fft // 2 + 1 if half else n_fft
    if input.shape[-2] != rows:
        raise wrong(
            f"{case}: expected the frequency dimension (3rd to the last) of the input tensor to match "
            f"{'n_fft / 2 + 1' if half else 'n_fft'} when onesided={half}, but got {input.shape[-2]}"
        )
    if not 0 < hop <= width:
        raise wrong(f"{case}: expected 0 < hop_length <= win_length")
    _check_window(case, n_fft, width, window)
    single = input.ndim == 2
    spectra = (input.unsqueeze(0) if single else input).transpose(1, 2)
    frames = _frames(spectra, n_fft, normalized, half, return_complex)
    glass = _window(window, width, n_fft, frames)
    added = _overlapped(frames * glass, hop)
    weight = _overlapped((glass * glass).expand(1, *frames.shape[1:]), hop)
    start = n_fft // 2 if center else 0
    stop = start + length if length is not None else added.shape[1] - (n_fft // 2 if center else 0)
    end = min(stop, added.shape[1])
    added, weight = added[:, start:end], weight[:, start:end]
    if float(weight.abs().min()) < 1e-11:
        raise wrong(f"{case}window overlap add min: 1")
    out = added / weight
    if stop > end:
        out = RECORDED.constant_pad_nd(out, widths=((0, 0), (0, stop - end)), value=0.0)
    return out.squeeze(0) if single else out


def _frames(spectra: Tensor, n_fft: int, normalized: bool, half: bool, complex: bool) -> Tensor:
    norm = "ortho" if normalized else None
    if complex:
        if half:
            raise wrong("istft: cannot have onesided input if window or output is complex")
        return SPACES["fft"]["ifft"](spectra, dim=2, norm=norm)  # type: ignore[no-any-return]
    first = spectra if half else spectra[..., : n_fft // 2 + 1]
    return SPACES["fft"]["irfft"](first, n_fft, dim=2, norm=norm)  # type: ignore[no-any-return]


def _overlapped(frames: Tensor, hop: int) -> Tensor:
    """(batch, frames, n) -> (batch, length): every frame added in its place."""
    batch, count, n = frames.shape
    length = n + hop * (count - 1)
    source = ((batch, count, n), (length, hop, 1), 0)
    target = ((batch, length), (length, 1), 0)
    return RECORDED.restride(frames, source=source, target=target, shared=((), (), 0))  # type: ignore[no-any-return]
