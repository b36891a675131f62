"""What every view can do: become a picture, a page, a text and plain data, without Jupyter, the same way every time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any


class View(ABC):
    """A picture of something that happened.

    A notebook is given text and HTML, always both: the set of types never depends on what is installed, because a
    notebook that is run again must give the same output.
    """

    @abstractmethod
    def to_svg(self) -> str:
        """The picture, as one SVG file that needs nothing else."""

    @abstractmethod
    def to_html(self) -> str:
        """The picture that becomes interactive where scripts run."""

    @abstractmethod
    def to_text(self) -> str:
        """The same in words and numbers."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Everything the picture shows, as plain data."""

    def __repr__(self) -> str:
        return self.to_text()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        bundle = {"text/plain": self.to_text(), "text/html": self.to_html()}
        if include:
            bundle = {kind: text for kind, text in bundle.items() if kind in include}
        return {kind: text for kind, text in bundle.items() if kind not in (exclude or ())}
