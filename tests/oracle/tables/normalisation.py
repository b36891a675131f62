"""Normalisation by batch, sample, channel, group of channels, and neighbouring channels."""

from __future__ import annotations

# ruff: noqa: E501  (tables)
from ..same import F16, F64, const, floats, ints, sample

SEEN = floats(4, low=0.5, high=1, requires_grad=False)
TABLE = [
    sample(f"F.batch_norm(x, {rest})", x=x, rtol=2e-3, **extra)
    for x in ((3, 4), (3, 4, 5), (2, 4, 3, 2), (2, 4, 2, 2, 3))
    for rest, extra in (
        ("m, v, w, b", {"m": const(4), "v": SEEN, "w": (4,), "b": (4,)}), ("m, v", {"m": const(4), "v": SEEN}),
        ("None, None, w, b, True", {"w": (4,), "b": (4,)}), ("None, None, training=True, eps=0.5", {}),
    )
] + [
    sample("F.batch_norm(x, m, v, None, None, True, 0.3)\n(m, v)", x=(5, 4), m=const(4), v=SEEN, order=0),
    sample("torch.batch_norm(x, w, b, m, v, True, 0.2, 1e-3, False)\n(m, v)", x=(5, 4, 2), m=const(4), v=SEEN, w=(4,), b=(4,), order=0),
    sample("F.batch_norm(x, None, None, w, b, True)", x=(0, 4), w=(4,), b=(4,), order=1, text=False),
    sample("F.batch_norm(x, None, None, training=True)", x=floats(4, 3, dtype=F64), rtol=1e-8),
    sample("F.batch_norm(x, m, v, w, b)", x=floats(4, 3, dtype=F16), m=const(3, dtype=F16), v=floats(3, low=0.5, high=1, dtype=F16, requires_grad=False),
           w=floats(3, dtype=F16), b=floats(3, dtype=F16), order=1, rtol=1e-2, text=False),
    sample("F.batch_norm(x, None, None, training=True)", x=floats(5, 3, 4, low=100, high=300, dtype=F16), order=1, rtol=4e-2, text=False),
] + [
    sample(f"F.instance_norm(x, {rest})", x=x, rtol=2e-3, **extra)
    for x in ((3, 4, 5), (2, 4, 3, 2), (2, 4, 2, 2, 3))
    for rest, extra in (
        ("m, v, w, b, False", {"m": const(4), "v": SEEN, "w": (4,), "b": (4,)}), ("m, v", {"m": const(4), "v": SEEN}),
        ("weight=w, bias=b", {"w": (4,), "b": (4,)}), ("eps=0.5", {}),
    )
] + [
    sample("F.instance_norm(x, m, v, None, None, True, 0.3)\n(m, v)", x=(5, 4, 3), m=const(4), v=SEEN, order=0),
    sample("torch.instance_norm(x, w, b, m, v, True, 0.2, 1e-3, False)\n(m, v)", x=(5, 4, 2), m=const(4), v=SEEN, w=(4,), b=(4,), order=0),
] + [
    # Where there is a bias but no weight PyTorch's own gradients fail.
    sample(f"F.group_norm(x, {rest})", x=x, rtol=2e-3, order=0 if "None" in rest else 2, **extra)
    for x in ((3, 4), (3, 4, 5), (2, 4, 3, 2))
    for rest, extra in (("2, w, b", {"w": (4,), "b": (4,)}), ("1", {}), ("2, w, eps=0.5", {"w": (4,)}), ("1, None, b", {"b": (4,)}))
] + [
    sample("torch.group_norm(x, 2, w, b, 1e-3, False)", x=(2, 4, 3), w=(4,), b=(4,), rtol=1e-3),
    sample("F.group_norm(x, 2, w, b)", x=floats(2, 4, 6, dtype=F16), w=floats(4, dtype=F16), b=floats(4, dtype=F16), order=1, rtol=1e-2, text=False),
    sample("F.group_norm(x, 2)", x=(0, 4, 3), order=1, text=False),
] + [
    sample(f"F.layer_norm(x, {rest})", x=x, rtol=2e-3, order=1 if "None" in rest else 2, **extra)
    for rest, x, extra in (
        ("(4,), w, b", (2, 3, 4), {"w": (4,), "b": (4,)}), ("(3, 4)", (2, 3, 4), {}), ("[4], w", (3, 4), {"w": (4,)}),
        ("(4,), None, b, 0.5", (4,), {"b": (4,)}), ("(3, 4), w, b", (2, 3, 4), {"w": (3, 4), "b": (3, 4)}),
    )
] + [
    sample("torch.layer_norm(x, (4,), w, b, 1e-3, False)", x=(2, 4), w=(4,), b=(4,), rtol=1e-3),
    sample("F.layer_norm(x, (6,), w, b)", x=floats(2, 6, dtype=F16), w=floats(6, dtype=F16), b=floats(6, dtype=F16), order=1, rtol=1e-2, text=False),
    sample("F.layer_norm(x, (3,))", x=(0, 3), order=1, text=False),
] + [
    sample(f"F.rms_norm(x, {rest})", x=x, rtol=1e-4, **extra)
    for rest, x, extra in (
        ("(4,), w", (2, 3, 4), {"w": (4,)}), ("(3, 4)", (2, 3, 4), {}), ("[4], w, 0.5", (3, 4), {"w": (4,)}), ("(4,)", (4,), {}),
        ("(4,)", floats(2, 4, dtype=F64), {}),
    )
] + [
    sample("torch.rms_norm(x, (4,), w)", x=(2, 4), w=(4,), rtol=1e-4),
    sample("F.rms_norm(x, (6,), w)", x=floats(2, 6, dtype=F16), w=floats(6, dtype=F16), order=1, rtol=1e-2, text=False),
] + [
    sample(f"F.local_response_norm(x, {rest})", x=x, rtol=1e-4)
    for x in ((2, 5, 3), (2, 5, 3, 2), (1, 4, 2, 2, 3), (0, 3, 4))
    for rest in ("2", "3, 0.5, 0.6, 2.0", "5, alpha=1.0")
] + [
    sample(code, x=x, **extra)
    for code, x, extra in (
        ("F.batch_norm(x, None, None)", (2, 3, 4), {}), ("F.batch_norm(x, m, v)", (2, 3, 4), {"m": const(2), "v": const(3)}),
        ("F.batch_norm(x, None, None, training=True)", (1, 3), {}), ("F.batch_norm(x, None, None, training=True, eps=-1)", (2, 3), {}),
        ("F.group_norm(x, 2, w)", (2, 4, 4), {"w": (3,)}), ("F.group_norm(x, 2, w, b)", (2, 4, 4), {"w": (4,), "b": (4, 1)}),
        ("F.group_norm(x, 4)", (1, 4), {}), ("F.group_norm(x, 2)", ints(2, 4, 4), {}), ("F.group_norm(x, 1)", (1,), {}),
        ("F.group_norm(x, 2)", (2, 7, 4), {}), ("F.instance_norm(x)", (2, 3, 1), {}), ("F.instance_norm(x)", (3, 4), {}),
        ("F.instance_norm(x, use_input_stats=False)", (2, 3, 4), {}), ("F.layer_norm(x, (3,))", (2, 3, 4), {}),
        ("F.layer_norm(x, ())", (2, 3, 4), {}), ("F.layer_norm(x, (4,), w)", (2, 3, 4), {"w": (3,)}),
        ("F.layer_norm(x, (4,), None, w)", (2, 3, 4), {"w": (3,)}), ("F.layer_norm(x, 4)", (2, 3, 4), {}),
        ("F.layer_norm(x, (4,))", ints(2, 3, 4), {}), ("F.rms_norm(x, (4,), w)", (2, 3, 4), {"w": (3,)}),
        ("F.rms_norm(x, ())", (2, 3, 4), {}), ("F.rms_norm(x, (2, 2))", (2, 2, 3), {}), ("F.rms_norm(x, (4,))", ints(2, 3, 4), {}),
        ("F.local_response_norm(x, 2)", (2, 3), {}), ("F.local_response_norm(x, 0)", (2, 3, 4), {}),
    )
]  # fmt: skip
