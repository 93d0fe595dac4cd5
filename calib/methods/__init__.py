"""Methods of recovery that need no weights."""
