"""MultiheadAttention against PyTorch's: starts, outputs, weights and gradients with every option; masks; errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz

from .both import both

torch = pytest.importorskip("torch")

L, S, N, E = 3, 4, 2, 6
OPTIONS = [
    "", "bias=False", "add_bias_kv=True", "add_zero_attn=True", "add_bias_kv=True, add_zero_attn=True, bias=False",
    "kdim=5, vdim=7", "kdim=5", "batch_first=True", "dropout=0.3", "kdim=5, vdim=7, batch_first=True, bias=False",
    "dtype=torch.float64",
]  # fmt: skip
CALLS = {
    "plain": "",
    "no weights": "need_weights=False",
    "every head": "average_attn_weights=False",
    "padding": "key_padding_mask=padding",
    "mask": "attn_mask=mask",
    "mask of every head": "attn_mask=heads, need_weights=False",
    "numbers": "attn_mask=numbers, average_attn_weights=False",
    "both": "attn_mask=mask, key_padding_mask=padding, need_weights=False",
}


def drawn(t: Any, *shape: int, dtype: Any = None) -> Any:
    made = t.from_numpy(np.random.RandomState(len(shape) + shape[-1]).randn(*shape))
    return made.to(dtype or t.float32).requires_grad_()


def masks(t: Any, batch: int = N) -> dict[str, Any]:
    forbidden = np.triu(np.ones((L, S), dtype=bool), 2)
    padding = t.zeros(batch, S).bool()
    padding[0, -1] = padding[-1, 0] = True
    return {
        "mask": t.from_numpy(forbidden), "heads": t.from_numpy(np.broadcast_to(forbidden, (batch * 2, L, S)).copy()),
        "numbers": t.from_numpy(np.random.RandomState(3).randn(L, S).astype("float32")), "padding": padding,
    }  # fmt: skip


def attend(t: Any, options: str, call: str, batched: bool = True) -> list[Any]:
    """Everything that shows of one call and its backward."""
    t.manual_seed(4)
    layer = eval(f"t.nn.MultiheadAttention({E}, 2, {options})", {"t": t, "torch": t})
    first = layer.batch_first and batched
    inputs = []
    for length, size in ((L, E), (S, layer.kdim), (S, layer.vdim)):
        batch = (N,) if batched else ()
        shape = (*batch, length, size) if first else (length, *batch, size)
        inputs.append(drawn(t, *shape, dtype=layer.out_proj.weight.dtype))
    names = masks(t, N if batched else 1)
    if not batched:
        names["padding"] = names["padding"][0]
    if "float64" in options:
        names["numbers"] = names["numbers"].double()
    run = lambda: eval(f"layer(*inputs, {call})", {**names, "layer": layer, "inputs": inputs})
    t.manual_seed(5)
    out, weights = run()
    total = (out * t.arange(float(out.numel())).view(out.shape)).sum()
    if weights is not None:
        total = total + (weights**2).sum()
    total.backward()
    with t.no_grad():
        again, _ = layer.eval() and run()
    grads = [p.grad for p in layer.parameters()] + [x.grad for x in inputs]
    return [repr(layer), layer.state_dict(), out, weights, [g if g is None else g / 50 for g in grads], again]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("options", OPTIONS)
def test_attention(options: str, call: str) -> None:
    both(lambda t: attend(t, options, CALLS[call]))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("options", ["", "kdim=5, vdim=7, batch_first=True"])
def test_one_sequence_alone(options: str, call: str) -> None:
    both(lambda t: attend(t, options, CALLS[call], batched=False))


def of_itself(t: Any, **options: Any) -> list[Any]:
    t.manual_seed(4)
    layer = t.nn.MultiheadAttention(E, 2, batch_first=True)
    x = drawn(t, N, L, E)
    causal = t.nn.Transformer.generate_square_subsequent_mask(L)
    out, weights = layer(x, x, x, attn_mask=causal, is_causal=True, **options)
    out.sum().backward()
    return [out, weights, x.grad, [p.grad for p in layer.parameters()], out.grad_fn.name()]


@pytest.mark.parametrize("options", [{}, {"need_weights": False}])
def test_of_itself(options: dict[str, Any]) -> None:
    both(lambda t: of_itself(t, **options))


def layer(t: Any, **options: Any) -> Any:
    t.manual_seed(4)
    return t.nn.MultiheadAttention(E, 2, **options)


def called(t: Any, *shapes: tuple[int, ...], **options: Any) -> Any:
    return layer(t)(*(t.ones(*shape) for shape in shapes), **options)


ERRORS: list[Callable[[Any], Any]] = [
    lambda t: t.nn.MultiheadAttention(0, 1),
    lambda t: t.nn.MultiheadAttention(4, 0),
    lambda t: t.nn.MultiheadAttention(4, 3),
    lambda t: called(t, (3, 2, 5), (3, 2, 5), (3, 2, 5)),
    lambda t: called(t, (3, 2, 6), (3, 6), (3, 2, 6)),
    lambda t: called(t, (6,), (6,), (6,)),
    lambda t: called(t, (3, 6), (3, 6), (3, 6), key_padding_mask=t.zeros(1, 3).bool()),
    lambda t: called(t, (3, 2, 6), (3, 2, 6), (3, 2, 6), is_causal=True),
    lambda t: called(t, (3, 2, 6), (3, 2, 6), (3, 2, 6), attn_mask=t.ones(3, 3).int()),
    lambda t: called(t, (3, 2, 6), (3, 2, 6), (3, 2, 6), attn_mask=t.ones(3, 4)),
    lambda t: called(t, (3, 2, 6), (3, 2, 6), (3, 2, 6), key_padding_mask=t.zeros(2, 4).bool()),
    lambda t: called(t, (3, 2, 6), (3, 2, 6), (3, 2, 6), key_padding_mask=t.ones(2, 3).long()),
    lambda t: called(  # a warning
        t, (3, 2, 6), (3, 2, 6), (3, 2, 6), key_padding_mask=t.zeros(2, 3).bool(), attn_mask=t.zeros(3, 3)
    ),
]


@pytest.mark.parametrize("program", ERRORS, ids=[str(i) for i in range(len(ERRORS))])
def test_error(program: Callable[[Any], Any]) -> None:
    both(program)


def test_state_dict_goes_across() -> None:
    theirs, ours = layer(torch, add_bias_kv=True), layer(gradviz, add_bias_kv=True)
    state = {k: gradviz.from_numpy(v.numpy() + 1) for k, v in theirs.state_dict().items()}
    assert str(ours.load_state_dict(state)) == "<All keys matched successfully>"
    np.testing.assert_array_equal(ours.bias_k.detach(), theirs.bias_k.detach() + 1)
