"""Pages, sheets and what belongs to them; only `mkdocs` below knows MkDocs."""
