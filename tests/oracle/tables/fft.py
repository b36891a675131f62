"""Fourier transforms of real and of complex numbers, whole signals and frames of them."""

# ruff: noqa: E501  (tables)
from __future__ import annotations

import numpy as np

from ..same import F64, bools, complexes, floats, ints, sample

C128 = np.complex128
NORMS = ("None", "'ortho'", "'forward'", "'backward'")
ONE, REAL_ONE = ("fft", "ifft", "hfft", "irfft"), ("rfft", "ihfft")
MANY = ("fft2", "ifft2", "fftn", "ifftn", "hfft2", "hfftn", "irfft2", "irfftn")
REAL_MANY = ("rfft2", "rfftn", "ihfft2", "ihfftn")


def double(*shape: int) -> object:
    return floats(*shape, dtype=F64)


ALONG = [
    *(
        sample(f"torch.fft.{f}(x, norm={norm})", x=x, text=norm == "None")
        for f in ONE
        for norm in NORMS
        for x in (double(5), complexes(2, 4, dtype=C128))
    ),
    *(
        sample(f"torch.fft.{f}(x, norm={norm})", x=double(2, 5), text=norm == "None")
        for f in REAL_ONE
        for norm in NORMS
    ),
    *(sample(f"torch.fft.{f}(x, {n}, dim=0)", x=double(4, 2), text=False) for f in ONE + REAL_ONE for n in (3, 6)),
    *(sample(f"torch.fft.{f}(x)", x=x) for f in ONE + REAL_ONE for x in (floats(4), ints(4), bools(4))),
    *(sample(f"torch.fft.{f}(x)", x=complexes(3)) for f in ONE),
]

SEVERAL = [
    *(sample(f"torch.fft.{f}(x)", x=x) for f in MANY for x in (double(3, 4), complexes(2, 3, 3, dtype=C128))),
    *(sample(f"torch.fft.{f}(x)", x=double(2, 3, 4)) for f in REAL_MANY),
    *(sample(f"torch.fft.{f}(x, s=(2, 5), norm='ortho')", x=double(3, 4)) for f in MANY + REAL_MANY),
    *(sample(f"torch.fft.{f}(x, s=(3, -1), dim=(2, 0))", x=double(3, 2, 4)) for f in MANY + REAL_MANY),
    *(sample(f"torch.fft.{f}(x, dim=1)", x=double(3, 4)) for f in ("fftn", "rfftn", "irfftn", "hfftn", "ihfftn")),
    sample("torch.fft.fftn(x, dim=())", x=double(3)),
]

SHIFTS = [
    *(
        sample(f"torch.fft.{f}(x{dim})", x=(3, 4))
        for f in ("fftshift", "ifftshift")
        for dim in ("", ", dim=1", ", dim=(0,)", ", (0, 1)")
    ),
    sample("torch.fft.fftshift(x), torch.fft.ifftshift(x)", x=ints(5), order=0),
    *(
        sample(f"torch.fft.{f}({n}), torch.fft.{f}({n}, 0.5), torch.fft.{f}({n}, d=2.0, dtype=torch.float64)")
        for f in ("fftfreq", "rfftfreq")
        for n in (1, 4, 5)
    ),
]

WRONG = [
    *(
        sample(code, x=x)
        for code, x in [
            ("torch.fft.fft(x, n=0)", (3,)),
            ("torch.fft.fft(x, norm='x')", (3,)),
            ("torch.fft.fft(x)", ()),
            ("torch.fft.rfft(x)", complexes(3)),
            ("torch.fft.ihfft(x)", complexes(3)),
            ("torch.fft.irfft(x)", (1,)),
            ("torch.fft.fft(x)", floats(3, dtype=np.float16)),
            ("torch.fft.fftn(x, dim=(0, 0))", (3, 3)),
            ("torch.fft.fftn(x, s=(2, 2, 2))", (3, 3)),
            ("torch.fft.fftn(x, s=(2, 2), dim=(0,))", (3, 3)),
            ("torch.fft.fft(x, dim=3)", (3,)),
            ("torch.fft.rfftn(x, dim=())", (3,)),
            ("torch.fft.rfftn(x)", complexes(3, 3)),
            ("torch.fft.ihfftn(x)", complexes(3, 3)),
        ]
    ),
]

QUIET = "import warnings\nwarnings.simplefilter('ignore')\n"
WINDOW = "w = torch.hann_window(8, dtype=x.real.dtype, device=x.device)\n"
FRAMES = [
    *(
        sample(WINDOW + f"torch.stft(x, 8, window=w, return_complex=True{more})", x=x, text=False)
        for x in (double(30), double(2, 20))
        for more in (
            "",
            ", center=False",
            ", normalized=True",
            ", hop_length=3",
            ", onesided=False",
            ", pad_mode='constant'",
            ", pad_mode='circular'",
        )
    ),
    sample(QUIET + WINDOW + "torch.stft(x, 8, window=w, return_complex=False)", x=double(20), text=False),
    sample(WINDOW + "torch.stft(x, 12, win_length=8, window=w, return_complex=True)", x=double(30), text=False),
    sample(WINDOW + "torch.stft(x, 8, window=w), x.stft(8, window=w)", x=complexes(20, dtype=C128), text=False),
    *(
        sample(
            QUIET + WINDOW + f"s = torch.stft(x, 8, window=w, return_complex=True)\ntorch.istft(s, 8, window=w{more})",
            x=x,
            text=False,
        )
        for x in (double(30), double(2, 21))
        for more in ("", ", length=25", ", length=40")
    ),
    sample(
        WINDOW
        + "s = torch.stft(x, 8, window=w, return_complex=True, normalized=True)\ns.istft(8, window=w, normalized=True)",
        x=double(24),
        text=False,
    ),
    sample(
        WINDOW
        + "s = torch.stft(x, 8, window=w, return_complex=True, onesided=False)\ntorch.istft(s, 8, window=w, onesided=False)",
        x=double(24),
        text=False,
    ),
    sample(
        WINDOW + "s = torch.stft(x, 8, window=w)\ntorch.istft(s, 8, window=w, return_complex=True)",
        x=complexes(24, dtype=C128),
        text=False,
    ),
    sample(QUIET + WINDOW + "torch.stft(x, 8, window=w)", x=(20,)),
    sample("torch.stft(x, 10, return_complex=True, window=torch.ones(10))", x=(3,)),
    sample("torch.istft(x, 8, window=torch.ones(8))", x=(5, 4)),
]

TABLE = ALONG + SEVERAL + SHIFTS + WRONG + FRAMES
