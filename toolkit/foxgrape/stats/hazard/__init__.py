"""Hazard ratio of signals."""
