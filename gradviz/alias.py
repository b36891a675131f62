"""`as_torch()`: gradviz under PyTorch's names, so that pasted PyTorch code runs unchanged.

    import gradviz
    gradviz.as_torch()
    import torch, torchvision          # gradviz, gradviz.vision

A finder at the front of Python's import path answers for these names with gradviz's own modules, one by one as they are
imported: the same module objects, not copies, so a class is the same class under both names.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

NAMES = {
    "torch": "gradviz",
    "torchvision": "gradviz.vision",
    "torchviz": "gradviz.viz",
    "torchsummary": "gradviz.viz",
    "torchinfo": "gradviz.viz.summary_info",
}
# What gradviz has and torch has not: not to be found under torch's name.
OWN = frozenset(("_serial", "alias", "cli", "core", "gpu", "magic", "teach", "vision", "viz", "widgets"))


class Alias:
    """The names are registered; leaving a `with` block over it takes back what it registered."""

    def __init__(self) -> None:
        self._made_here = _register()

    def __enter__(self) -> ModuleType:
        return importlib.import_module("gradviz")

    def __exit__(self, *exc: object) -> None:
        if self._made_here:
            _unregister()
            self._made_here = False

    def __repr__(self) -> str:
        return f"<gradviz answers to the names {', '.join(NAMES)}>"


def as_torch() -> Alias:
    """Registers gradviz under the names torch, torchvision, torchviz, torchsummary and torchinfo.

    In effect until the end of the program, or of a `with gradviz.as_torch():` block. Raises RuntimeError if the real
    torch, or another of these, has already been imported: two libraries cannot have one name.
    """
    return Alias()


class _Finder:
    """Answers imports of PyTorch's names."""

    @staticmethod
    def find_spec(fullname: str, *_: Any) -> ModuleSpec | None:
        root, dot, rest = fullname.partition(".")
        if root not in NAMES:
            return None
        real = f"{NAMES[root]}.{rest}" if dot else NAMES[root]
        if (root == "torch" and rest.partition(".")[0] in OWN) or not _exists(real):
            # Python would look in gradviz's folder next, and load a second copy under torch's name.
            raise ModuleNotFoundError(
                f"No module named {fullname!r}\ngradviz, which answers to {root!r} here, has no {real}.", name=fullname
            )
        return ModuleSpec(fullname, _Loader(real))  # type: ignore[arg-type]


class _Loader:
    """Gives the module of gradviz's that a name stands for."""

    def __init__(self, real: str) -> None:
        self.real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self.real)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import system has put the alias's spec on the module, which keeps its own.
        module.__spec__ = self.spec


def _exists(name: str) -> bool:
    import importlib.util

    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _register() -> bool:
    """Puts the finder in place; False if it is there already."""
    if _Finder in sys.meta_path:
        return False
    for name in NAMES:
        if name in sys.modules:
            raise RuntimeError(
                f"as_torch(): the real {name} is already imported, so gradviz cannot take its name. Call "
                f"gradviz.as_torch() before anything imports {name} (in a notebook: restart the kernel), or write "
                "`import gradviz as torch`."
            )
    sys.meta_path.insert(0, _Finder)
    return True


def _unregister() -> None:
    """Takes the finder and everything it gave out away again."""
    if _Finder in sys.meta_path:
        sys.meta_path.remove(_Finder)
    for name in [name for name in sys.modules if name.partition(".")[0] in NAMES]:
        del sys.modules[name]
