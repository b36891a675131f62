"""The committed scripts are what the sources build, small, and free of addresses."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent.parent
STATIC = REPO / "gradviz" / "widgets" / "static"
FRONTEND = REPO / "frontend"
SCRIPTS = sorted(path.name for path in STATIC.glob("*.js"))
SIZES = [  # bytes, and bytes gzipped
    (("viewer",), 45_000, 15_360),
    (("kit",), 18_000, 7_500),
    (("kit", "viewer"), 60_000, 21_500),  # what an output carries, packed
    (("canvas",), 8_000, 3_500),
    (("replay",), 2_000, 1_000),
    (("live",), 2_500, 1_200),
    *(((name,), 46_000, 18_500) for name in sorted(path.stem for path in STATIC.glob("*-*.js"))),  # views and parts
]
NAMESPACES = {"http://www.w3.org/2000/svg"}


def test_the_views_are_there() -> None:
    assert {"kit.js", "replay.js", "viewer.js", "canvas.js"} <= set(SCRIPTS)


def test_static_is_what_the_sources_build(tmp_path: Path) -> None:
    if shutil.which("node") is None or not (FRONTEND / "node_modules" / "esbuild").is_dir():
        pytest.skip("the front end is not rebuilt: node or frontend/node_modules is missing (npm ci in frontend/)")
    subprocess.run(["node", "build.mjs", str(tmp_path)], cwd=FRONTEND, check=True, capture_output=True, timeout=120)
    built = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert sorted(built) == SCRIPTS
    stale = [name for name in SCRIPTS if built[name] != (STATIC / name).read_bytes()]
    assert stale == [], "run npm run build in frontend/ and commit the result"


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_address_and_no_eval(name: str) -> None:
    text = (STATIC / name).read_text("utf-8")
    assert set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"'`)]*", text)) <= NAMESPACES
    for word in ("eval(", "new Function", "innerHTML", "insertAdjacentHTML", "outerHTML", "document.write", "</script"):
        assert word not in text, word


@pytest.mark.parametrize(("names", "most", "packed"), SIZES, ids=lambda v: "+".join(v) if isinstance(v, tuple) else "")
def test_small(names: tuple[str, ...], most: int, packed: int) -> None:
    data = b"\n".join((STATIC / f"{name}.js").read_bytes() for name in names)
    assert len(data) <= most
    assert len(gzip.compress(data, 9, mtime=0)) <= packed


def test_lock_file_holds_no_addresses() -> None:
    text = (FRONTEND / "package-lock.json").read_text("utf-8")
    assert '"resolved"' not in text
    assert '"integrity"' in text
