"""`torch.cuda.amp.GradScaler`: an older spelling."""

from __future__ import annotations

from gradviz.amp.deprecated import OlderGradScaler


class GradScaler(OlderGradScaler):
    """`torch.amp.GradScaler("cuda", ...)`; warns that it is deprecated."""

    kind = "cuda"
