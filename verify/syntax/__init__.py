"""The format of a review file, part by part; `verify.reviews` puts the parts together."""
