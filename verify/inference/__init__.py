"""What judging rests on: one number per seed, intervals over seeds, fitted forms."""
