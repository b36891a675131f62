"""nn.functional against PyTorch: values, dtypes, reprs, first and second gradients, errors."""

from __future__ import annotations

import pytest

import gradviz
from tests.oracle.same import Sample, compare, run, sample

from .rows import ROWS

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{i} {row}") for i, row in enumerate(ROWS)])
def test_same_as_torch(row: Sample) -> None:
    compare(row, run(torch, row), run(gradviz, row))


@pytest.mark.parametrize(
    ("code", "argument"),
    [
        ("F.linear_cross_entropy(x, x, x, options=2)", "options"),
        ("F.embedding(x.long(), x * y, sparse=True)", "sparse"),
        ("nn.LinearCrossEntropyLoss(2, 3, options=2)", "options"),
        ("nn.Unflatten('C', (1, 2))", "dim"),
    ],
)
def test_unsupported_arguments_are_refused_by_name(code: str, argument: str) -> None:
    with pytest.raises(NotImplementedError, match=argument):
        eval(
            code,
            {
                "F": gradviz.nn.functional,
                "nn": gradviz.nn,
                "x": gradviz.ones(2, 2),
                "y": gradviz.ones(2, requires_grad=True),
            },
        )


def test_broadcast_targets_are_warned_about() -> None:
    texts = []
    for lib in (torch, gradviz):
        with pytest.warns(UserWarning, match="Using a target size") as found:
            lib.nn.functional.mse_loss(lib.ones(4, 1), lib.ones(4))
        texts.append(str(found[0].message))
    assert texts[0] == texts[1]


@pytest.mark.parametrize(("kernel", "dilation"), [((4, 2), 1), ((2, 3), 1), ((2, 2), 3)])
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_same_padding_of_even_kernels(kernel: tuple[int, int], dilation: int) -> None:
    row = sample(f"F.conv2d(x, w, padding='same', dilation={dilation})", x=(2, 3, 5, 5), w=(4, 3, *kernel), rtol=1e-4)
    compare(row, run(torch, row), run(gradviz, row))


@pytest.mark.parametrize("name", ["dropout", "dropout2d"])
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_dropout_draws_what_torch_draws(name: str, p: float) -> None:
    outs = []
    for lib in (torch, gradviz):
        lib.manual_seed(3)
        x = lib.arange(1.0, 97.0).reshape(2, 3, 4, 4).requires_grad_()
        y = getattr(lib.nn.functional, name)(x, p)
        y.sum().backward()
        outs.append((y.tolist(), x.grad.tolist(), lib.rand(2).tolist()))
    assert outs[0] == outs[1]
    x = gradviz.ones(3)
    assert gradviz.nn.functional.dropout(x, 0.5, training=False) is x
