"""Event coincidence analysis with null models."""
