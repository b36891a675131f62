"""Gates and random slopes: one half of the input opens the other, or chance decides how steep a side is."""

from __future__ import annotations

from typing import Any

from ...errors import noted
from ...op import op
from ..helpers import along
from ..kinds import require_floating


# -- the gated linear unit -----------------------------------------------------------------------------------------
def _glu(xp: Any, F: Any, x: Any, *, dim: int) -> Any:
    """`a * sigmoid(b)` for the two halves a and b of x. Dauphin et al., 2017."""
    require_floating(x, "glu_cpu")
    half = x.shape[dim] // 2
    if x.shape[dim] % 2:
        raise noted(
            RuntimeError(
                f"Halving dimension must be even, but dimension {dim} is size {x.shape[dim]}\n"
                f"glu gates one half of the input with the other; the input has shape {tuple(x.shape)}."
            )
        )
    return x[along(dim, slice(None, half))] * F.sigmoid(x[along(dim, slice(half, None))])


def _glu_rule(F: Any, g: Any, x: Any, dim: int) -> Any:
    half = x.shape[dim] // 2
    a, b = (F.narrow(x, dim=dim, start=start, length=half) for start in (0, half))
    open_ = F.sigmoid(b)
    return F.cat(g * open_, g * a * open_ * (1 - open_), dim=dim)


glu = op("glu", _glu, public=False, saved_names={"x": "self"}, latex=r"a\,\sigma(b)",
         x=lambda F, g, x, *, dim: _glu_rule(F, g, x, dim))  # fmt: skip


# -- leaky slopes drawn at random ----------------------------------------------------------------------------------
def _rrelu(xp: Any, x: Any, noise: Any, *, slope: float) -> Any:
    """`x` where positive; elsewhere times its own random slope, or, without `noise`, times the mean slope."""
    require_floating(x, "leaky_relu_cpu")
    return xp.where(x > 0, x, x * slope) if noise is None else x * noise


def _rrelu_rule(F: Any, g: Any, x: Any, noise: Any, slope: float) -> Any:
    return F.where(x > 0, g, g * slope) if noise is None else g * noise


rrelu = op("rrelu", _rrelu, node="RreluWithNoiseBackward0", public=False, saved_names={"x": "self"},
           x=lambda F, g, x, noise, *, slope: _rrelu_rule(F, g, x, noise, slope))  # fmt: skip
