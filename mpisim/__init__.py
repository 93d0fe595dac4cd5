"""Simulator of a field-free-line magnetic-particle-imaging scanner, and the data contract of the toolkit.

Importing this package loads nothing else: its names are imported when they are first asked for.
"""

from typing import TYPE_CHECKING

from mpisim.lazy import handed_on

if TYPE_CHECKING:
    from mpisim import io, plot
    from mpisim.data.grid import Grid
    from mpisim.data.metrics import nrmse
    from mpisim.errors import InputError
    from mpisim.io.checks import check_format
    from mpisim.io.formats import FORMATS, FileFormat
    from mpisim.io.reading import read
    from mpisim.io.writing import write
    from mpisim.particles.checks import check_magnetisation
    from mpisim.particles.particle import Particle, langevin, langevin_prime
    from mpisim.particles.protocol import Instantaneous
    from mpisim.particles.table import PARTICLES
    from mpisim.scanner.checks import check_scanner
    from mpisim.scanner.ffl import OpenSidedFFL, open_sided_ffl
    from mpisim.scanner.table import SCANNER_PARTS, SCANNERS
    from mpisim.simulation.matrix import simulate
    from mpisim.simulation.sample import Sample
    from mpisim.version import __version__

__all__ = [
    "FORMATS",
    "PARTICLES",
    "SCANNERS",
    "SCANNER_PARTS",
    "FileFormat",
    "Grid",
    "InputError",
    "Instantaneous",
    "OpenSidedFFL",
    "Particle",
    "Sample",
    "__version__",
    "check_format",
    "check_magnetisation",
    "check_scanner",
    "io",
    "langevin",
    "langevin_prime",
    "nrmse",
    "open_sided_ffl",
    "plot",
    "read",
    "simulate",
    "write",
]

__getattr__, __dir__ = handed_on(
    __name__,
    {
        "mpisim": ["io", "plot"],
        "mpisim.data.grid": ["Grid"],
        "mpisim.data.metrics": ["nrmse"],
        "mpisim.errors": ["InputError"],
        "mpisim.io.checks": ["check_format"],
        "mpisim.io.formats": ["FORMATS", "FileFormat"],
        "mpisim.io.reading": ["read"],
        "mpisim.io.writing": ["write"],
        "mpisim.particles.checks": ["check_magnetisation"],
        "mpisim.particles.particle": ["Particle", "langevin", "langevin_prime"],
        "mpisim.particles.protocol": ["Instantaneous"],
        "mpisim.particles.table": ["PARTICLES"],
        "mpisim.scanner.checks": ["check_scanner"],
        "mpisim.scanner.ffl": ["OpenSidedFFL", "open_sided_ffl"],
        "mpisim.scanner.table": ["SCANNERS", "SCANNER_PARTS"],
        "mpisim.simulation.matrix": ["simulate"],
        "mpisim.simulation.sample": ["Sample"],
        "mpisim.version": ["__version__"],
    },
)
