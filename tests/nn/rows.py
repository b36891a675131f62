"""Snippets of nn.functional with their inputs: what test_functional and test_strict_device run."""

from __future__ import annotations

from tests.oracle.same import F64, const, floats, given, ints, positive, sample, unit

LABELS = given([0, 2, 4, 1], dtype="int64")
IGNORED = given([0, 3, 4, 3], dtype="int64")
PIXELS = ints(2, 4, 4, high=3)
PROBABILITIES = floats(4, 5, low=0.1, high=0.9)

LINEAR = [
    sample("F.linear(x, w, b)", x=(4, 5), w=(3, 5), b=(3,)),
    sample("F.linear(x, w)", x=(4, 5), w=(3, 5)),
    sample("F.linear(x, w, b)", x=(2, 4, 5), w=(3, 5), b=(3,)),
    sample("F.linear(x, w)", x=(2, 4, 5), w=(3, 5)),
    sample("F.linear(x.transpose(0, 1), w, b)", x=(2, 4, 5), w=(3, 5), b=(3,)),
    sample("F.linear(x, w, b)", x=(5,), w=(3, 5), b=(3,)),
    sample("F.linear(x, w)", x=(5,), w=(3, 5)),
    sample("F.linear(x, w, b)", x=(0, 5), w=(3, 5), b=(3,)),
    sample("F.linear(x, w)", x=(4, 5), w=(5,)),
    sample("F.embedding(i, w)", i=ints(2, 3), w=(5, 3)),
    sample("F.embedding(i, w, padding_idx=1)", i=ints(2, 3), w=(5, 3)),
    sample("F.one_hot(i)", i=LABELS),
    sample("F.one_hot(i, 7)", i=LABELS),
]
PICTURES = [
    sample("F.conv2d(x, w, b)", x=(2, 3, 6, 6), w=(4, 3, 3, 3), b=(4,)),
    sample("F.conv2d(x, w, b, stride=2, padding=(1, 2))", x=(2, 3, 6, 7), w=(4, 3, 3, 2), b=(4,)),
    sample("F.conv2d(x, w, None, 1, 2, dilation=2, groups=2)", x=(2, 4, 6, 6), w=(4, 2, 3, 3)),
    sample("F.conv2d(x, w, padding='same')", x=(2, 3, 5, 5), w=(4, 3, 3, 3)),
    sample("F.conv2d(x, w, padding='valid')", x=(3, 5, 5), w=(4, 3, 3, 3)),
    sample("F.max_pool2d(x, 2)", x=(2, 3, 6, 6)),
    sample("F.max_pool2d(x, 3, 2, 1)", x=(2, 3, 7, 6)),
    sample("F.max_pool2d(x, 2, return_indices=True)", x=(3, 6, 6), order=1),
    sample("F.avg_pool2d(x, 2)", x=(2, 3, 6, 6)),
    sample("F.avg_pool2d(x, 3, 2, 1, True, False)", x=(2, 3, 7, 6)),
    sample("F.adaptive_avg_pool2d(x, 1)", x=(2, 3, 6, 6)),
    sample("F.adaptive_avg_pool2d(x, (None, 2))", x=(2, 3, 5, 5)),
    sample("F.pad(x, (1, 2))", x=(2, 3)),
    sample("F.pad(x, (1, 2, 0, 1), value=3.0)", x=(2, 3)),
    sample("F.pad(x, (-1, 0))", x=(2, 3)),
]
BENDS = [
    sample(f"F.{name}(x{rest})", x=(4, 5), rtol=5e-5, order=1 if name == "hardsigmoid" else 2,
           text=name != "softshrink")  # where its zeros are -0.0 depends on PyTorch's vector width
    for name, rest in [
        ("relu", ""), ("relu6", ""), ("leaky_relu", ", 0.2"), ("elu", ", 1.3"), ("selu", ""), ("celu", ", 0.7"),
        ("gelu", ""), ("gelu", ", approximate='tanh'"), ("silu", ""), ("mish", ""), ("softplus", ", 2.0, 1.0"),
        ("logsigmoid", ""), ("softsign", ""), ("tanhshrink", ""), ("sigmoid", ""), ("tanh", ""),
        ("hardtanh", ", -0.5, 0.4"),
        ("hardsigmoid", ""), ("hardswish", ""), ("hardshrink", ""), ("softshrink", ""), ("threshold", ", 0.1, 2.0"),
        ("softmax", ", 1"), ("log_softmax", ", 0"), ("softmin", ", -1"), ("normalize", ""),
    ]
]  # fmt: skip
INPLACE = [
    sample(
        f"y = x * 1\nF.{name}(y, inplace=True)\ny", x=(4, 5), rtol=5e-5, text=name not in ("leaky_relu", "elu", "selu")
    )
    for name in ("relu", "leaky_relu", "elu", "selu", "hardtanh", "relu6", "silu")
]
DISTANCES = [
    sample(f"F.{name}(x, t, reduction={reduction!r}{rest})", x=(4, 5), t=(4, 5), rtol=5e-5)
    for name, rest in [
        ("mse_loss", ""), ("l1_loss", ""), ("smooth_l1_loss", ", beta=0.5"), ("smooth_l1_loss", ", beta=0.0"),
        ("huber_loss", ", delta=0.7"),
    ]
    for reduction in ("mean", "sum", "none")
] + [
    sample("F.mse_loss(x, t, weight=w)", x=(4, 5), t=const(4, 5), w=const(4, 5)),
    sample("F.l1_loss(x, t, weight=w, reduction='sum')", x=(4, 5), t=const(4, 5), w=const(4, 5)),
    sample("F.huber_loss(x, t, weight=w)", x=(4, 5), t=const(4, 5), w=const(4, 5)),
    sample("F.mse_loss(x, t)", x=(4, 5), t=const(4, 5, dtype=F64)),
    sample("F.mse_loss(x, t)", x=(4, 5), t=ints(4, 5)),
    sample("F.mse_loss(x, t)", x=(), t=()),
    sample("F.mse_loss(x, t)", x=(0, 5), t=(0, 5)),
    sample("F.kl_div(F.log_softmax(x, 1), F.softmax(t, 1), reduction='batchmean')", x=(4, 5), t=(4, 5), rtol=5e-5),
    sample("F.kl_div(x, t, reduction='sum', log_target=True)", x=(4, 5), t=(4, 5), rtol=5e-5),
]  # fmt: skip
CLASSES = [
    sample(f"F.{name}({x}, t{rest}, reduction={reduction!r})", x=(4, 5), t=PROBABILITIES, w=const(4, 5), rtol=1e-4)
    for name, x in (("binary_cross_entropy", "x.sigmoid()"), ("binary_cross_entropy_with_logits", "x"))
    for rest in ("", ", weight=w")
    for reduction in ("mean", "sum", "none")
] + [
    sample("F.binary_cross_entropy_with_logits(x, t, pos_weight=w)", x=(4, 5), t=PROBABILITIES, rtol=1e-4,
           w=floats(5, low=0.2, high=2.0, requires_grad=False))
] + [
    sample(f"F.cross_entropy(x, t{rest}, reduction={reduction!r})", x=(4, 5), t=t, w=const(5), rtol=1e-4)
    for rest in ("", ", weight=w.abs()", ", label_smoothing=0.1", ", weight=w.abs(), label_smoothing=0.2",
                 ", ignore_index=3")
    for t in (LABELS, IGNORED, PROBABILITIES)
    for reduction in ("mean", "sum", "none")
    if not (rest == ", ignore_index=3" and t is PROBABILITIES)
] + [
    sample(f"F.cross_entropy(x, t{rest}, reduction={reduction!r})", x=(2, 3, 4, 4), t=PIXELS, rtol=1e-4)
    for rest in ("", ", label_smoothing=0.1") for reduction in ("mean", "none")
] + [
    sample("F.cross_entropy(x, t, reduction='none')", x=(2, 3, 5), t=ints(2, 5, high=3)),
    sample("F.cross_entropy(x, t)", x=(5,), t=given(2, dtype="int64")),
    sample("F.cross_entropy(x, t)", x=(2, 3, 4, 4), t=floats(2, 3, 4, 4, low=0.0, high=1.0), rtol=1e-4),
    sample("F.nll_loss(F.log_softmax(x, 1), t)", x=(4, 5), t=LABELS),
    sample("F.nll_loss(x, t, reduction='sum', ignore_index=3)", x=(4, 5), t=IGNORED),
    sample("F.nll_loss(x, t)", x=(2, 3, 2, 2, 2), t=ints(2, 2, 2, 2, high=3)),
    sample("F.cross_entropy(x * 1000, t)", x=(4, 5), t=LABELS),
]  # fmt: skip
NORMALISING = [
    sample("F.batch_norm(x, None, None, w, b, True)", x=(4, 3), w=(3,), b=(3,), rtol=2e-3),
    sample("F.batch_norm(x, None, None, training=True)", x=(4, 3, 2, 2), rtol=2e-3),
    sample("F.batch_norm(x, m, v, w, b)", x=(4, 3, 2), m=const(3), v=floats(3, low=1, high=2, requires_grad=False),
           w=(3,), b=(3,), rtol=1e-4),
    sample("F.batch_norm(x, m, v, training=True, momentum=0.3)\n(m, v)", x=(4, 3), m=const(3), order=0,
           v=floats(3, low=1, high=2, requires_grad=False)),
    sample("F.layer_norm(x, (5,), w, b)", x=(4, 5), w=(5,), b=(5,), rtol=2e-3),
    sample("F.layer_norm(x, (3, 5))", x=(2, 3, 5), rtol=2e-3),
]  # fmt: skip
ERRORS = [
    sample("F.linear(x, w)", x=(4, 6), w=(3, 5)),
    sample("F.linear(x, w, b)", x=(4, 5), w=(3, 5), b=(4,)),
    sample("F.linear(x, w)", x=(4, 5), w=floats(3, 5, dtype=F64)),
    sample("F.cross_entropy(x, t[:3])", x=(4, 5), t=LABELS),
    sample("F.cross_entropy(x, t.float())", x=(4, 5), t=LABELS),
    sample("F.cross_entropy(x, t + 2)", x=(4, 5), t=LABELS),
    sample("F.cross_entropy(x, t[:, None])", x=(4, 5), t=LABELS),
    sample("F.cross_entropy(x, t)", x=(4, 5), t=ints(4, 5)),
    sample("F.cross_entropy(x, t)", x=(4, 5), t=(4, 4)),
    sample("F.cross_entropy(x[0], t)", x=(4, 5), t=LABELS),
    sample("F.cross_entropy(x, t, label_smoothing=2.0)", x=(4, 5), t=LABELS),
    sample("F.cross_entropy(x, t, ignore_index=3)", x=(4, 5), t=PROBABILITIES),
    sample("F.cross_entropy(x, t, reduction='all')", x=(4, 5), t=LABELS),
    sample("F.cross_entropy(x, t, weight=w)", x=(4, 5), t=LABELS, w=const(4)),
    sample("F.cross_entropy(x, t)", x=(2, 3, 4), t=ints(2, 5, high=3)),
    sample("F.cross_entropy(x, t, weight=w)", x=(4, 5), t=LABELS, w=(5,)),
    sample("F.binary_cross_entropy_with_logits(x, t, pos_weight=w)", x=(4, 5), t=PROBABILITIES, w=positive(5)),
    sample("F.nll_loss(x, t)", x=(2, 3, 4, 4), t=ints(2, 4, high=3)),
    sample("F.nll_loss(x, t)", x=(2, 3, 4, 4), t=ints(2, 4, 5, high=3)),
    sample("F.nll_loss(x, t)", x=(), t=given(0, dtype="int64")),
    sample("F.mse_loss(x, t, reduction='all')", x=(4,), t=(4,)),
    sample("F.binary_cross_entropy(x, t)", x=(4, 5), t=PROBABILITIES),
    sample("F.binary_cross_entropy(x, t)", x=positive(4, 5), t=const(4, 1)),
    sample("F.binary_cross_entropy(x.sigmoid(), t)", x=(4, 5), t=const(4, 5, dtype=F64)),
    sample("F.binary_cross_entropy_with_logits(x, t)", x=(4, 5), t=const(4, 1)),
    sample("F.smooth_l1_loss(x, t, beta=-1.0)", x=(4,), t=(4,)),
    sample("F.huber_loss(x, t, delta=0.0)", x=(4,), t=(4,)),
    sample("F.dropout(x, 1.5)", x=(4,)),
    sample("F.hardtanh(x, 1.0, -1.0)", x=(4,)),
    sample("F.conv2d(x, w)", x=(4, 5), w=(2, 3, 3, 3)),
    sample("F.conv2d(x, w)", x=(1, 4, 5, 5), w=(2, 3, 3, 3)),
    sample("F.conv2d(x, w)", x=(1, 3, 2, 2), w=(2, 3, 3, 3)),
    sample("F.conv2d(x, w, padding='same', stride=2)", x=(1, 3, 5, 5), w=(2, 3, 3, 3)),
    sample("F.max_pool2d(x, 9)", x=(1, 3, 5, 5)),
    sample("F.batch_norm(x, None, None, training=True)", x=(1, 3)),
    sample("F.layer_norm(x, (4,))", x=(2, 3)),
    sample("F.embedding(i, w)", i=ints(2, 3, high=9), w=(2, 3)),
    sample("F.embedding(i, w)", i=unit(2, 3), w=(2, 3)),
    sample("F.one_hot(i, 2)", i=LABELS),
    sample("F.pad(x, (1,))", x=(2, 3)),
]


ROWS = LINEAR + PICTURES + BENDS + INPLACE + DISTANCES + CLASSES + NORMALISING + ERRORS
