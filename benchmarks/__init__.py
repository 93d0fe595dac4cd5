"""Benchmarks: `python -m benchmarks.NAME`, from the root of a checkout; importing one runs nothing."""
