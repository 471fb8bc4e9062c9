"""Posts to signals: emoji, codes and place names in text."""
