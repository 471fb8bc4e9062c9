"""Tables and HTML for notebooks and reports."""
