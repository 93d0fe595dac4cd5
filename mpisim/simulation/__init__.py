"""Where scanner, particles and grid meet: engines and the system matrices they give."""
