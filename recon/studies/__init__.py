"""Studies and the demo, which need images of recovered matrices."""
