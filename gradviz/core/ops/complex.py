"""Complex numbers: parts, conjugates, and seeing pairs of real numbers as complex ones."""

from __future__ import annotations

from ..op import op

real = op("real", lambda xp, x: xp.real(x), view=True, public=False, conjugates=True, x=lambda F, g: g)
conj_physical = op("conj_physical", lambda xp, x: xp.conj(x), conjugates=True, inplace=True,
                   x=lambda F, g: F.conj_physical(g))  # fmt: skip
