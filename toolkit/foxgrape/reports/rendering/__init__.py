"""Render executed notebooks as pages, and the list of runs."""
