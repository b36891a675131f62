"""Graphs of the real PyTorch, where it is installed."""
