"""Report templates and their parameters."""
