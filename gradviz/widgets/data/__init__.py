"""Views of how data reaches a model."""
