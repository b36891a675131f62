"""A CNN from the inside: windows, maps, samples, confusions."""
