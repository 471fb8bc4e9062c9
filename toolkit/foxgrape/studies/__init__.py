"""Studies, their analyses, and the summaries that reports show."""
