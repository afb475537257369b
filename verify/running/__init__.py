"""Running what is due, on this machine."""
