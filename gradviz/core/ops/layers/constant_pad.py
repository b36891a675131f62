"""A border of one value around a tensor; negative widths cut instead."""

from __future__ import annotations

from typing import Any

from ...op import op

_pad = op("constant_pad_nd", lambda xp, x, *, widths, value: _padded(xp, x, widths, value), public=False,
          x=lambda F, g, *, x_shape, widths: _unpadded(F, g, x_shape, widths))  # fmt: skip


def _padded(xp: Any, x: Any, widths: Any, value: float) -> Any:
    grown = tuple((max(a, 0), max(b, 0)) for a, b in widths)
    out = xp.pad(x, grown, constant_values=value)
    return out[tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(out.shape, widths, strict=True))]


def _unpadded(F: Any, g: Any, shape: tuple[int, ...], widths: Any) -> Any:
    return F.constant_pad_nd(g, widths=tuple((-a, -b) for a, b in widths), value=0.0)
