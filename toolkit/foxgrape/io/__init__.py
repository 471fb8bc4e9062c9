"""Input and output: data files, online services and storage."""
