"""The one thing that pyproject.toml cannot say: where NumPy's headers are."""

import numpy as np
from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "gradviz_accelerator",
            ["src/module.c"],
            include_dirs=[np.get_include()],
            depends=["src/known.h", "src/loops.h", "src/nodes.h", "src/calls.h", "src/arrays.h"],
        )
    ]
)
