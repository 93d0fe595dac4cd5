"""Models of the tracer's magnetisation."""
