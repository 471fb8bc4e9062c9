"""Build reports when they are due: configuration, ledger, timers."""
