"""What surrounds a network, and weights on disk."""
