"""Scanners: fields at points, drive sequences and receive coils."""
