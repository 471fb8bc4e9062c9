"""Questions to signals and events, and simulated worlds to test them on."""
