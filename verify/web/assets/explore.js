// Figures that can be explored.
