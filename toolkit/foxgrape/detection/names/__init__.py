"""Place names in columns of texts: which texts to read, and which part of each."""
