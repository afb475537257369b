"""The published site: pages from reviews and evidence, and the MkDocs plugin that serves them."""
