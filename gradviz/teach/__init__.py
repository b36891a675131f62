"""What lessons use: predictions, checks, and the machinery that builds lessons into notebooks."""

from __future__ import annotations

from gradviz.teach.check import check
from gradviz.teach.predict import predict

__all__ = ["check", "predict"]
