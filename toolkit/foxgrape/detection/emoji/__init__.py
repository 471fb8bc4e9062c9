"""Find emoji in text, as fast as memory allows."""
