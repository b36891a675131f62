"""Operations as PyTorch's own composites leave them in the graph: with a number built in, and under other names.

`x + 1e-6` in Python is AddBackward0; the same sum inside `pairwise_distance` is AddBackward1. Nothing else differs.
"""

from __future__ import annotations

from typing import Any

from ...op import op
from ..reductions.norms import _norm

_NUMBER: dict[str, Any] = {"elementwise": True, "public": False, "promote": "binary"}

# -- a tensor and a number -----------------------------------------------------------------------------------------
add_scalar = op("add_scalar", lambda a, b: a + b, a=lambda g: g, node="AddBackward1", **_NUMBER)
sub_scalar = op("sub_scalar", lambda a, b: a - b, a=lambda g: g, node="SubBackward1", **_NUMBER)
mul_scalar = op("mul_scalar", lambda a, b: a * b, a=lambda g, b: g * b, node="MulBackward1", **_NUMBER)
div_scalar = op("div_scalar", lambda a, b: a / b, a=lambda g, b: g / b, node="DivBackward1", **_NUMBER)

# -- the same mathematics under another name -----------------------------------------------------------------------
# `at::norm`, where Python's functions say `linalg_norm`.
norm_along = op("norm_along", _norm.forward, node="NormBackward1", public=False, **_norm.rules)
# A copy raised to at least `least`; its gradient ignores that, as PyTorch raises it without recording.
raised = op("raised", lambda xp, x, *, least: xp.maximum(x, least), x=lambda g: g, node="CloneBackward0", public=False,
            keeps=True)  # fmt: skip
