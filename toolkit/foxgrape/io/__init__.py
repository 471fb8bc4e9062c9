"""Files, services and storage: everything that reads or writes data."""
