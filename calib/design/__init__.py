"""Design of calibrations: at which positions to measure next."""
