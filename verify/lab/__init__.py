"""What experiments are made of: data, models, training.  The only package that imports torch."""
