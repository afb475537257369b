"""Verdicts from records."""
