"""The same elements in another shape, order or type, and tensors joined and taken apart."""
