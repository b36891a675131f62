"""Softmax over very many classes, the rare ones in clusters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from gradviz.core.errors import noted
from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor

from .. import functional as F
from .container import ModuleList, Sequential
from .linear import Linear
from .module import Module


class _ASMoutput(NamedTuple):
    """What forward returns: the log-probability of each target, and the loss."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-softmax over classes sorted by frequency: frequent ones by themselves, the others through clusters.

    The head scores the first `cutoffs[0]` classes and one cluster for each later piece between cutoffs; a class in a
    cluster has the cluster's probability times its own within it, from a smaller space (`div_value` times smaller for
    each cluster further back). Grave et al., 2017.

    Shape: (N, in_features) or (in_features) and class numbers (N) or () -> the log-probabilities of the targets, and
    their negative mean. Raises ValueError for cutoffs that do not increase within the classes, RuntimeError for targets
    outside of them. https://docs.pytorch.org/docs/2.13/generated/torch.nn.AdaptiveLogSoftmaxWithLoss.html
    """

    def __init__(
        self, in_features: int, n_classes: int, cutoffs: Sequence[int], div_value: float = 4.0,
        head_bias: bool = False, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        whole = all(int(c) == c for c in cutoffs)
        if not whole or cutoffs != sorted(set(cutoffs)) or cutoffs[0] <= 0 or cutoffs[-1] > n_classes - 1:
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each "
                "value is between 1 and n_classes-1"
            )
        self.in_features, self.n_classes = in_features, n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value, self.head_bias = div_value, head_bias
        self.shortlist_size, self.n_clusters = cutoffs[0], len(cutoffs)
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, head_bias, device, dtype)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            hidden = int(in_features // div_value ** (i + 1))
            size = self.cutoffs[i + 1] - self.cutoffs[i]
            layers = (Linear(a, b, False, device, dtype) for a, b in ((in_features, hidden), (hidden, size)))
            self.tail.append(Sequential(*layers))

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        self.head.reset_parameters()
        for pair in self.tail:
            for layer in pair:
                layer.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        _check_shapes(input_, target_)
        single = target_.ndim == 0
        input, target = (input_.unsqueeze(0), target_.unsqueeze(0)) if single else (input_, target_)
        count = target.shape[0]
        output = input.new_zeros(count)
        chosen = target.new_empty(count)  # the head's number of each target: its class, or its cluster
        found, start = 0, 0
        for i, stop in enumerate(self.cutoffs):
            inside = (target >= start).logical_and(target < stop)
            rows = inside.nonzero().squeeze(1)
            if rows.numel() and i == 0:
                chosen.index_copy_(0, rows, target[inside])
            elif rows.numel():
                scores = F.log_softmax(self.tail[i - 1](input.index_select(0, rows)), dim=1)
                chosen.index_fill_(0, rows, self.shortlist_size + i - 1)
                own = scores.gather(1, (target[inside] - start).unsqueeze(1))
                output.index_copy_(0, rows, own.squeeze(1))
            found, start = found + rows.numel(), stop
        if found != count:
            raise noted(
                RuntimeError(
                    f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                    f"[{target.min().item()}, {target.max().item()}] were found. \nThe layer was made for "
                    f"{self.n_classes} classes."
                )
            )
        head = F.log_softmax(self.head(input), dim=1)
        output += head.gather(1, chosen.unsqueeze(1)).squeeze()
        loss = (-output).mean()
        return _ASMoutput(output.squeeze(0) if single else output, loss)

    def _get_full_log_prob(self, input: Tensor, head_output: Tensor) -> Tensor:
        """The log-probabilities of all classes, from the head's scores."""
        head = F.log_softmax(head_output, dim=1)
        parts = [head[:, : self.shortlist_size]]
        for i, layers in enumerate(self.tail, self.shortlist_size):
            parts.append(F.log_softmax(layers(input), dim=1) + head[:, i].unsqueeze(1))
        return FUNCTIONS["cat"](parts, 1)  # type: ignore[no-any-return]

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities of all classes: (N, in_features) -> (N, n_classes)."""
        return self._get_full_log_prob(input, self.head(input))

    def predict(self, input: Tensor) -> Tensor:
        """The likeliest class of each row, with the clusters looked into only where one of them wins."""
        head = self.head(input)
        best: Tensor = head.argmax(dim=1)
        hidden = best >= self.shortlist_size
        if bool(hidden.any()):
            best[hidden] = self._get_full_log_prob(input[hidden], head[hidden]).argmax(dim=1)
        return best


def _check_shapes(input: Tensor, target: Tensor) -> None:
    if target.ndim == 1:
        if input.shape[0] != target.shape[0]:
            raise RuntimeError("Input and target should have the same size in the batch dimension.")
        if input.ndim != 2:
            raise RuntimeError(f"1D target tensor expects 2D input tensors, but found inputs with size {input.size()}")
    elif target.ndim == 0:
        if input.ndim != 1:
            raise RuntimeError(f"0D target tensor expects 1D input tensors, but found inputs with size {input.size()}")
    else:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
