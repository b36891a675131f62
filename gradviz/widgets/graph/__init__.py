"""The graph of a computation: looked at, stepped through, checked, compared."""
