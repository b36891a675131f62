"""Many elements to few, or in order: sums, extremes, norms, sorting, counting."""
