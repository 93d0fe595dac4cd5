"""What all studies share: matrices, weights, cached results, figures."""
