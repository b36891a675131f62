"""Matrices and vectors: products, factors, systems of equations."""
