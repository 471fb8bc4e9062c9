"""A study, its analysis, and the summaries that reports print."""
