"""Channels in another order, so that the groups of a grouped convolution meet."""

from __future__ import annotations

from gradviz.core.tensor import Tensor

from .. import functional as F
from .module import Module


class ChannelShuffle(Module):
    """The channels of `groups` groups taken in turn: 1 2 3 4 -> 1 3 2 4 for two groups. Shape: (N, C, *) -> the same.

    Zhang et al., 2018. https://docs.pytorch.org/docs/2.13/generated/torch.nn.ChannelShuffle.html
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"
