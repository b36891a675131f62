"""Elements read, replaced and added up by index or mask."""
