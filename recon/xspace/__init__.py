"""Images of a field-free line without a system matrix: projections from harmonics, and filtered back-projection."""
