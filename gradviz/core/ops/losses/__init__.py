"""How far results are from what they should be."""
