"""Readers of posts: one per export format, all returning the posts table."""

from __future__ import annotations

from foxgrape.io.posts.read import iter_posts, read_posts

__all__ = ["iter_posts", "read_posts"]
