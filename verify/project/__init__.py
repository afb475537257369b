"""Where things are; the project loaded; records, verdicts and drawings as files."""
