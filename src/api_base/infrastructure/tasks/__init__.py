"""Work that is carried between processes."""
