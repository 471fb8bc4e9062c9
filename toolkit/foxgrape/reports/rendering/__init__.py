"""Render the pages of executed notebooks and the catalogue of runs."""
