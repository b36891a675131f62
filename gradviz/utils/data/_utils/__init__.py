"""The parts of a DataLoader: collating, fetching, and workers that are threads or processes."""
