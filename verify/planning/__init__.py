"""What experiments there are, what decides their results, and which trials are due."""
