"""Figures of signals, activity and results."""
