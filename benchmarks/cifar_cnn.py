"""`python -m benchmarks.cifar_cnn PROGRAM DATA`: the CIFAR-10 tutorial program, unchanged, under gradviz and torch.

PROGRAM is a file such as shared/programs/cifar_cnn.py, DATA a folder with cifar-10-batches-py. torchvision has no build
for every machine, so torch gets the four torchvision names the program uses, written out here as torchvision does them.
Each library runs in a process of its own, one after the other, with one thread.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any


def main(program: str, data: str) -> None:
    for library in ("gradviz", "torch"):
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "GRADVIZ_DATA": data}
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.cifar_cnn", "--in", library, program],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        print(f"{library}: {time.perf_counter() - start:.1f} s wall\n{done.stdout}")


def run_in(library: str, program: str) -> None:
    import runpy

    if library == "gradviz":
        import gradviz

        gradviz.as_torch()
    else:
        import torch

        torch.set_num_threads(1)
        _torchvision(torch)
    runpy.run_path(program, run_name="__main__")


def _torchvision(torch: Any) -> None:
    """The part of torchvision that the program uses, over torch."""
    import numpy as np
    from PIL import Image

    class CIFAR10(torch.utils.data.Dataset):
        def __init__(self, root: str, train: bool, download: bool, transform: Any) -> None:
            names = [f"data_batch_{i}" for i in range(1, 6)] if train else ["test_batch"]
            folder = Path(root) / "cifar-10-batches-py"
            parts = [pickle.loads((folder / name).read_bytes(), encoding="bytes") for name in names]
            rows = np.concatenate([p[b"data"] for p in parts]).reshape(-1, 3, 32, 32)
            self.data, self.transform = rows.transpose(0, 2, 3, 1), transform
            self.targets = [label for p in parts for label in p[b"labels"]]

        def __len__(self) -> int:
            return len(self.data)

        def __getitem__(self, i: int) -> Any:
            return self.transform(Image.fromarray(self.data[i])), self.targets[i]

    def to_tensor(image: Any) -> Any:
        array = np.array(image, np.uint8, copy=True)
        planes = torch.from_numpy(array).view(image.size[1], image.size[0], 3).permute((2, 0, 1)).contiguous()
        return planes.to(dtype=torch.float32).div(255)

    class Normalize:
        def __init__(self, mean: Any, std: Any) -> None:
            self.mean, self.std = mean, std

        def __call__(self, x: Any) -> Any:
            mean, std = (torch.as_tensor(v, dtype=x.dtype) for v in (self.mean, self.std))
            return x.clone().sub_(mean.view(-1, 1, 1)).div_(std.view(-1, 1, 1))

    class Compose:
        def __init__(self, transforms: Any) -> None:
            self.transforms = transforms

        def __call__(self, x: Any) -> Any:
            for t in self.transforms:
                x = t(x)
            return x

    vision, datasets, transforms = (types.ModuleType(n) for n in ("torchvision", "datasets", "transforms"))
    datasets.CIFAR10 = CIFAR10  # type: ignore[attr-defined]
    transforms.ToTensor, transforms.Normalize = (lambda: to_tensor), Normalize  # type: ignore[attr-defined]
    transforms.Compose = Compose  # type: ignore[attr-defined]
    vision.datasets, vision.transforms = datasets, transforms  # type: ignore[attr-defined]
    sys.modules.update({"torchvision": vision, "torchvision.datasets": datasets, "torchvision.transforms": transforms})


if __name__ == "__main__":
    if sys.argv[1] == "--in":
        run_in(*sys.argv[2:4])
    else:
        main(*sys.argv[1:3])
