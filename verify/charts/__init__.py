"""What figures are drawn with: rows from records, the parts of a chart, colours, SVG."""
