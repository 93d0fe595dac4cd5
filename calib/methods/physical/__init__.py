"""Recovery by a fit of the scanner: its fields, coils, tracer and errors of each angle, from block means."""
