"""The adapter to MkDocs: plugin, live site, theme."""
