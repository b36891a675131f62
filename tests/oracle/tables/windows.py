"""Windows of torch.signal.windows, and the older ones of torch."""

from __future__ import annotations

# ruff: noqa: E501, SIM905  (tables)
from ..same import sample

NAMES = "bartlett blackman cosine exponential gaussian general_hamming hamming hann kaiser nuttall".split()

SIGNAL = [
    sample(f"torch.signal.windows.{name}({arguments})")
    for name in NAMES
    for arguments in ("0", "1", "7", "6, sym=False", "5, dtype=torch.float64", "4, requires_grad=True", "-1",
                      "3, dtype=torch.int64")
] + [
    sample(f"torch.signal.windows.{call}")
    for call in (
        "general_cosine(6, a=[0.46, 0.23, 0.31], sym=False)", "general_cosine(6, a=[0.5, 0.5])", "general_cosine(3, a=None)",
        "general_cosine(3, a=[])", "general_hamming(5, alpha=0.6)", "gaussian(5, std=0.8)", "gaussian(3, std=-1)",
        "exponential(5, tau=0.5)", "exponential(5, center=1.0, sym=False)", "exponential(3, center=1)",
        "exponential(3, tau=-1)", "kaiser(5, beta=3.0)", "kaiser(3, beta=-1)",
    )
]  # fmt: skip
OLDER = [
    sample(f"torch.{name}_window({arguments})")
    for name in "hann hamming bartlett blackman kaiser".split()
    for arguments in ("0", "1", "6", "6, periodic=False", "5, dtype=torch.float64", "-1", "4, requires_grad=True")
] + [
    sample("torch.hamming_window(5, True, 0.5, 0.3)"),
    sample("torch.kaiser_window(5, False, 4.0)"),
]  # fmt: skip

TABLE = SIGNAL + OLDER
