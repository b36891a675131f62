"""torch.nn.functional beyond single calls: the graphs of composites, warnings, and what is written in place."""

from __future__ import annotations

# ruff: noqa: E501  (a graph is a row)
import numpy as np
import pytest

import gradviz

from .behave import behave
from .same import Sample, const, given, ints, positive, sample
from .test_graph_names import tree

I64 = np.int64
SIGNS, CLASSES = given([1.0, -1.0], requires_grad=False), given([1, 0], I64)
ATTEND, HEADS = "F.scaled_dot_product_attention", "F.multi_head_attention_forward"
WEIGHTS = {"w": (12, 4), "b": (12,), "o": (4, 4), "c": (4,)}

# fmt: off
GRAPHS = [
    # activations
    *(sample(f"y = x * 1\nF.{name}_(y)", x=(2,)) for name in ("relu", "elu", "selu", "celu", "leaky_relu", "hardtanh", "rrelu")),
    *(sample(f"y = x * 1\nF.{name}(y, inplace=True)", x=(2,)) for name in ("relu6", "silu", "mish", "hardswish", "hardsigmoid")),
    sample("y = x * 1\nF.threshold_(y, 0.1, 2)", x=(2,)), sample("F.glu(x)", x=(4,)), sample("F.rrelu(x)", x=(2,)),
    sample("F.gumbel_softmax(x)", x=(2, 3)), sample("F.gumbel_softmax(x, hard=True)", x=(2, 3)),
    sample("F.softmin(x, 1)", x=(2, 3)), sample("F.prelu(x, w)", x=(2, 3), w=(3,)),
    # dropout
    *(sample(f"F.{name}(x, training=True)", x=(2, 3, 4)) for name in ("dropout", "dropout1d", "alpha_dropout", "feature_alpha_dropout")),
    sample("F.dropout1d(x)", x=(3, 4)), sample("F.dropout2d(x)", x=(2, 3, 4, 2)), sample("F.dropout3d(x)", x=(3, 2, 2, 2)),
    sample("F.dropout(x, 1.0)", x=(3,)), sample("F.alpha_dropout(x, 1.0, True)", x=(3,)), sample("F.dropout(x, 0.0)", x=(3,)),
    # layers
    sample("F.bilinear(x, y, w, b)", x=(4, 3), y=(4, 2), w=(5, 3, 2), b=(5,)),
    sample("F.embedding(i, w, scale_grad_by_freq=True)", i=ints(2, 2), w=(5, 3)),
    *(sample(f"F.embedding_bag(i, w, mode='{mode}')", i=ints(2, 2), w=(5, 3)) for mode in ("sum", "mean", "max")),
    sample("F.embedding_bag(i, w, mode='sum', per_sample_weights=s)", i=ints(2, 2), w=(5, 3), s=(2, 2)),
    # distances
    sample("F.normalize(x)", x=(2, 3)), sample("F.cosine_similarity(x, y)", x=(2, 3), y=(2, 3)),
    sample("F.pairwise_distance(x, y)", x=(2, 3), y=(2, 3)),
    # losses
    sample("F.poisson_nll_loss(x, y)", x=(2, 3), y=(2, 3)), sample("F.poisson_nll_loss(x, y, full=True)", x=(2, 3), y=positive(2, 3)),
    sample("F.poisson_nll_loss(x, y, False)", x=positive(2, 3), y=(2, 3)),
    sample("F.gaussian_nll_loss(x, y, v)", x=(2, 3), y=(2, 3), v=positive(2, 3)),
    sample("F.gaussian_nll_loss(x, y, v, full=True)", x=(2, 3), y=(2, 3), v=positive(2, 3)),
    sample("F.hinge_embedding_loss(x, t)", x=(2,), t=SIGNS), sample("F.margin_ranking_loss(x, y, t, 0.5)", x=(2,), y=(2,), t=SIGNS),
    sample("F.cosine_embedding_loss(x, y, t)", x=(2, 3), y=(2, 3), t=SIGNS),
    sample("F.triplet_margin_loss(x, y, z)", x=(2, 3), y=(2, 3), z=(2, 3)),
    sample("F.triplet_margin_loss(x, y, z, swap=True)", x=(2, 3), y=(2, 3), z=(2, 3)),
    sample("F.triplet_margin_with_distance_loss(x, y, z, swap=True)", x=(2, 3), y=(2, 3), z=(2, 3)),
    sample("F.soft_margin_loss(x, t)", x=(2,), t=SIGNS), sample("F.multi_margin_loss(x, t, p=2)", x=(2, 3), t=CLASSES),
    sample("F.multilabel_margin_loss(x, t)", x=(2,), t=CLASSES), sample("F.multilabel_soft_margin_loss(x, t)", x=(2,), t=SIGNS),
    *(
        sample(f"F.ctc_loss(x.log_softmax(2), t, [5, 5], [2, 1]{options})", x=(5, 2, 4), t=given([[1, 2], [3, 0]], I64))
        for options in ("", ", reduction='sum'", ", zero_infinity=True", ", reduction='none'")
    ),
    sample("F.linear_cross_entropy(x, w, t)", x=(2, 5), w=(3, 5), t=CLASSES),
    sample("F.linear_cross_entropy(x, w, t, linear_bias=b)", x=(2, 5), w=(3, 5), t=CLASSES, b=(3,)),
    sample("F.cross_entropy(x, t, label_smoothing=0.1)", x=(2, 3), t=CLASSES), sample("F.kl_div(x, y, log_target=True, reduction='batchmean')", x=(2, 3), y=(2, 3)),
    sample("F.mse_loss(x, y, weight=v)", x=(2, 3), y=(2, 3), v=const(2, 3)), sample("F.huber_loss(x, y, weight=v)", x=(2, 3), y=(2, 3), v=const(2, 3)),
    # attention
    *(sample(f"{ATTEND}(q, k, v{options})", q=(2, 3, 4, 5), k=(2, 3, 4, 5), v=(2, 3, 4, 5)) for options in ("", ", is_causal=True", ", scale=0.5", ", dropout_p=0.5")),
    *(sample(f"{ATTEND}(q, k, v{options})", q=(3, 4, 5), k=(3, 4, 5), v=(3, 4, 5)) for options in ("", ", is_causal=True")),
    sample(f"{ATTEND}(q, k, v, m)", q=(2, 3, 4, 5), k=(2, 3, 4, 5), v=(2, 3, 4, 5), m=(4, 4)),
    sample(f"{ATTEND}(q, k, v, m)", q=(2, 3, 4, 5), k=(2, 3, 4, 5), v=(2, 3, 4, 5), m=const(4, 4)),
    *(
        sample(f"{HEADS}({inputs}, 4, 2, w, b, None, None, {zero}, 0.0, o, c{options})[0]", q=(3, 2, 4), k=(5, 2, 4), v=(5, 2, 4), **WEIGHTS)
        for inputs in ("q, k, v", "q, q, q", "q, k, k")
        for zero in (False, True)
        for options in ("", ", need_weights=False")
    ),
]
# fmt: on


@pytest.mark.oracle
@pytest.mark.parametrize("row", [pytest.param(row, id=f"{i}: {row}") for i, row in enumerate(GRAPHS)])
def test_graph_equals_torchs(row: Sample) -> None:
    torch = pytest.importorskip("torch")
    assert tree(gradviz, row) == tree(torch, row)


PROGRAMS = {
    "older spellings of reductions are honoured, with a warning": """
        x, y = torch.tensor([1.0, 2.0]), torch.tensor([0.5, 3.0])
        for options in ({"size_average": False}, {"reduce": False}, {"size_average": True}, {"size_average": False, "reduce": False}):
            for loss in (F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.hinge_embedding_loss, F.soft_margin_loss, F.kl_div):
                log(loss(x, y, **options))
        log(F.mse_loss(x, y, reduction="elementwise_mean"))
    """,
    "dropout of channels warns about ranks": """
        torch.manual_seed(0)
        for drop, shape in ((F.dropout2d, (2, 3)), (F.dropout2d, (2, 3, 4)), (F.dropout3d, (2, 3, 4))):
            log(drop(torch.ones(*shape)))
    """,
    "gumbel softmax warns about eps": """
        torch.manual_seed(0)
        log(F.gumbel_softmax(torch.zeros(3), eps=0.1, dim=0))
    """,
    "one mask after another from one stream": """
        torch.manual_seed(7)
        x = torch.ones(2, 3, 4)
        log(F.dropout(x), F.dropout1d(x), F.alpha_dropout(x, 0.2, True), F.rrelu(-x, training=True), F.feature_alpha_dropout(x, 0.2, True))
        log(F.gumbel_softmax(x), torch.rand(3))
    """,
    "writing over a leaf is refused": """
        x = torch.ones(3, requires_grad=True)
        F.selu_(x)
    """,
    "what was written over cannot be looked up again": """
        x = torch.tensor([-1.0, 2.0], requires_grad=True)
        for change in (F.elu_, F.selu_, F.celu_, F.leaky_relu_, F.rrelu_, lambda y: F.threshold_(y, 0.1, 2.0)):
            y = x * 1
            change(y)
            log(y.grad_fn.name())
            y.add_(1)
            try:
                y.sum().backward()
                log(x.grad)
            except RuntimeError as error:
                log(str(error)[:60])
    """,
    "over its input no slope may be negative": """
        x = torch.tensor([-1.0, 2.0], requires_grad=True)
        for change in (F.elu_, F.celu_, F.leaky_relu_):
            log(change(x.detach().clone(), -1.0))
            try:
                change(x * 1, -1.0).sum().backward()
            except RuntimeError as error:
                log(str(error)[:150])
    """,
    "a shortened table remembers that it was written to": """
        w = torch.full((3, 2), 2.0, requires_grad=True)
        y = (w * w).sum()
        F.embedding(torch.tensor([1]), w, max_norm=1.0)
        log(w.detach())
        y.backward()
    """,
    "heads of a module's kind: static keys and the mean of the weights": """
        torch.manual_seed(0)
        q, w, o = torch.randn(3, 2, 4), torch.randn(12, 4), torch.randn(4, 4)
        for options in ({}, {"average_attn_weights": False}, {"need_weights": False}):
            log(*F.multi_head_attention_forward(q, q, q, 4, 2, w, None, None, None, False, 0.0, o, None, **options))
    """,
    "second gradients of ctc_loss are refused": """
        x = torch.randn(5, 1, 3, dtype=torch.float64).log_softmax(2).requires_grad_()
        loss = F.ctc_loss(x, torch.tensor([[1, 2]]), [5], [2])
        (g,) = torch.autograd.grad(loss, x, create_graph=True)
        g.sum().backward()
    """,
}


@pytest.mark.oracle
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_behaves_as_torch(program: str) -> None:
    pytest.importorskip("torch")
    behave(program)


def test_ctc_is_the_sum_over_all_alignments() -> None:
    """Against the definition: every reading of T labels that gives the target once repeats and blanks are dropped."""
    rng = np.random.default_rng(0)
    scores = np.log(rng.dirichlet(np.ones(3), size=5))
    total = 0.0
    for reading in np.ndindex(*(3,) * 5):
        short = [label for i, label in enumerate(reading) if label and (i == 0 or reading[i - 1] != label)]
        if short == [1, 2, 2]:
            total += float(np.exp(sum(scores[t, label] for t, label in enumerate(reading))))
    loss = gradviz.nn.functional.ctc_loss(
        gradviz.tensor(scores), gradviz.tensor([1, 2, 2]), (5,), (3,), reduction="sum"
    )
    assert loss.item() == pytest.approx(-np.log(total))


def test_attention_gives_zeros_where_every_key_is_forbidden() -> None:
    torch = gradviz
    x = torch.ones(1, 1, 2, 3, requires_grad=True)
    mask = torch.tensor([[True, False], [False, False]])
    out = torch.nn.functional.scaled_dot_product_attention(x, x, x, mask)
    out.sum().backward()
    assert out[0, 0, 1].tolist() == [0.0, 0.0, 0.0]
    assert bool(torch.isfinite(x.grad).all())


# -- second gradients that PyTorch does not have: against the same mathematics put together from other operations ---
F = gradviz.nn.functional
PUT_TOGETHER = {
    "attention": (
        lambda x, y: F.scaled_dot_product_attention(x, y, x * y),
        lambda x, y: (x @ y.transpose(2, 3) / 3**0.5).softmax(3) @ (x * y),
        (2, 2, 4, 3),
    ),
    "sums of rows": (
        lambda x, y: F.embedding_bag(ROWS, x.tanh(), mode="sum", per_sample_weights=y[:2]),
        lambda x, y: (x.tanh()[ROWS] * y[:2].unsqueeze(2)).sum(1),
        (4, 4),
    ),
    "largest of rows": (
        lambda x, y: F.embedding_bag(ROWS, x * y, mode="max"),
        lambda x, y: (x * y)[ROWS].amax(1),
        (4, 4),
    ),
    "squared margins": (
        lambda x, y: F.multi_margin_loss(x * y, CHOSEN, p=2, reduction="none"),
        lambda x, y: _margins(x * y),
        (4, 4),
    ),
}
ROWS = gradviz.tensor([[0, 2, 3, 1], [2, 1, 1, 0]])
CHOSEN = gradviz.tensor([1, 0, 3, 2])


def _margins(x: gradviz.Tensor) -> gradviz.Tensor:
    own = x.gather(1, CHOSEN.unsqueeze(1))
    short = (1 - own + x).clamp(min=0) ** 2
    return (short.sum(1) - 1) / x.shape[1]


@pytest.mark.parametrize("name", PUT_TOGETHER)
def test_second_gradients(name: str) -> None:
    rng = np.random.default_rng(0)
    one, other, shape = PUT_TOGETHER[name]
    arrays = [rng.standard_normal(shape) for _ in range(2)]
    results = []
    for function in (one, other):
        leaves = [gradviz.tensor(array, requires_grad=True) for array in arrays]
        out = function(*leaves)
        first = gradviz.autograd.grad((out * out).sum(), leaves, create_graph=True)
        second = gradviz.autograd.grad(sum((g * g).sum() for g in first), leaves)
        results.append([out, *first, *second])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-9)
