"""Complex numbers, reached from real inputs and left for real results again."""

from __future__ import annotations

from ..same import sample

TABLE = [
    sample("torch.real(x * 2j) + (x * (1 + 2j)).real", x=(3,), order=2),
    sample("torch.conj_physical(x).real", x=(3,)),
]
