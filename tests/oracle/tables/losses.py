"""Losses: every one under every reduction, old spellings of reductions too, weights, ignored classes, and errors."""

from __future__ import annotations

# ruff: noqa: E501  (tables)
import numpy as np

from ..same import F16, F64, Sample, const, floats, given, ints, positive, sample

I64 = np.int64
REDUCTIONS = ("", ", reduction='sum'", ", reduction='none'")
# PyTorch's older way to say so, and its own functions' numbers.
OLD = (
    ", size_average=False", ", reduce=False", ", size_average=True", ", size_average=False, reduce=True",
    ", size_average=True, reduce=False",
)  # fmt: skip
CLASSES, GRID = given([1, 0, 2, 1], I64), given([[1, 0, 2], [2, 2, 0]], I64)
SIGNS, SIGN_GRID = (
    given([1.0, -1.0, -1.0, 1.0], requires_grad=False),
    given([[1.0, -1.0, 1.0]] * 4, requires_grad=False),
)
HALVES = floats(4, 3, low=0.1, high=0.9)
CHANCES = floats(4, 3, low=0.1, high=0.9, requires_grad=False)
BITS = given(np.arange(12).reshape(4, 3) % 2, requires_grad=False)
ROWS = {"x": (4, 3), "y": (4, 3)}
# Per loss: its inputs, and more settings.
LOSSES = {
    "mse_loss(x, y": (ROWS, ("",)),
    "l1_loss(x, y": (ROWS, ("",)),
    "smooth_l1_loss(x, y": (ROWS, ("", ", beta=0.3", ", beta=0")),
    "huber_loss(x, y": (ROWS, ("", ", delta=0.3")),
    "kl_div(x, y": ({"x": (4, 3), "y": positive(4, 3)}, ("", ", log_target=True")),
    "poisson_nll_loss(x, y": (
        {"x": positive(4, 3), "y": positive(4, 3)}, ("", ", log_input=False", ", full=True", ", False, True, eps=0.1"),
    ),
    "gaussian_nll_loss(x, y, v": ({**ROWS, "v": positive(4, 3)}, ("", ", full=True", ", eps=0.7")),
    "binary_cross_entropy(x, y": ({"x": HALVES, "y": CHANCES}, ("",)),
    "binary_cross_entropy_with_logits(x, y": ({"x": (4, 3), "y": CHANCES}, ("",)),
    "hinge_embedding_loss(x, t": ({"x": (4, 3), "t": SIGN_GRID}, ("", ", margin=0.4")),
    "margin_ranking_loss(x, y, t": ({"x": (4,), "y": (4,), "t": SIGNS}, ("", ", margin=0.4")),
    "cosine_embedding_loss(x, y, t": ({**ROWS, "t": SIGNS}, ("", ", margin=0.1")),
    "triplet_margin_loss(x, y, z": ({**ROWS, "z": (4, 3)}, ("", ", margin=0.4, p=1", ", swap=True", ", eps=0.1")),
    "triplet_margin_with_distance_loss(x, y, z": (
        {**ROWS, "z": (4, 3)},
        ("", ", margin=0.4", ", swap=True", ", distance_function=lambda a, b: 1 - F.cosine_similarity(a, b)"),
    ),
    "soft_margin_loss(x, t": ({"x": (4, 3), "t": SIGN_GRID}, ("",)),
    "multilabel_soft_margin_loss(x, t": ({"x": (4, 3), "t": BITS}, ("", ", weight=torch.tensor([1.0, 0.5, 2.0])")),
    "nll_loss(x, t": ({"x": (4, 3), "t": CLASSES}, ("", ", ignore_index=1")),
    "cross_entropy(x, t": ({"x": (4, 3), "t": CLASSES}, ("", ", ignore_index=1", ", label_smoothing=0.2")),
    "cross_entropy(x, q": ({"x": (4, 3), "q": const(4, 3)}, ("", ", label_smoothing=0.2")),
    "linear_cross_entropy(x, w, t": (
        {"x": (4, 5), "w": (3, 5), "t": CLASSES}, ("", ", ignore_index=1", ", label_smoothing=0.2"),
    ),
}  # fmt: skip
NEW_ONLY = ("huber", "gaussian", "triplet_margin_with", "linear_cross")
NO_SECOND = {"multi_margin_loss": 1, "multilabel_margin_loss": 1, "ctc_loss": 1, "l1_loss": 1}


QUIET = "import warnings; warnings.simplefilter('ignore')\n"


def _row(call: str, inputs: dict[str, object], **more: object) -> Sample:
    """A call without its last bracket. Its warnings, which the tests would turn into errors, are compared elsewhere."""
    name = call.partition("(")[0]
    code = f"{QUIET if 'size_average' in call or 'reduce=' in call or name == 'kl_div' else ''}F.{call})"
    return sample(code, order=NO_SECOND.get(name, 2), rtol=5e-5, **inputs, **more)  # type: ignore[arg-type]


EACH = [
    _row(f"{call}{more}{reduction}", inputs)
    for call, (inputs, settings) in LOSSES.items()
    for more in settings
    for reduction in REDUCTIONS
] + [
    _row(f"{call}{old}", inputs) for call, (inputs, _) in LOSSES.items() for old in OLD if not call.startswith(NEW_ONLY)
]

# -- several classes and labels: no second gradients in PyTorch ----------------------------------------------------
LABELS = given([[0, 2, -1], [1, -1, 0], [-1, 0, 1], [2, 1, 0]], I64)
MARGINS = [
    _row(f"multi_margin_loss(x, t{more}{reduction}", {"x": (4, 3), "t": CLASSES})
    for more in ("", ", p=2", ", margin=0.4", ", p=2, weight=torch.tensor([1.0, 0.5, 2.0])")
    for reduction in (*REDUCTIONS, *OLD)
] + [
    _row(f"multilabel_margin_loss(x, t{reduction}", {"x": (4, 3), "t": LABELS}) for reduction in (*REDUCTIONS, *OLD)
] + [
    _row(f"{name}(x, t{reduction}", {"x": x, "t": t})
    for reduction in REDUCTIONS
    for name, x, t in (
        ("multi_margin_loss", (3,), given(2, I64)), ("multi_margin_loss", (3,), given([2], I64)),
        ("multi_margin_loss", (), given(0, I64)), ("multilabel_margin_loss", (3,), given([2, -1, 0], I64)),
        ("multilabel_margin_loss", (3,), given([2, 2, -1], I64)), ("multilabel_margin_loss", (), given(0, I64)),
        ("soft_margin_loss", (), given(1.0, requires_grad=False)), ("soft_margin_loss", (2, 3), const(3)),
    )
]  # fmt: skip

# -- sequences -----------------------------------------------------------------------------------------------------
TARGETS, LONG = given([[1, 2, 2], [3, 1, 0]], I64), given([1, 2, 2, 3, 1], I64)
CTC = [
    _row(f"ctc_loss(x.log_softmax(-1), t, {lengths}{more}{reduction}", {"x": x, "t": t})
    for reduction in REDUCTIONS
    for more, lengths, x, t in (
        ("", "[6, 5], [3, 2]", (6, 2, 4), TARGETS),
        ("", "torch.tensor([6, 5]), torch.tensor([3, 2])", (6, 2, 4), TARGETS),
        ("", "(6, 5), (3, 2)", (6, 2, 4), LONG),
        (", blank=3", "[6, 6], [2, 0]", (6, 2, 4), given([[1, 2, 2], [0, 1, 0]], I64)),
        (", zero_infinity=True", "[2, 6], [3, 2]", (6, 2, 4), TARGETS),
        ("", "[6], [3]", (6, 4), given([1, 2, 2], I64)),
        ("", "[6, 6], [0, 0]", floats(6, 2, 4, dtype=F64), TARGETS),
    )
] + [
    sample("F.ctc_loss(x, t, [6, 5], [3, 2])", x=(6, 2, 4), t=TARGETS, order=1),
    sample("F.ctc_loss(x.log_softmax(-1), t, [2, 6], [3, 2], reduction='none')", x=(6, 2, 4), t=TARGETS, order=0),
    sample("torch.ctc_loss(x.log_softmax(2), t, [6, 5], [3, 2], 0, 2)", x=(6, 2, 4), t=TARGETS, order=1, rtol=5e-5),
    sample(
        "F.ctc_loss(x.log_softmax(-1), t, [4, 0], [2, 0], reduction='sum')", x=(6, 2, 4), t=TARGETS, order=1, rtol=5e-5
    ),
]

# -- classes: weights, pictures, probabilities ---------------------------------------------------------------------
W = {"w": floats(3, low=0.2, high=2.0, requires_grad=False)}
PICTURE = given([[[1, 0, 2]], [[2, 2, 0]]], I64)
MORE = [
    _row(f"{name}(x, t, w{more}{reduction}", {"x": x, "t": t, **W})
    for name in ("nll_loss", "cross_entropy")
    for reduction in REDUCTIONS
    for more, x, t in (
        ("", (4, 3), CLASSES), (", ignore_index=1", (4, 3), CLASSES), ("", (2, 3, 3), GRID),
        (", ignore_index=2", (2, 3, 1, 3), PICTURE), ("", (2, 3, 1, 3), PICTURE),
        ("", (2, 3, 1, 1, 3), given([[[[1, 0, 2]]], [[[2, 2, 0]]]], I64)), ("", (3,), given(2, I64)),
    )
] + [
    _row(f"cross_entropy(x, q, w{more}{reduction}", {"x": x, "q": q, **W})
    for reduction in REDUCTIONS
    for more in ("", ", label_smoothing=0.3")
    for x, q in (((4, 3), const(4, 3)), ((2, 3, 2), const(2, 3, 2)), ((3,), const(3)))
] + [
    _row(f"cross_entropy(x, t, w, label_smoothing=0.3, ignore_index=0{reduction}", {"x": (2, 3, 3), "t": GRID, **W})
    for reduction in REDUCTIONS
] + [
    _row(f"{call}{reduction}", {"x": HALVES if "logits" not in call else (4, 3), "y": CHANCES, "w": positive_, **more})
    for reduction in REDUCTIONS
    for positive_ in (floats(4, 3, low=0.2, high=2, requires_grad=False), floats(3, low=0.2, high=2, requires_grad=False))
    for call, more in (
        ("binary_cross_entropy(x, y, w", {}), ("binary_cross_entropy_with_logits(x, y, w", {}),
        ("binary_cross_entropy_with_logits(x, y, pos_weight=w", {}),
    )
] + [
    _row(f"{call}, weight=w{reduction}", {**ROWS, "w": floats(4, 3, low=0.2, high=2, requires_grad=False)})
    for reduction in REDUCTIONS
    for call in ("mse_loss(x, y", "l1_loss(x, y", "huber_loss(x, y")
] + [
    _row("linear_cross_entropy(x, w, t, linear_bias=b", {"x": (4, 5), "w": (3, 2, 5), "b": (3, 2), "t": given([[0, 1]] * 4, I64)}),
    _row("linear_cross_entropy(x, w, t", {"x": (5,), "w": (3, 5), "t": given(1, I64)}),
    _row("binary_cross_entropy(x, y", {"x": HALVES, "y": HALVES}),
    _row("binary_cross_entropy_with_logits(x, y", {"x": (4, 3), "y": HALVES}),
    sample("F.binary_cross_entropy(x, y)", x=given([0.0, 1.0, 0.5]), y=given([0.0, 1.0, 0.5], requires_grad=False), order=1),
    _row("kl_div(x, y, reduction='batchmean'", {"x": (4, 3), "y": positive(4, 3)}),
    _row("kl_div(x, y, reduction='batchmean'", {"x": (), "y": positive()}),
    *(
        sample("F.gaussian_nll_loss(x, y, v)", x=(4, 3), y=(4, 3), v=v)
        for v in (positive(4), positive(4, 1), floats(4, 3, low=1e-9, high=1e-7))
    ),
    sample("F.gaussian_nll_loss(x, y, 0.5)", x=(4, 3), y=(4, 3)),
    sample("F.cosine_embedding_loss(x, y, t)", x=(3,), y=(3,), t=given(-1, I64)),
    sample("F.cosine_embedding_loss(x, y, t)", x=ints(4, 3), y=ints(4, 3), t=given([1, -1, 1, -1], I64)),
    sample(f"{QUIET}F.mse_loss(x, y)", x=(2, 3), y=(3,)),
    sample("F.l1_loss(x, y, reduction='none')", x=ints(3), y=ints(3)),
    sample("F.mse_loss(x, y)", x=floats(3, dtype=F16), y=(3,), order=1, rtol=1e-3),
    sample("F.mse_loss(x, y)", x=(3,), y=ints(3)),
    sample("F.mse_loss(x, y)", x=(0, 3), y=(0, 3)),
    sample(f"{QUIET}F.mse_loss(x, y, reduction='elementwise_mean')", x=(3,), y=(3,)),
    *(
        sample(f"torch.{call}", x=(4, 3), y=positive(4, 3), s=SIGN_GRID, u=SIGNS, order=2)
        for call in (
            "hinge_embedding_loss(x, s, 1.0, 2)", "margin_ranking_loss(x, y, s, 0.1, 0)",
            "cosine_embedding_loss(x, y, u, 0.1)", "triplet_margin_loss(x, y, y * 2)",
            "poisson_nll_loss(x, y, True, False, 1e-8, 1)", "kl_div(x, y)",
            "binary_cross_entropy_with_logits(x, (s + 1) / 2, None, None, 2)",
        )
    ),
]  # fmt: skip


# -- what is refused -----------------------------------------------------------------------------------------------
def _no(code: str, **inputs: object) -> Sample:
    return sample(f"F.{code}", order=0, text=False, **inputs)


REFUSED = [
    *(_no(f"{call}, reduction='abc')", **inputs) for call, (inputs, _) in LOSSES.items()),
    _no("mse_loss(x, y)", x=(3,), y=(4,)),
    _no("mse_loss(x, y)", x=ints(3), y=ints(3)),
    _no("smooth_l1_loss(x, y)", x=ints(3), y=ints(3)),
    _no("huber_loss(x, y)", x=ints(3), y=ints(3)),
    _no("smooth_l1_loss(x, y, beta=-1)", **ROWS),
    _no("huber_loss(x, y, delta=0)", **ROWS),
    _no("mse_loss(x, y, weight=w)", **ROWS, w=(3,)),
    _no("kl_div(x, y)", x=(3,), y=ints(3)),
    _no("gaussian_nll_loss(x, y, v)", **ROWS, v=const(4, 3)),
    _no("gaussian_nll_loss(x, y, -1.0)", **ROWS),
    _no("gaussian_nll_loss(x, y, v)", **ROWS, v=positive(2, 3)),
    _no("binary_cross_entropy(x, y)", x=given([0.5, 1.5]), y=given([0.5, 0.5])),
    _no("binary_cross_entropy(x, y)", x=given([0.5, 0.5]), y=given([0.5, 1.5])),
    _no("binary_cross_entropy(x, y)", x=HALVES, y=ints(4, 3)),
    _no("binary_cross_entropy(x, y)", x=HALVES, y=(4,)),
    _no("binary_cross_entropy(x, y, w)", x=HALVES, y=CHANCES, w=(4, 3)),
    _no("binary_cross_entropy_with_logits(x, y)", x=HALVES, y=ints(4, 3)),
    _no("binary_cross_entropy_with_logits(x, y)", x=HALVES, y=(4,)),
    _no("binary_cross_entropy_with_logits(x, y, pos_weight=w)", x=HALVES, y=CHANCES, w=(3,)),
    _no("margin_ranking_loss(x, y, t)", **ROWS, t=SIGNS),
    _no("cosine_embedding_loss(x, y, t)", **ROWS, t=SIGN_GRID),
    _no("cosine_embedding_loss(x, y, t)", x=(3,), y=(3,), t=SIGNS),
    _no("cosine_embedding_loss(x, y, t)", **ROWS, t=given(1.0)),
    _no("triplet_margin_loss(x, y, z)", **ROWS, z=(3,)),
    _no("triplet_margin_loss(x, y, z, margin=0)", **ROWS, z=(4, 3)),
    _no("triplet_margin_with_distance_loss(x, y, z)", **ROWS, z=(3,)),
    _no("triplet_margin_with_distance_loss(x, y, z, margin=-1)", **ROWS, z=(4, 3)),
    _no("soft_margin_loss(x, y)", **ROWS),
    _no("soft_margin_loss(x, y)", x=ints(3), y=ints(3)),
    _no("multi_margin_loss(x, t, p=3)", x=(4, 3), t=CLASSES),
    _no("multi_margin_loss(x, t, weight=x)", x=(4, 3), t=CLASSES),
    _no("multi_margin_loss(x, t, weight=w)", x=(4, 3), t=CLASSES, w=const(4)),
    _no("multi_margin_loss(x, t, weight=w)", x=(4, 3), t=CLASSES, w=(3,)),
    _no("multi_margin_loss(x, t)", x=(4, 2), t=CLASSES),
    _no("multi_margin_loss(x, t)", x=(4, 3), t=const(4)),
    _no("multi_margin_loss(x, t)", x=(3, 3), t=CLASSES),
    _no("multi_margin_loss(x, t)", x=(4, 3, 1), t=CLASSES),
    _no("multi_margin_loss(x, t)", x=floats(4, 3, dtype=F16), t=CLASSES),
    _no("multilabel_margin_loss(x, t)", x=(4, 2), t=LABELS),
    _no("multilabel_margin_loss(x, t)", x=(4, 3), t=ints(4, 3, low=-2, high=0)),
    _no("multilabel_margin_loss(x, t)", x=(4, 3), t=const(4, 3)),
    _no("nll_loss(x, t)", x=(3, 3), t=CLASSES),
    _no("nll_loss(x, t)", x=ints(4, 3), t=CLASSES),
    _no("nll_loss(x, t)", x=ints(2, 3, 3), t=GRID),
    _no("gaussian_nll_loss(x, y, v)", **ROWS, v=ints(4, 3)),
    _no("binary_cross_entropy_with_logits(x, y)", x=ints(4, 3), y=CHANCES),
    _no("multilabel_margin_loss(x, t)", x=floats(4, 3, dtype=F16), t=LABELS),
    _no("nll_loss(x, t)", x=(4, 2), t=CLASSES),
    _no("nll_loss(x, t)", x=(4, 3), t=const(4)),
    _no("nll_loss(x, t)", x=(2, 3, 4), t=given([1, 2], I64)),
    _no("nll_loss(x, t, w)", x=(4, 3), t=CLASSES, w=const(4)),
    _no("nll_loss(x, t, w)", x=(4, 3), t=CLASSES, w=(3,)),
    _no("cross_entropy(x, t, label_smoothing=2.0)", x=(4, 3), t=CLASSES),
    _no("cross_entropy(x, q, ignore_index=1)", x=(4, 3), q=const(4, 3)),
    _no("cross_entropy(x, q)", x=(4, 3), q=ints(4, 3)),
    _no("cross_entropy(x, t)", x=(4, 3), t=given([[0], [1], [2], [0]], I64)),
    _no("linear_cross_entropy(x, w, t)", x=(2, 4, 5), w=(3, 5), t=CLASSES),
    _no("linear_cross_entropy(x, w, t)", x=(4, 5), w=(5,), t=CLASSES),
    _no("linear_cross_entropy(x, w, t)", x=(4, 5), w=(3, 6), t=CLASSES),
    _no("linear_cross_entropy(x, w, t, linear_bias=b)", x=(4, 5), w=(3, 5), t=CLASSES, b=(2,)),
    _no("linear_cross_entropy(x, w, q, ignore_index=1)", x=(4, 5), w=(3, 5), q=const(4, 3)),
    _no("linear_cross_entropy(x, w, t)", x=(5,), w=(3, 2, 5), t=CLASSES),
    *(
        _no(f"ctc_loss(x, t, {lengths})", x=x, t=t)
        for lengths, x, t in (
            ("[6], [3, 2]", (6, 2, 4), TARGETS), ("[6, 6], [3]", (6, 2, 4), TARGETS), ("[7, 6], [3, 2]", (6, 2, 4), TARGETS),
            ("[6, 6], [4, 2]", (6, 2, 4), TARGETS), ("[6, 6], [3, 2], blank=4", (6, 2, 4), TARGETS),
            ("[6, 6], [3, 3]", (6, 2, 4), LONG), ("[6, -1], [3, 2]", (6, 2, 4), TARGETS),
            ("[6, 6], [3, -2]", (6, 2, 4), TARGETS), ("[6, 6], [3, 2]", floats(6, 2, 4, dtype=F16), TARGETS),
            ("[6], [3]", (6,), given([1], I64)), ("[6, 6], torch.tensor([3, 2])", (6, 2, 4), TARGETS),
            ("torch.tensor([6.0, 6.0]), torch.tensor([3, 2])", (6, 2, 4), TARGETS),
        )
    ),
]  # fmt: skip
TABLE = [*EACH, *MARGINS, *CTC, *MORE, *REFUSED]
