"""Run report notebooks in processes of their own."""
