"""Several ways to compute one thing on a cuda device: the first that can do it does it.

An engine is a module (or anything) with `why_not(problem)`, which tells why it cannot; the last one, None, is the op
table's own forward over CuPy's functions, which does everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any


class Engines:
    """The engines of one kind of operation, the preferred first.

    >>> convolution.why(problem)                    # which one, and why not those before it
    ('gemm', {'cudnn': 'torch.backends.cudnn.enabled is False'})
    >>> with convolution.use("gemm"): ...           # that one and no other
    """

    def __init__(self, what: str, engines: dict[str, Any]) -> None:
        self.what, self.engines = what, engines
        self._insisted: ContextVar[str | None] = ContextVar(f"{what} engine", default=None)

    @contextmanager
    def use(self, name: str) -> Iterator[None]:
        """In the `with` block this engine does all of it; RuntimeError where it cannot."""
        if name not in self.engines:
            raise ValueError(f"there is no {self.what} engine {name!r}: choose from {', '.join(self.engines)}")
        token = self._insisted.set(name)
        try:
            yield
        finally:
            self._insisted.reset(token)

    def why(self, problem: Any) -> tuple[str, dict[str, str]]:
        """The engine that does this, and for each one before it the reason it does not."""
        insisted = self._insisted.get()
        reasons: dict[str, str] = {}
        for name, engine in self.engines.items():
            if insisted not in (None, name):
                continue
            reason = "" if engine is None else engine.why_not(problem)
            if not reason:
                return name, reasons
            if insisted is not None:
                raise RuntimeError(f"the {self.what} engine {name!r} cannot do this: {reason}")
            reasons[name] = reason
        raise AssertionError("the last engine does everything")

    def insisted(self) -> str | None:
        """The engine that `use` insists on here."""
        return self._insisted.get()

    def chosen(self, problem: Any) -> Any:
        """The engine that does this; None for the op table's own forward."""
        return self.engines[self.why(problem)[0]]
