"""Report templates: find them, and check their parameters."""
