"""`python -m benchmarks.char_transformer`: losses of a small character transformer, here and in torch, from one seed.

The weights, the places in the text that are read, dropout and the arithmetic are each library's own.
"""

from __future__ import annotations

import sys
from typing import Any

from .lenet_losses import side_by_side

LAYERS, SIZE, HEADS, CONTEXT, BATCH = 4, 32, 4, 32, 16
TEXT = """
A gradient says which way is up. To learn is to walk the other way, a little at a time, and to look again. Every number
in the net was moved by some small slope, and every slope was the product of the slopes behind it: that is all the chain
rule has to say. What the last layer got wrong it tells the one before, which tells the one before that, until the first
layer hears of it and changes its mind. Then the next sentence is read, and the walk goes on. Nobody told the machine
what a word is; it saw letters, one after the other, and guessed the next, and was wrong, and guessed again.
"""
LETTERS = sorted(set(TEXT))


def model(t: Any) -> Any:
    """Letters and their places, four causal layers, and a guess of the next letter at every place."""
    nn = t.nn

    class Characters(nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.letters = nn.Embedding(len(LETTERS), SIZE)
            self.places = nn.Embedding(CONTEXT, SIZE)
            layer = nn.TransformerEncoderLayer(
                SIZE, HEADS, 4 * SIZE, dropout=0.1, activation="gelu", batch_first=True, norm_first=True
            )
            self.layers = nn.TransformerEncoder(layer, LAYERS, nn.LayerNorm(SIZE), enable_nested_tensor=False)
            self.guess = nn.Linear(SIZE, len(LETTERS))
            self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(CONTEXT))

        def forward(self, x: Any) -> Any:
            x = self.letters(x) + self.places(t.arange(CONTEXT))
            return self.guess(self.layers(x, mask=self.mask, is_causal=True))

    return Characters()


def losses(t: Any, steps: int, seed: int = 0) -> list[float]:
    """The loss of every step of Adam, each on pieces of the text from places drawn at random."""
    text = t.tensor([LETTERS.index(letter) for letter in TEXT])
    t.manual_seed(seed)
    net = model(t)
    criterion = t.nn.CrossEntropyLoss()
    optimizer = t.optim.Adam(net.parameters(), lr=3e-3)
    seen = []
    for _ in range(steps):
        starts = t.randint(len(TEXT) - CONTEXT, (BATCH, 1))
        pieces = text[starts + t.arange(CONTEXT + 1)]
        optimizer.zero_grad()
        loss = criterion(net(pieces[:, :-1]).flatten(0, 1), pieces[:, 1:].flatten())
        loss.backward()
        t.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        seen.append(loss.item())
    return seen


if __name__ == "__main__":
    side_by_side(losses, *map(int, sys.argv[1:]))
