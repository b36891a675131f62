"""Products of many matrices: in the cheapest order, and powers by repeated squaring."""

from __future__ import annotations

from typing import Any

from ...op import FUNCTIONS, RECORDED, function
from ...tensor import Tensor
from .matmul import matmul
from .matrices import square_matrix
from .products import wrong


@function(method=False)
def chain_matmul(*matrices: Tensor, out: Any = None) -> Tensor:
    """The product of several matrices, multiplied in the cheapest order; `linalg.multi_dot` is its new name."""
    if out is not None:
        raise NotImplementedError("chain_matmul(): argument 'out' is not supported")
    if len(matrices) == 1:
        return matrices[0].clone()  # type: ignore[no-any-return]
    return multi_dot(matrices)


@function(space="linalg")
def multi_dot(tensors: Any) -> Tensor:
    """The product of two or more matrices, the first and last of which may be vectors, in the cheapest order."""
    parts = list(tensors)
    if len(parts) < 2:
        raise wrong("multi_dot(): expected at least 2 tensors but got " + str(len(parts)))
    ends = (parts[0].ndim == 1, parts[-1].ndim == 1)
    for i, x in enumerate(parts):
        allowed = (1, 2) if i in (0, len(parts) - 1) else (2,)
        if x.ndim not in allowed:
            raise wrong(f"multi_dot(): tensor {i} must be {'1D or ' if 1 in allowed else ''}2D but got {x.ndim}D")
    if ends[0]:
        parts[0] = parts[0].unsqueeze(0)
    if ends[1]:
        parts[-1] = parts[-1].unsqueeze(-1)
    for i in range(len(parts) - 1):
        (n, k), (rows, m) = parts[i].shape, parts[i + 1].shape
        if k != rows:
            raise wrong(
                f"multi_dot(): tensors {i} and {i + 1} with shapes [{n}, {k}] and [{rows}, {m}] cannot be multiplied"
            )
    shape = (() if ends[0] else (parts[0].shape[0],)) + (() if ends[1] else (parts[-1].shape[1],))
    split = _cheapest([*(x.shape[0] for x in parts), parts[-1].shape[1]])
    return _chain(parts, split, 0, len(parts) - 1).view(*shape)  # type: ignore[no-any-return]


def _cheapest(sizes: list[int]) -> dict[tuple[int, int], int]:
    """For every run of matrices, where to split it so that fewest numbers are multiplied."""
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    split: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            prices = {k: cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)}
            ties = [k for k in prices if prices[k] == min(prices.values())]
            split[i, j] = ties[-1] if count == 3 else ties[0]  # as PyTorch breaks ties
            cost[i, j] = prices[split[i, j]]
    return split


def _chain(parts: list[Tensor], split: dict[tuple[int, int], int], i: int, j: int) -> Tensor:
    if i == j:
        return parts[i]
    k = split[i, j]
    return RECORDED.mm(_chain(parts, split, i, k), _chain(parts, split, k + 1, j))  # type: ignore[no-any-return]


@function(space="linalg")
@function
def matrix_power(input: Tensor, n: int) -> Tensor:
    """A square matrix multiplied with itself `n` times, by repeated squaring; the inverse where n is negative."""
    square_matrix("linalg.matrix_power", input)
    if n == 0:
        one = FUNCTIONS["eye"](input.shape[-1], dtype=input.dtype, device=input.device)
        return input.clone().copy_(one)  # type: ignore[no-any-return]
    if n < 0:
        inverse = FUNCTIONS["inverse"](input)
        return inverse if n == -1 else matrix_power(inverse, -n)
    if n == 1:
        return input.clone()  # type: ignore[no-any-return]
    if n == 3:
        return matmul(matmul(input, input), input)  # type: ignore[no-any-return]
    result, square = None, input
    while True:
        if n & 1:
            result = square if result is None else matmul(result, square)
        n >>= 1
        if not n:
            return result  # type: ignore[return-value]
        square = matmul(square, square)
