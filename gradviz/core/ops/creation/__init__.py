"""Tensors from data, sizes and other libraries, and what can be asked about them."""
