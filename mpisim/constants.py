"""Physical constants, pinned (CODATA 2018) so that results do not move with a library's edition."""

__all__ = ["BOLTZMANN", "MU_0"]

MU_0 = 1.25663706212e-6
"""Vacuum permeability in H/m."""

BOLTZMANN = 1.380649e-23
"""Boltzmann constant in J/K."""
