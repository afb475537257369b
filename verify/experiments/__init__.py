"""Experiments of the reviews: one module a paper."""
