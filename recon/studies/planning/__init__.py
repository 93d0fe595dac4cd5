"""The quickest calibration that reaches an error: candidates, noise, simulations, and the law between them."""
