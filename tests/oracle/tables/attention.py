"""Attention: the one operation and the one put together, with masks, and with several heads."""

from __future__ import annotations

import numpy as np

from ..same import F64, bools, const, floats, given, ints, sample

TRIANGLE = given(np.tril(np.ones((4, 4), bool)), bool)
NOTHING = given([[True, True, False, True], [False] * 4, [True] * 4, [False, True, False, False]], bool)
Q, K, V = (2, 3, 4, 5), (2, 3, 4, 5), (2, 3, 4, 5)
CALL = "F.scaled_dot_product_attention(q, k, v"


def _attend(options: str = "", q=Q, k=K, v=V, order: int = 2, **more):  # type: ignore[no-untyped-def]
    return sample(f"{CALL}{options})", q=q, k=k, v=v, order=order, rtol=1e-4, text=False, **more)


# With one kernel for everything PyTorch has no second gradients; put together from others it has.
FUSED = [
    _attend(order=1),
    _attend(", is_causal=True", order=1),
    _attend(", is_causal=True", k=(2, 3, 6, 5), v=(2, 3, 6, 5), order=1),
    _attend(", scale=0.3", order=1),
    _attend(", attn_mask=m", m=const(4, 4), order=1),
    _attend(", attn_mask=m", m=const(2, 1, 4, 4), order=1),
    _attend(", m", m=TRIANGLE, order=1),
    _attend(", m", m=NOTHING, order=1),
    _attend(", m, is_causal=True", m=const(4, 4), order=1),
    _attend(", enable_gqa=True", k=(2, 1, 4, 5), v=(2, 1, 4, 5), order=1),
    _attend(", m, enable_gqa=True", q=(2, 4, 4, 5), k=(2, 2, 4, 5), v=(2, 2, 4, 5), m=const(2, 4, 4, 4), order=1),
    _attend(q=floats(*Q, dtype=F64), k=floats(*K, dtype=F64), v=floats(*V, dtype=F64), order=1),
    # Half as many bits go by the rules, one input after the other; bfloat16 has 8 bits.
    sample(
        "F.scaled_dot_product_attention(q.bfloat16(), k.bfloat16(), v.bfloat16()).float()",
        q=Q, k=K, v=V, order=1, rtol=2**-6, text=False,
    ),
]  # fmt: skip
TOGETHER = [
    _attend(q=q, k=k, v=v)
    for q, k, v in (
        ((4, 5), (4, 5), (4, 5)),
        ((3, 4, 5), (3, 6, 5), (3, 6, 5)),
        (Q, K, (2, 3, 4, 7)),
        ((1, 3, 4, 5), K, V),
    )
] + [
    _attend(", is_causal=True", (3, 4, 5), (3, 6, 5), (3, 6, 2)),
    _attend(", attn_mask=m", m=(4, 4)),
    _attend(", attn_mask=m", m=(2, 1, 4, 4)),
    _attend(", m", (3, 4, 5), (3, 4, 5), (3, 4, 5), m=NOTHING),
    _attend(", enable_gqa=True", (6, 4, 5), (2, 4, 5), (2, 4, 7)),
    sample(f"torch.manual_seed(0)\n{CALL}, dropout_p=0.5)", q=Q, k=K, v=V, rtol=1e-4, text=False),
]
REFUSED = [
    _attend(q=(5,), k=(5,), v=(5,)),
    _attend(", m, is_causal=True", (3, 4, 5), (3, 4, 5), (3, 4, 5), m=const(4, 4)),
    _attend(", m", m=ints(4, 4)),
    _attend(", m", m=const(4, 4, dtype=F64)),
    _attend(v=floats(*V, dtype=F64)),
    _attend(q=ints(*Q), k=ints(*K), v=ints(*V)),
    _attend(", dropout_p=2.0"),
    _attend(", enable_gqa=True", k=(2, 2, 4, 5), v=(2, 2, 4, 5)),
]

# -- several heads -------------------------------------------------------------------------------------------------
# Queries of length 3, keys of length 5, a batch of 2, embeddings of 4 in 2 heads.
WEIGHTS = {"w": (12, 4), "b": (12,), "o": (4, 4), "c": (4,)}
INPUTS = {"q": (3, 2, 4), "k": (5, 2, 4), "v": (5, 2, 4)}


def _heads(
    inputs: str = "q, k, v", packed: str = "w, b", extra: str = "None, None, False, 0.0", options: str = "", **more
):  # type: ignore[no-untyped-def]
    code = f"F.multi_head_attention_forward({inputs}, 4, 2, {packed}, {extra}, o, c{options})"
    order = 1 if "need_weights=False" in options else 2
    return sample(code, order=order, rtol=2e-4, text=False, **({**INPUTS, **WEIGHTS} | more))


MASKS = {"m": const(3, 5), "p": bools(2, 5)}
OWN = {"wq": (4, 4), "wk": (4, 6), "wv": (4, 7), "k": (5, 2, 6), "v": (5, 2, 7)}
SEPARATE = ", use_separate_proj_weight=True, q_proj_weight=wq, k_proj_weight=wk, v_proj_weight=wv"
HEADS = [
    *(
        _heads(options=options)
        for options in ("", ", need_weights=False", ", average_attn_weights=False", ", training=False")
    ),
    _heads("q, q, q"),
    _heads("q, k, k"),
    _heads("q, q, q", "w, None"),
    _heads(packed="w, None"),
    _heads(q=(3, 4), k=(5, 4), v=(5, 4)),
    _heads(q=(3, 4), k=(5, 4), v=(5, 4), options=", need_weights=False"),
    *(
        _heads(options=f", attn_mask=m{weights}", m=m)
        for weights in ("", ", need_weights=False")
        for m in (const(3, 5), bools(3, 5), const(4, 3, 5))
    ),
    *(
        _heads(options=f"{masks}{weights}", **MASKS)
        for weights in ("", ", need_weights=False")
        for masks in (", key_padding_mask=p", ", key_padding_mask=p.float(), attn_mask=m")
    ),
    *(
        _heads(extra=extra, options=f"{masks}{weights}", x=(1, 1, 4), y=(1, 1, 4), **MASKS)
        for weights in ("", ", need_weights=False")
        for extra in ("x, y, False, 0.0", "None, None, True, 0.0", "x, y, True, 0.0")
        for masks in ("", ", key_padding_mask=p, attn_mask=m > 0")
    ),
    *(
        _heads(packed=packed, options=SEPARATE + weights, **OWN)
        for packed in ("None, b", "None, None")
        for weights in ("", ", need_weights=False")
    ),
    _heads(options=", static_k=s, static_v=t", s=(4, 5, 2), t=(4, 5, 2)),
    _heads("q, q, q", options=", attn_mask=m, is_causal=True, need_weights=False", m=const(3, 3)),
    _heads("q, q, q", options=", attn_mask=m, is_causal=True", m=const(3, 3)),
    sample(
        "torch.manual_seed(0)\nF.multi_head_attention_forward(q, k, v, 4, 2, w, b, None, None, False, 0.5, o, c)",
        rtol=2e-4,
        text=False,
        **INPUTS,
        **WEIGHTS,
    ),
]
HEADS_REFUSED = [
    _heads(q=(3,)),
    _heads(k=(5, 4)),
    _heads(q=(3, 4)),
    _heads(k=(4, 2, 4)),
    _heads(q=(3, 2, 6)),
    _heads(packed="None, b"),
    _heads(options=", key_padding_mask=m", m=bools(5)),
    _heads(options=", attn_mask=m", m=const(5)),
    _heads(options=", attn_mask=m", m=const(4, 5)),
    _heads(options=", attn_mask=m", m=const(2, 3, 5)),
    _heads(options=", attn_mask=m", m=ints(3, 5)),
    _heads(options=", is_causal=True"),
    _heads(extra="x, None, False, 0.0", x=(1, 1, 4)),
    _heads(options=", static_k=s, static_v=s", s=(3, 5, 2)),
    _heads(options=", use_separate_proj_weight=True"),
    _heads(options=", key_padding_mask=m", m=bools(3, 5)),
    _heads(options=", key_padding_mask=m", m=bools(2, 4)),
    _heads(packed="None, b", options=SEPARATE, **(OWN | {"wk": (4, 5)})),
    _heads(packed="None, b", options=SEPARATE, **OWN, b=(6,)),
    _heads(packed="None, b", options=SEPARATE, **(OWN | {"v": (4, 2, 7)})),
    _heads(extra="x, x, False, 0.0", options=", static_k=s", x=(1, 1, 4), s=(4, 5, 2)),
]
TABLE = [*FUSED, *TOGETHER, *REFUSED, *HEADS, *HEADS_REFUSED]
