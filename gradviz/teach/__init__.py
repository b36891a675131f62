"""What lessons use: predictions, checks and the card of the course; and what builds the lessons into notebooks."""

from __future__ import annotations

from gradviz.teach.check import check, grade
from gradviz.teach.overview import overview
from gradviz.teach.predict import predict

__all__ = ["check", "grade", "overview", "predict"]
