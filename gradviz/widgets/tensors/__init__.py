"""Tensors and modules, looked into."""
