"""Turn executed notebooks into pages, and runs into a catalogue."""
