r"""The specification of MDF 2.1.0 as one table, which reader, writer and validator share.

T. Knopp et al., MDF: Magnetic Particle Imaging Data Format, version 2.1.0 (arXiv:1602.06072 and
https://github.com/MagneticParticleImaging/MDF). Dimensions are symbols, the slowest first:

====  =====================================================  ====  ===========================================
A     tracers, or injections                                 K     frequencies (V/2 + 1 unless selected)
B     coefficients after a sparsity transformation           N     frames, N = O + E
C     receive channels                                       O     foreground frames, or positions
D     drive-field channels                                   P     voxels of an image
E     background frames                                      Q     frames of images
F     frequencies of one drive-field channel                 S     channels of images
J     drive-field periods of one frame                       V     samples of one period
Y     partitions of one period                               W     samples of processed data
====  =====================================================  ====  ===========================================

Magnetic fields are in :math:`T/\mu_0`: a number is the flux density :math:`\mu_0 H` in T. Indices count from 1.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FIELDS", "FLAGS", "GROUPS", "LAYOUTS", "SYMBOLS", "VERSION", "Field", "Group"]

VERSION = "2.1.0"
SYMBOLS = "ABCDEFJKNOPQSVWY"


@dataclass(frozen=True)
class Group:
    """A group of the specification.

    Parameters
    ----------
    path
        Its path.
    needed
        Whether every file must have it.
    """

    path: str
    needed: bool


@dataclass(frozen=True)
class Field:
    """A field of the specification.

    Parameters
    ----------
    path
        Its path.
    type
        `String`, `Int8`, `Int64`, `Float64`, `Complex128`, `Integer` (any signed one) or `Number` (real or complex).
    dims
        Symbols or numbers, the slowest first; empty for one value. Those of `/measurement/data` are in `LAYOUTS`.
    unit
        SI unit, with fields in T/mu_0; or the format of a text.
    needed
        `yes`: wherever its group is; `no`; or the name of the flag in its group that demands it.
    one_of
        The values that the specification allows; empty where it lists none.
    """

    path: str
    type: str
    dims: tuple[str | int, ...] = ()
    unit: str = ""
    needed: str = "yes"
    one_of: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """Path of its group; `/` for the root."""
        return self.path.rpartition("/")[0] or "/"

    @property
    def name(self) -> str:
        """Last part of its path."""
        return self.path.rpartition("/")[2]


GROUPS = (
    Group("/study", True),
    Group("/experiment", True),
    Group("/tracer", False),
    Group("/scanner", True),
    Group("/acquisition", True),
    Group("/acquisition/drivefield", True),
    Group("/acquisition/receiver", True),
    Group("/measurement", False),
    Group("/calibration", False),
    Group("/reconstruction", False),
)

_TIME, _UUID = "yyyy-mm-ddThh:mm:ss.ms", "UUID"
_FIELD, _GRADIENT = "T/mu_0", "T/m/mu_0"

_METADATA = (
    Field("/time", "String", (), _TIME),
    Field("/uuid", "String", (), _UUID),
    Field("/version", "String"),
    Field("/study/description", "String"),
    Field("/study/name", "String"),
    Field("/study/number", "Int64"),
    Field("/study/time", "String", (), _TIME, "no"),
    Field("/study/uuid", "String", (), _UUID),
    Field("/experiment/description", "String"),
    Field("/experiment/isSimulation", "Int8"),
    Field("/experiment/name", "String"),
    Field("/experiment/number", "Int64"),
    Field("/experiment/subject", "String"),
    Field("/experiment/uuid", "String", (), _UUID),
    Field("/tracer/batch", "String", ("A",)),
    Field("/tracer/concentration", "Float64", ("A",), "mol/L"),
    Field("/tracer/injectionTime", "String", ("A",), _TIME, "no"),
    Field("/tracer/name", "String", ("A",)),
    Field("/tracer/solute", "String", ("A",)),
    Field("/tracer/vendor", "String", ("A",)),
    Field("/tracer/volume", "Float64", ("A",), "L"),
    Field("/scanner/boreSize", "Float64", (), "m", "no"),
    Field("/scanner/facility", "String"),
    Field("/scanner/manufacturer", "String"),
    Field("/scanner/name", "String"),
    Field("/scanner/operator", "String"),
    Field("/scanner/topology", "String"),  # FFP, FFL, MPS are examples
)
_ACQUISITION = (
    Field("/acquisition/gradient", "Float64", ("J", "Y", 3, 3), _GRADIENT, "no"),
    Field("/acquisition/numAverages", "Int64"),
    Field("/acquisition/numFrames", "Int64"),
    Field("/acquisition/numPeriodsPerFrame", "Int64"),
    Field("/acquisition/offsetField", "Float64", ("J", "Y", 3), _FIELD, "no"),
    Field("/acquisition/startTime", "String", (), _TIME),
    Field("/acquisition/drivefield/baseFrequency", "Float64", (), "Hz"),
    Field("/acquisition/drivefield/cycle", "Float64", (), "s"),
    Field("/acquisition/drivefield/divider", "Int64", ("D", "F")),
    Field("/acquisition/drivefield/numChannels", "Int64"),
    Field("/acquisition/drivefield/phase", "Float64", ("J", "D", "F"), "rad"),
    Field("/acquisition/drivefield/strength", "Float64", ("J", "D", "F"), _FIELD),
    Field("/acquisition/drivefield/waveform", "String", ("D", "F"), "", "yes", one_of=("sine", "triangle", "custom")),
    Field("/acquisition/receiver/bandwidth", "Float64", (), "Hz"),
    Field("/acquisition/receiver/dataConversionFactor", "Float64", ("C", 2), "unit", "no"),
    Field("/acquisition/receiver/inductionFactor", "Float64", ("C",), "unit/(A m^2)", "no"),
    Field("/acquisition/receiver/numChannels", "Int64"),
    Field("/acquisition/receiver/numSamplingPoints", "Int64"),
    Field("/acquisition/receiver/transferFunction", "Complex128", ("C", "K"), "", "no"),
    Field("/acquisition/receiver/unit", "String"),
)
_DATA = (
    Field("/measurement/data", "Number", (), "unit"),
    Field("/measurement/framePermutation", "Int64", ("N",), "", "isFramePermutation"),
    Field("/measurement/frequencySelection", "Int64", ("K",), "", "isFrequencySelection"),
    Field("/measurement/isBackgroundCorrected", "Int8"),
    Field("/measurement/isBackgroundFrame", "Int8", ("N",)),
    Field("/measurement/isFastFrameAxis", "Int8"),
    Field("/measurement/isFourierTransformed", "Int8"),
    Field("/measurement/isFramePermutation", "Int8"),
    Field("/measurement/isFrequencySelection", "Int8"),
    Field("/measurement/isSparsityTransformed", "Int8"),
    Field("/measurement/isSpectralLeakageCorrected", "Int8"),
    Field("/measurement/isTransferFunctionCorrected", "Int8"),
    Field(
        "/measurement/sparsityTransformation",
        "String",
        (),
        "",
        "isSparsityTransformed",
        one_of=("DCT-I", "DCT-II", "DCT-III", "DCT-IV"),
    ),
    Field("/measurement/subsamplingIndices", "Integer", ("J", "C", "K", "B"), "", "isSparsityTransformed"),
    Field("/calibration/deltaSampleSize", "Float64", (3,), "m", "no"),
    Field("/calibration/fieldOfView", "Float64", (3,), "m", "no"),
    Field("/calibration/fieldOfViewCenter", "Float64", (3,), "m", "no"),
    Field("/calibration/method", "String"),  # robot, hybrid, simulation are examples
    Field("/calibration/offsetFields", "Float64", ("O", 3), _FIELD, "no"),
    Field("/calibration/order", "String", (), "", "no"),
    Field("/calibration/positions", "Float64", ("O", 3), "m", "no"),
    Field("/calibration/size", "Int64", (3,), "", "no"),
    Field("/calibration/snr", "Float64", ("J", "C", "K"), "", "no"),
    Field("/reconstruction/data", "Number", ("Q", "P", "S")),
    Field("/reconstruction/fieldOfView", "Float64", (3,), "m", "no"),
    Field("/reconstruction/fieldOfViewCenter", "Float64", (3,), "m", "no"),
    Field("/reconstruction/isOverscanRegion", "Int8", ("P",), "", "no"),
    Field("/reconstruction/order", "String", (), "", "no"),
    Field("/reconstruction/positions", "Float64", ("P", 3), "m", "no"),
    Field("/reconstruction/size", "Int64", (3,), "", "no"),
)

FIELDS = {field.path: field for field in (*_METADATA, *_ACQUISITION, *_DATA)}
"""Every field by path."""

FLAGS = tuple(f.name for f in _DATA if f.group == "/measurement" and f.type == "Int8" and f.dims == ())
"""Names of the flags of `/measurement`."""

LAYOUTS: dict[tuple[bool, bool, bool], tuple[str, ...]] = {
    (False, False, False): ("N", "J", "C", "W"),
    (True, False, False): ("N", "J", "C", "K"),
    (False, True, False): ("J", "C", "W", "N"),
    (True, True, False): ("J", "C", "K", "N"),
    (True, True, True): ("J", "C", "K", "B+E"),
}
"""Dimensions of `/measurement/data` by isFourierTransformed, isFastFrameAxis and isSparsityTransformed."""
