"""Signals as alarms: Molchan diagram, area skill, and comparison of two alarm functions."""
