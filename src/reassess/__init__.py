"""reassess."""
