"""Simulator of a field-free-line magnetic-particle-imaging scanner, and the data contract of the toolkit.

Importing this package loads neither torch nor pyplot.
"""

from mpisim.errors import InputError
from mpisim.grid import Grid, Sample
from mpisim.io import read, write
from mpisim.metrics import nrmse
from mpisim.particles import Particle, langevin, langevin_prime
from mpisim.scanner import OpenSidedFFL, open_sided_ffl
from mpisim.simulate import simulate
from mpisim.version import __version__

__all__ = [
    "Grid",
    "InputError",
    "OpenSidedFFL",
    "Particle",
    "Sample",
    "__version__",
    "langevin",
    "langevin_prime",
    "nrmse",
    "open_sided_ffl",
    "read",
    "simulate",
    "write",
]
