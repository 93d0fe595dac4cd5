"""Preprocessing of matrices and measurements, alike for both."""
