"""Helpers for every layer. They know nothing about posts or events."""
