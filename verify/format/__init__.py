"""A review file: its parts, what is declared in them, and all that can be wrong with either."""
