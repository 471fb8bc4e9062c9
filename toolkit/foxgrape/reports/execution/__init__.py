"""Run report notebooks in separate processes."""
