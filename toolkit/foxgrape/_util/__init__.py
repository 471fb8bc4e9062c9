"""General-purpose helpers, independent of posts and events."""
