"""The tables of scanners and their parts, from which a file's scanner is built again by the names of classes."""

from __future__ import annotations

from mpisim.plugins import Registry
from mpisim.scanner.angle_errors import AngleErrors
from mpisim.scanner.bands import Bands
from mpisim.scanner.biot_savart import Loop, RectangularLoop
from mpisim.scanner.coils import Coil, MapCoil, WoundCoil
from mpisim.scanner.drive_tones import DriveTones
from mpisim.scanner.ffl import OpenSidedFFL
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
from mpisim.scanner.sequences import PeriodicSequence
from mpisim.scanner.simple_fields import Dipole, Polynomial, Uniform
from mpisim.scanner.solid_harmonics import SolidHarmonics
from mpisim.scanner.transfer import BandPass, CoilResonance, PoleZeroFilter, TransferTable
from mpisim.scanner.wound_field import WoundField

__all__ = ["SCANNERS", "SCANNER_PARTS"]

SCANNERS: Registry[type] = Registry(
    "scanner",
    "mpisim.scanners",
    type,
    {
        "OpenSidedFFL": OpenSidedFFL,
        "ImperfectFFL": ImperfectFFL,
        "FittedFFL": FittedFFL,
        "LissajousFFP": LissajousFFP,
    },
)
"""Scanner classes by name: frozen dataclasses that keep the protocol `mpisim.scanner.protocol.Scanner`.

Another package adds its own by an entry point of the group `mpisim.scanners` or by `SCANNERS.register(name, class)`. A
file then holds the name of the class and the values of its fields, so that the scanner can be simulated again on other
voxels.
"""

_PARTS: tuple[type, ...] = (
    PeriodicSequence,
    SolidHarmonics,
    Uniform,
    Polynomial,
    Dipole,
    QuadraticRecipe,
    LinePlane,
    AngleErrors,
    ReceiveGain,
    DriveTones,
    ReceiveChain,
    Bands,
    BandPass,
    CoilResonance,
    PoleZeroFilter,
    TransferTable,
    ReceiveNoise,
    NoiseSpectrum,
    Digitiser,
    Feedthrough,
    Recording,
    Coil,
    WoundCoil,
    MapCoil,
    Loop,
    RectangularLoop,
    WoundField,
    FieldMap,
)

SCANNER_PARTS: Registry[type] = Registry(
    "part of a scanner", "mpisim.scanner_parts", type, {part.__name__: part for part in _PARTS}
)
"""Frozen dataclasses that fields of a scanner may hold, such as its sequence or a coil, by name.

Another package adds its own by an entry point of the group `mpisim.scanner_parts` or by `SCANNER_PARTS.register`.
"""
