"""Rules about the files: nothing private in them, nothing unfinished, none too long to read in one sitting."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

LONGEST = 500
TEXT = {
    ".py",
    ".md",
    ".toml",
    ".yml",
    ".yaml",
    ".json",
    ".ts",
    ".mjs",
    ".js",
    ".css",
    ".cff",
    ".txt",
    ".ipynb",
    ".cfg",
    "",
}


@pytest.fixture(scope="module")
def files(repo: Path) -> list[Path]:
    """Every text file that is, or could be, committed."""
    git = shutil.which("git")
    if git is None or not (repo / ".git").exists():
        pytest.skip("this is not a git checkout")
    command = [git, "-c", f"safe.directory={repo}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=repo, capture_output=True, text=True, check=True).stdout.split("\0")
    return [repo / name for name in listed if name and Path(name).suffix in TEXT and (repo / name).is_file()]


def lines_with(files: list[Path], pattern: str, repo: Path) -> list[str]:
    wanted = re.compile(pattern)
    return [
        f"{file.relative_to(repo)}:{number}: {line.strip()[:120]}"
        for file in files
        for number, line in enumerate(file.read_text("utf-8", "replace").splitlines(), 1)
        if wanted.search(line)
    ]


def client_hosts() -> set[str]:
    """The hosts that this machine's package clients are set to, read from their own settings."""
    from pip._internal.models.index import PyPI

    told = [PyPI.url, f"//{PyPI.file_storage_domain}"]
    for command in ([sys.executable, "-m", "pip", "config", "list"], ["npm", "config", "get", "registry"]):
        if shutil.which(command[0]):
            told += subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    urls = [url for text in told for url in re.findall(r"(?:https?:)?//[^\s'\"]+", text)]
    return {host for url in urls if (host := urlsplit(url).hostname) and "." in host and host != "127.0.0.1"}


def test_no_package_registry_is_named(files: list[Path], repo: Path) -> None:
    hosts = client_hosts()
    assert hosts
    pattern = "|".join(rf"(?<![\w.-]){re.escape(host)}(?![\w-])" for host in sorted(hosts))
    assert lines_with(files, pattern, repo) == []


def test_no_path_of_this_machine(files: list[Path], repo: Path) -> None:
    private = {str(repo) + "/", str(repo.parent / "shared"), sys.prefix + "/"} - {"/usr/", "/"}
    assert lines_with(files, "|".join(map(re.escape, sorted(private))), repo) == []


def test_the_views_name_no_host(repo: Path) -> None:
    """No CDN: the only addresses in what a browser gets are XML namespaces."""
    built = [file for file in (repo / "gradviz/widgets/static").rglob("*") if file.suffix in {".js", ".css", ".html"}]
    found = {url for file in built for url in re.findall(r"https?://[\w.-]+", file.read_text("utf-8"))}
    assert found <= {"http://www.w3.org"}


def test_nothing_is_left_to_do(files: list[Path], repo: Path) -> None:
    own = [file for file in files if file.suffix in {".py", ".ts", ".mjs"}]
    assert lines_with(own, r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b", repo) == []


def test_a_file_can_be_read_in_one_sitting(files: list[Path], repo: Path) -> None:
    lengths = {str(f.relative_to(repo)): len(f.read_text("utf-8").splitlines()) for f in files if f.suffix == ".py"}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_the_version_stands_in_one_place(repo: Path) -> None:
    from gradviz.version import __version__

    assert f"version: {__version__}" in (repo / "CITATION.cff").read_text("utf-8")
    import gradviz

    assert gradviz.__version__ == __version__
