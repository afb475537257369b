"""Reviews of machine-learning papers whose claims are tested by experiments that anyone can rerun."""

__version__ = "0.1.0"
