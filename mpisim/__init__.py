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
    from mpisim.io.field_map import read_field_map, write_field_map
    from mpisim.io.formats import FORMATS, FileFormat
    from mpisim.io.reading import read
    from mpisim.io.scanner_file import SCANNER_NAMES, read_scanner
    from mpisim.io.scanner_text import write_scanner
    from mpisim.io.spectrum_file import read_noise_spectrum, read_transfer
    from mpisim.io.writing import write
    from mpisim.particles.anisotropy import AnisotropicEquilibrium
    from mpisim.particles.checks import check_magnetisation
    from mpisim.particles.distributions import LogNormal, Mixture
    from mpisim.particles.fokker_planck import BrownRotation, NeelRotation
    from mpisim.particles.particle import LangevinEquilibrium, Particle, langevin, langevin_prime
    from mpisim.particles.protocol import Instantaneous, Sizes
    from mpisim.particles.relaxation import Debye, FieldDependentRelaxation
    from mpisim.particles.table import PARTICLES
    from mpisim.scanner.angle_errors import AngleErrors
    from mpisim.scanner.bands import Bands
    from mpisim.scanner.biot_savart import Loop, RectangularLoop
    from mpisim.scanner.checks import check_scanner
    from mpisim.scanner.coils import Coil, MapCoil, WoundCoil
    from mpisim.scanner.drive_tones import DriveTones
    from mpisim.scanner.ffl import OpenSidedFFL, open_sided_ffl
    from mpisim.scanner.ffp import LissajousFFP
    from mpisim.scanner.field_map import FieldMap
    from mpisim.scanner.fitted import FittedFFL
    from mpisim.scanner.imperfect import ImperfectFFL
    from mpisim.scanner.line_plane import LinePlane
    from mpisim.scanner.quadratic import QuadraticRecipe
    from mpisim.scanner.receive import ReceiveGain
    from mpisim.scanner.receive_chain import ReceiveChain
    from mpisim.scanner.receive_noise import NoiseSpectrum, ReceiveNoise
    from mpisim.scanner.recording import Digitiser, Feedthrough, Recording
    from mpisim.scanner.simple_fields import Dipole, Polynomial, Uniform
    from mpisim.scanner.solid_harmonics import SolidHarmonics
    from mpisim.scanner.stability import averaging_limit, chain_averaging_limit
    from mpisim.scanner.table import SCANNER_PARTS, SCANNERS
    from mpisim.scanner.transfer import BandPass, CoilResonance, PoleZeroFilter, TransferTable
    from mpisim.scanner.wound_field import WoundField
    from mpisim.simulation.detection import detection_limit
    from mpisim.simulation.matrix import simulate
    from mpisim.simulation.measured_background import add_background
    from mpisim.simulation.prospective import calibrate
    from mpisim.simulation.recorded import record
    from mpisim.simulation.sample import Sample
    from mpisim.simulation.setup import Setup
    from mpisim.version import __version__

__all__ = [
    "FORMATS",
    "PARTICLES",
    "SCANNERS",
    "SCANNER_NAMES",
    "SCANNER_PARTS",
    "AngleErrors",
    "AnisotropicEquilibrium",
    "BandPass",
    "Bands",
    "BrownRotation",
    "Coil",
    "CoilResonance",
    "Debye",
    "Digitiser",
    "Dipole",
    "DriveTones",
    "Feedthrough",
    "FieldDependentRelaxation",
    "FieldMap",
    "FileFormat",
    "FittedFFL",
    "Grid",
    "ImperfectFFL",
    "InputError",
    "Instantaneous",
    "LangevinEquilibrium",
    "LinePlane",
    "LissajousFFP",
    "LogNormal",
    "Loop",
    "MapCoil",
    "Mixture",
    "NeelRotation",
    "NoiseSpectrum",
    "OpenSidedFFL",
    "Particle",
    "PoleZeroFilter",
    "Polynomial",
    "QuadraticRecipe",
    "ReceiveChain",
    "ReceiveGain",
    "ReceiveNoise",
    "Recording",
    "RectangularLoop",
    "Sample",
    "Setup",
    "Sizes",
    "SolidHarmonics",
    "TransferTable",
    "Uniform",
    "WoundCoil",
    "WoundField",
    "__version__",
    "add_background",
    "averaging_limit",
    "calibrate",
    "chain_averaging_limit",
    "check_format",
    "check_magnetisation",
    "check_scanner",
    "detection_limit",
    "io",
    "langevin",
    "langevin_prime",
    "nrmse",
    "open_sided_ffl",
    "plot",
    "read",
    "read_field_map",
    "read_noise_spectrum",
    "read_scanner",
    "read_transfer",
    "record",
    "simulate",
    "write",
    "write_field_map",
    "write_scanner",
]

__getattr__, __dir__ = handed_on(
    __name__,
    {
        "mpisim": ["io", "plot"],
        "mpisim.data.grid": ["Grid"],
        "mpisim.data.metrics": ["nrmse"],
        "mpisim.errors": ["InputError"],
        "mpisim.io.checks": ["check_format"],
        "mpisim.io.field_map": ["read_field_map", "write_field_map"],
        "mpisim.io.formats": ["FORMATS", "FileFormat"],
        "mpisim.io.reading": ["read"],
        "mpisim.io.scanner_file": ["SCANNER_NAMES", "read_scanner"],
        "mpisim.io.scanner_text": ["write_scanner"],
        "mpisim.io.writing": ["write"],
        "mpisim.io.spectrum_file": ["read_noise_spectrum", "read_transfer"],
        "mpisim.particles.anisotropy": ["AnisotropicEquilibrium"],
        "mpisim.particles.checks": ["check_magnetisation"],
        "mpisim.particles.distributions": ["LogNormal", "Mixture"],
        "mpisim.particles.fokker_planck": ["BrownRotation", "NeelRotation"],
        "mpisim.particles.particle": ["LangevinEquilibrium", "Particle", "langevin", "langevin_prime"],
        "mpisim.particles.protocol": ["Instantaneous", "Sizes"],
        "mpisim.particles.relaxation": ["Debye", "FieldDependentRelaxation"],
        "mpisim.particles.table": ["PARTICLES"],
        "mpisim.scanner.angle_errors": ["AngleErrors"],
        "mpisim.scanner.bands": ["Bands"],
        "mpisim.scanner.biot_savart": ["Loop", "RectangularLoop"],
        "mpisim.scanner.checks": ["check_scanner"],
        "mpisim.scanner.coils": ["Coil", "MapCoil", "WoundCoil"],
        "mpisim.scanner.drive_tones": ["DriveTones"],
        "mpisim.scanner.ffl": ["OpenSidedFFL", "open_sided_ffl"],
        "mpisim.scanner.ffp": ["LissajousFFP"],
        "mpisim.scanner.field_map": ["FieldMap"],
        "mpisim.scanner.fitted": ["FittedFFL"],
        "mpisim.scanner.imperfect": ["ImperfectFFL"],
        "mpisim.scanner.line_plane": ["LinePlane"],
        "mpisim.scanner.quadratic": ["QuadraticRecipe"],
        "mpisim.scanner.receive": ["ReceiveGain"],
        "mpisim.scanner.receive_chain": ["ReceiveChain"],
        "mpisim.scanner.receive_noise": ["NoiseSpectrum", "ReceiveNoise"],
        "mpisim.scanner.recording": ["Digitiser", "Feedthrough", "Recording"],
        "mpisim.scanner.simple_fields": ["Dipole", "Polynomial", "Uniform"],
        "mpisim.scanner.solid_harmonics": ["SolidHarmonics"],
        "mpisim.scanner.stability": ["averaging_limit", "chain_averaging_limit"],
        "mpisim.scanner.table": ["SCANNERS", "SCANNER_PARTS"],
        "mpisim.scanner.transfer": ["BandPass", "CoilResonance", "PoleZeroFilter", "TransferTable"],
        "mpisim.scanner.wound_field": ["WoundField"],
        "mpisim.simulation.detection": ["detection_limit"],
        "mpisim.simulation.matrix": ["simulate"],
        "mpisim.simulation.measured_background": ["add_background"],
        "mpisim.simulation.prospective": ["calibrate"],
        "mpisim.simulation.recorded": ["record"],
        "mpisim.simulation.sample": ["Sample"],
        "mpisim.simulation.setup": ["Setup"],
        "mpisim.version": ["__version__"],
    },
)
