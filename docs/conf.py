"""How the documentation is built: `sphinx-build -W docs docs/_build/html`, offline, warnings are errors."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

from gradviz.version import __version__

project = "gradviz"
author = "The gradviz developers"
copyright = "The gradviz developers, MIT licence"
release = version = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "**/*.py", "**/*.css", "**/__pycache__"]
source_suffix = {".md": "myst-nb"}
nb_execution_mode = "off"  # the lessons are executed, and checked, by their own tests
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = "gradviz"
html_extra_path = ["gallery"]  # the pages come to lie under site/


HOMES: dict[int, str] = {}  # where something was described: what has two names is described once


def plain_signs(_app: Any, _what: str, _name: str, _it: object, _options: object, lines: list[str]) -> None:
    """Stars, bars and underscores in a docstring are mathematics and names, never markup."""
    for i, line in enumerate(lines):
        parts = line.split("``")
        parts[::2] = [re.sub(r"([*|]|_\b)", r"\\\1", part) for part in parts[::2]]
        lines[i] = "``".join(parts)


def ours_once(app: Any, _what: str, _name: str, it: Any, skip: bool, _options: object) -> bool | None:
    """Leave out what is not gradviz's, and what another page has described."""
    module = getattr(it, "__module__", None) or ""
    if isinstance(it, ModuleType) or (module and not str(module).startswith("gradviz")):
        return True
    if callable(it) and HOMES.setdefault(id(it), app.env.docname) != app.env.docname:
        return True
    return None


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", plain_signs)
    app.connect("autodoc-skip-member", ours_once)
