"""The small card that predictions and checks show: the same words as text and as HTML, in light and in dark.

A card carries its state as a glyph and a word, and only then as a colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

GLYPH = {"right": "✓", "wrong": "✗", "near": "≈", "open": "○", "noted": "●"}
COLOUR = {"right": "#2e8b57", "wrong": "#d1495b", "near": "#c07a00", "open": "#8a8f98", "noted": "#3b7dd8"}


class Card:
    """A headline with a state, some lines below it, and perhaps a table."""

    def __init__(self, state: str, head: str, lines: Sequence[str] = (), rows: Sequence[Sequence[str]] = ()) -> None:
        self.state = state
        self.head = head
        self.lines = tuple(line for line in lines if line)
        self.rows = tuple(tuple(row) for row in rows)

    def to_text(self) -> str:
        """The card as plain text."""
        parts = [f"{GLYPH[self.state]} {self.head}", *(f"  {line}" for line in self.lines)]
        widths = [max(len(cell) for cell in column) for column in zip(*self.rows, strict=True)] if self.rows else []
        parts += [
            "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in self.rows
        ]
        return "\n".join(parts)

    def to_html(self) -> str:
        """The card as HTML; whatever the learner wrote is text in it, never markup."""
        style = f"border-left:4px solid {COLOUR[self.state]};padding:4px 12px;margin:4px 0"
        parts = [f'<div style="{style}"><div><b>{GLYPH[self.state]} {mark(self.head)}</b></div>']
        parts += [f"<div>{mark(line)}</div>" for line in self.lines]
        if self.rows:
            head, *body = self.rows
            cells = "".join(f'<th scope="col">{mark(cell)}</th>' for cell in head)
            lines = "".join("<tr>" + "".join(f"<td>{mark(cell)}</td>" for cell in row) + "</tr>" for row in body)
            parts.append(f"<table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table>")
        return "".join(parts) + "</div>"

    def __repr__(self) -> str:
        return self.to_text()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": self.to_text(), "text/html": self.to_html()}


def mark(text: str) -> str:
    """Escape the text, and set what stands between backticks as code."""
    pieces = escape(text).split("`")
    if len(pieces) % 2 == 0:  # a lone backtick is a character like any other
        return escape(text)
    return "".join(f"<code>{piece}</code>" if i % 2 else piece for i, piece in enumerate(pieces))
