"""The three discrete Fourier transforms: complex to complex, real to complex, complex to real.

Each sums over `dim` with exp(-2 pi i jk / n) where `forward`, else with exp(+2 pi i jk / n), and is then divided by
nothing, by the number of points or by its root. The adjoint of a transform goes the other way, divided alike.
"""

from __future__ import annotations

from typing import Any

from ...op import op
from ..helpers import along

Dims = tuple[int, ...]

# NumPy names the division by the direction that has it.
_DIVISION = {
    (True, "none"): "backward", (True, "points"): "forward", (True, "root"): "ortho",
    (False, "none"): "forward", (False, "points"): "backward", (False, "root"): "ortho",
}  # fmt: skip


def _c2c(xp: Any, x: Any, *, dim: Dims, forward: bool, division: str) -> Any:
    if not dim:
        return x.copy()
    transform = xp.fft.fftn if forward else xp.fft.ifftn
    return transform(x, axes=dim, norm=_DIVISION[forward, division])


def _r2c(xp: Any, x: Any, *, dim: Dims, forward: bool, division: str, onesided: bool) -> Any:
    if not onesided:
        return _c2c(xp, x, dim=dim, forward=forward, division=division)
    out = xp.fft.rfftn(x, axes=dim, norm=_DIVISION[True, division])
    return out if forward else xp.conj(out)


def _c2r(xp: Any, x: Any, *, dim: Dims, forward: bool, division: str, last: int) -> Any:
    sizes = (*(x.shape[d] for d in dim[:-1]), last)
    return xp.fft.irfftn(xp.conj(x) if forward else x, s=sizes, axes=dim, norm=_DIVISION[False, division])


def _r2c_rule(F: Any, g: Any, shape: Dims, dim: Dims, forward: bool, division: str, onesided: bool) -> Any:
    """Real parts of the way back; the half that a one-sided transform leaves out got no gradient."""
    if onesided:
        g = F.embed(g, shape=shape, index=along(dim[-1], slice(0, shape[dim[-1]] // 2 + 1)))
    return F.real_type(F.fft_c2c(g, dim=dim, forward=not forward, division=division))


def _c2r_rule(F: Any, g: Any, dim: Dims, forward: bool, division: str, last: int) -> Any:
    """Half of the way back; all but the ends of it stand for two elements."""
    out = F.fft_r2c(g, dim=dim, forward=not forward, division=division, onesided=True)
    between = along(dim[-1], slice(1, 1 + last - (last // 2 + 1)))
    return out + F.embed(F.pick(out, index=between), shape=out.shape, index=between)


op("fft_c2c", _c2c, node="FftC2CBackward0", public=False, conjugates=True,
   x=lambda F, g, *, dim, forward, division: F.fft_c2c(g, dim=dim, forward=not forward, division=division))  # fmt: skip
op("fft_r2c", _r2c, node="FftR2CBackward0", public=False, conjugates=True,
   x=lambda F, g, *, x_shape, dim, forward, division, onesided: _r2c_rule(
       F, g, x_shape, dim, forward, division, onesided))  # fmt: skip
op("fft_c2r", _c2r, node="FftC2RBackward0", public=False, conjugates=True,
   x=lambda F, g, *, dim, forward, division, last: _c2r_rule(F, g, dim, forward, division, last))  # fmt: skip
