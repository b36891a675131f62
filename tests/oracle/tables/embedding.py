"""Rows of a table by number: alone, in bags, shortened on the way, and numbers as rows of zeros and a one."""

from __future__ import annotations

# ruff: noqa: E501  (tables)
import numpy as np

from ..same import F64, const, floats, given, ints, sample

I64, I32 = np.int64, np.int32
INDEX = given([[0, 2, 2], [2, 1, 0]], I64)
FLAT = given([0, 2, 2, 3, 1, 2], I64)
OFFSETS, ENDS = given([0, 2, 2, 5], I64), given([0, 2, 2, 6], I64)
OPTIONS = (
    "",
    ", padding_idx=2",
    ", padding_idx=-1",
    ", scale_grad_by_freq=True",
    ", padding_idx=0, scale_grad_by_freq=True",
)
TABLE = [
    sample('torch._pack_padded_sequence(x, torch.tensor([3, 1], device="cpu"), False)[0]', x=(3, 2, 2)),
    sample('torch._pack_padded_sequence(x, torch.tensor([2, 2, 1], device="cpu"), True)[0]', x=(3, 2)),
    # As many elements as the CPU has forwards of its own for.
    sample("F.embedding(i, w)", i=given(np.arange(900).reshape(30, 30) % 7, I64), w=(9, 8)),
    sample("w[i]", i=given(np.arange(900) % 7 - 4, I64), w=(9, 2, 4)),
    # Second gradients of PyTorch leave the frequencies out.
    *(
        sample(f"F.embedding(i, w{options})", i=INDEX, w=(4, 3), order=1 if "freq" in options else 2)
        for options in OPTIONS
    ),
    sample("F.embedding(i, w)", i=given([[0, 1]], I32), w=floats(2, 3, dtype=F64)),
    sample("F.embedding(i, w)", i=given(1, I64), w=(2, 3)),
    sample("F.embedding(i, w)", i=ints(0, 2), w=(2, 3), order=1),
    sample("torch.embedding(w, i), torch.embedding(w, i, 1), torch.embedding(w, i, -1)", i=INDEX, w=(4, 3)),
    # `max_norm` shortens rows in the table itself
    *(
        sample(f"F.embedding(i, w, max_norm={n}), w", i=INDEX, w=const(4, 3))
        for n in ("1.0", "0.5, norm_type=1.0", "100.0", "0.7, norm_type=float('inf')")
    ),
    sample("v = w * 1\nF.embedding(i, v, max_norm=0.5)", i=INDEX, w=(4, 3), order=1),
    sample("torch.embedding_renorm_(w, i, 0.5, 2.0)", i=INDEX, w=const(4, 3)),
    # bags
    *(
        sample(f"F.embedding_bag(i, w, o, mode='{mode}'{options})", i=FLAT, o=OFFSETS, w=(4, 3), order=1)
        for mode in ("sum", "mean", "max")
        for options in ("", ", padding_idx=2")
    ),
    *(
        sample(f"F.embedding_bag(i, w, o, mode='{mode}', include_last_offset=True)", i=FLAT, o=ENDS, w=(4, 3), order=1)
        for mode in ("sum", "mean", "max")
    ),
    # PyTorch divides each row's gradient by the frequency of another row, unless all are looked up equally often.
    *(
        sample(f"F.embedding_bag(i, w, o, mode='{mode}', scale_grad_by_freq=True)", i=given([0, 2, 2, 0], I64),
               o=given([0, 1], I64), w=(4, 3), order=1)
        for mode in ("sum", "mean")
    ),
    *(sample(f"F.embedding_bag(i, w, mode='{mode}')", i=INDEX, w=(4, 3), order=1) for mode in ("sum", "mean", "max")),
    *(
        sample(f"F.embedding_bag(i, w, {offsets}mode='sum', per_sample_weights=s{options})", i=i, w=(4, 3), s=s, order=1,
               **({"o": OFFSETS} if offsets else {}))
        for options in ("", ", padding_idx=2")
        for i, offsets, s in ((INDEX, "", (2, 3)), (FLAT, "offsets=o, ", (6,)))
    ),
    sample("F.embedding_bag(i, w, max_norm=0.5), w", i=INDEX, w=const(4, 3)),
    sample("F.embedding_bag(i, w, o)", i=ints(0), o=given([0, 0], I64), w=(4, 3), order=1),
    sample("F.embedding_bag(i, w, o, mode='max')", i=ints(0), o=given([0, 0], I64), w=(4, 3), order=1),
    sample("F.embedding_bag(i, w, o)", i=given([1, 0], I32), o=given([0, 1], I32), w=floats(4, 3, dtype=F64), order=1),
    sample("torch.embedding_bag(w, i, o)[0], torch.embedding_bag(w, i, o, False, 1)[2]", i=FLAT, o=OFFSETS, w=(4, 3), order=1),
    # one-hot
    sample("F.one_hot(i)", i=INDEX),
    sample("F.one_hot(i, 5)", i=INDEX),
    sample("F.one_hot(i)", i=given(2, I64)),
    sample("F.one_hot(i, 3)", i=ints(0)),
    # what is refused
    sample("F.embedding(i, w)", i=given([0, 7], I64), w=(4, 3)),
    sample("F.embedding(i, w)", i=given([0, -1], I64), w=(4, 3)),
    sample("F.embedding(i, w)", i=const(2), w=(4, 3)),
    sample("F.embedding(i, w)", i=given([0], np.int16), w=(4, 3)),
    sample("F.embedding(i, w)", i=INDEX, w=(4,)),
    sample("F.embedding(i, w, padding_idx=4)", i=INDEX, w=(4, 3)),
    sample("F.embedding(i, w, max_norm=1.0)", i=given([7], I64), w=const(4, 3)),
    sample("F.embedding_bag(i, w, o)", i=given([0, 7], I64), o=given([0], I64), w=(4, 3)),
    sample("F.embedding_bag(i, w, o)", i=FLAT, o=given([1, 2], I64), w=(4, 3)),
    sample("F.embedding_bag(i, w, o)", i=FLAT, o=given([0, 9], I64), w=(4, 3)),
    sample("F.embedding_bag(i, w)", i=FLAT, w=(4, 3)),
    sample("F.embedding_bag(i, w)", i=INDEX, w=ints(4, 3)),
    sample("F.embedding(i, w, max_norm=1.0)", i=INDEX, w=ints(4, 3)),
    sample("F.embedding_bag(i, w, o)", i=INDEX, o=OFFSETS, w=(4, 3)),
    sample("F.embedding_bag(i, w, o)", i=FLAT, o=INDEX, w=(4, 3)),
    sample("F.embedding_bag(i, w)", i=given([[[0]]], I64), w=(4, 3)),
    sample("F.embedding_bag(i, w)", i=INDEX, w=(4,)),
    sample("F.embedding_bag(i, w, mode='no')", i=INDEX, w=(4, 3)),
    sample("F.embedding_bag(i, w, mode='max', scale_grad_by_freq=True)", i=INDEX, w=(4, 3)),
    sample("F.embedding_bag(i, w, padding_idx=4)", i=INDEX, w=(4, 3)),
    sample("F.embedding_bag(i, w, per_sample_weights=s, mode='sum')", i=INDEX, w=(4, 3), s=(2, 2)),
    sample("F.embedding_bag(i, w, per_sample_weights=s, mode='sum')", i=INDEX, w=(4, 3), s=floats(2, 3, dtype=F64)),
    sample("F.embedding_bag(i, w, per_sample_weights=s)", i=INDEX, w=(4, 3), s=(2, 3)),
    sample("F.one_hot(x)", x=(3,)),
    sample("F.one_hot(i)", i=given([-1], I64)),
    sample("F.one_hot(i, 2)", i=INDEX),
    sample("F.one_hot(i)", i=ints(0)),
]  # fmt: skip
