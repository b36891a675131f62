"""Compile the accelerator without installing it: `python accelerator/build.py FOLDER`, then PYTHONPATH=FOLDER.

For tests and benchmarks: it needs a C compiler ($CC or cc) and the interpreter's and NumPy's headers, nothing else.
What comes after FOLDER is given to the compiler, `-Wall -Werror` say.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

SOURCE = Path(__file__).parent / "src" / "module.c"


def compiler() -> list[str]:
    """The command of a C compiler; empty if there is none."""
    command = shlex.split(os.environ.get("CC", "")) or ["cc"]
    return command if shutil.which(command[0]) else []


def missing() -> str:
    """What it cannot be built for want of, in words; empty if all is there."""
    if not compiler():
        return "a C compiler"
    return "" if Path(sysconfig.get_path("include"), "Python.h").exists() else "Python.h (Debian: python3-dev)"


def build(folder: Path, *options: str) -> Path:
    """Compile into this folder for the interpreter that runs this; CalledProcessError with the compiler's words."""
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    made = folder / f"gradviz_accelerator{sysconfig.get_config_var('EXT_SUFFIX')}"
    shared = ["-bundle", "-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-shared"]
    headers = [f"-I{sysconfig.get_path('include')}", "-isystem", np.get_include()]
    command = [*compiler(), "-O2", "-fPIC", *shared, *headers, str(SOURCE), "-o", str(made), *options]
    subprocess.run(command, check=True)
    return made


if __name__ == "__main__":
    print(build(Path(sys.argv[1]), *sys.argv[2:]))
