"""Doors for posts: one reader an export format, all giving the posts table."""

from __future__ import annotations

from foxgrape.io.base import quarantined
from foxgrape.io.posts.read import iter_posts, read_posts

__all__ = ["iter_posts", "quarantined", "read_posts"]
