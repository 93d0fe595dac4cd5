"""What each imperfection does to a row and to an image.

Each imperfection stands alone, in its strong size, in the setup of the study `imperfections`. The row is that of the
harmonic 3 at 45 degrees: of the ideal scanner after the best complex gain of each harmonic, of the imperfect one, and
their difference. Two tubes are measured at 30 dB by the imperfect scanner, on a grid twice as fine. Their image is made
with the matrix of this scanner and, below, with that of the ideal one: what a model without the imperfection costs.

Offset and jitter are errors of the calibration, not of the scanner. There the ideal scanner measures the tubes, and the
lower image is the one with the matrix of the misplaced calibration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from calib.studies.fig6 import parts
from calib.studies.harness.cache import ResultCache
from calib.studies.harness.imperfections import IMPERFECTIONS, Imperfection, with_gains
from calib.studies.harness.results import Row, text_table, write_results
from calib.studies.harness.study import StudyOptions
from calib.studies.imperfections import QUICK, ideal_setup
from mpisim.cli.command import Result
from mpisim.data.metrics import nrmse
from mpisim.data.views import as_images
from mpisim.io.digest import digest
from mpisim.plot.panels import Group, Panel, edges, panels, save_figure
from mpisim.plot.rows import chosen_rows, part_of
from mpisim.progress import progress
from recon import methods
from recon.measurement import measure
from recon.metrics import psnr
from recon.phantoms import tubes
from recon.reconstruction import reconstruct

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["effects"]

HARMONIC = 3
IMAGE_SNR = 30.0
"""RMS of the measured signal over the noise in dB."""
_PARTS = {"effects_fields": slice(0, 9), "effects_others": slice(9, None)}
_DIFFERENCE, _IMAGE_DIFFERENCE = 0.3, 0.5  # ends of the colour scales


@dataclass(frozen=True)
class _Effect:
    """One imperfection: matrices that are ideal (with gains) and imperfect, and images of the right and wrong one."""

    imperfection: Imperfection
    ideal: xr.Dataset
    imperfect: xr.Dataset
    right: np.ndarray
    wrong: np.ndarray

    @property
    def columns(self) -> Row:
        """The row of the table."""
        index = _row_of(self.ideal)
        rows = [as_images(matrix)[index] for matrix in (self.ideal, self.imperfect)]
        return {
            "imperfection": self.imperfection.name,
            "size": self.imperfection.strong,
            "row_percent": 100 * nrmse(rows[0], rows[1]),
            "matrix_percent": 100 * nrmse(self.ideal, self.imperfect),
            "psnr": psnr(self.wrong, self.right),
        }


def effects(options: StudyOptions) -> Result:
    """Run the study and write `effects.nc`, `effects.csv`, and the figures `effects_fields.png`, `effects_others.png`.

    The short form has three imperfections and writes the figure `effects_fields_quick.png` only.
    """
    cache = ResultCache(options.store, options.report)
    setup = ideal_setup(options)
    ideal = setup.simulate()
    wanted = [i for i in IMPERFECTIONS if not options.quick or i.name in QUICK]
    made = [_effect(cache, i, ideal, i.applied(setup, 1.0).simulate()) for i in progress(wanted, unit="imperfection")]
    table = [effect.columns for effect in made]
    files = write_results(options, "effects", _dataset(made), table, None, cache.earlier)
    for name, part in _PARTS.items():
        if made[part]:
            file = options.out / f"{name}{'_quick' * options.quick}.png"
            save_figure(_figure(made[part], options.quick), file)
            files.append(str(file))
    titles = ("imperfection", "row in %", "matrix in %", "pSNR in dB")
    lines = [
        [row["imperfection"], *(f"{row[n]:.2f}" for n in ("row_percent", "matrix_percent", "psnr"))] for row in table
    ]
    return {"table": table, "files": files, "text": text_table(titles, lines)}


def _effect(cache: ResultCache, imperfection: Imperfection, ideal: xr.Dataset, imperfect: xr.Dataset) -> _Effect:
    nearest = with_gains(ideal, imperfect)
    right, wrong = (ideal, imperfect) if imperfection.of_positions else (imperfect, nearest)

    def compute() -> xr.Dataset:
        y = measure(right, tubes(), snr=IMAGE_SNR, seed=0)
        image, other = (reconstruct(matrix, y, eps="auto") for matrix in (right, wrong))
        return image.assign(wrong=other["image"])

    key = {
        "right": digest(right["system_matrix"].values),
        "wrong": digest(wrong["system_matrix"].values),
        "image_snr": IMAGE_SNR,
        "eps": "auto",
        "solver_version": methods.METHODS["admm"].version,
    }
    images = cache.matrix("effect", key, compute)
    return _Effect(imperfection, nearest, imperfect, images["image"].values, images["wrong"].values)


def _row_of(matrix: xr.Dataset) -> int:
    return chosen_rows(matrix, harmonics=[HARMONIC])[0][1]


def _dataset(made: Sequence[_Effect]) -> xr.Dataset:
    """Return rows (imperfection, y, x, part) and images (imperfection, y, x)."""
    index = _row_of(made[0].ideal)
    rows = {"row_ideal": [e.ideal for e in made], "row_imperfect": [e.imperfect for e in made]}
    images = {"image_right": [e.right for e in made], "image_wrong": [e.wrong for e in made]}
    values: dict[str, tuple[object, ...]] = {}
    for name, matrices in rows.items():
        complex_rows = np.stack([as_images(matrix)[index] for matrix in matrices])
        values[name] = (("imperfection", "y", "x", "part"), parts(complex_rows), {"units": "V"})
    for name, arrays in images.items():
        values[name] = (("imperfection", "y", "x"), np.stack(arrays), {"units": "1"})
    coords = {axis: made[0].ideal[axis].values for axis in ("x", "y")}
    names = [effect.imperfection.name for effect in made]
    return xr.Dataset(values, coords={**coords, "part": ["real", "imag"], "imperfection": names})


def _figure(made: Sequence[_Effect], quick: bool) -> Figure:
    """Draw a column for each imperfection: two rows, their difference, two images, their difference."""
    rows = [_rows(effect) for effect in made]
    images = [_images(effect) for effect in made]
    table = [effect.columns for effect in made]
    of_rows = ["row < 0.01 %" if r["row_percent"] < 0.01 else f"row {r['row_percent']:.2g} %" for r in table]
    of_images = ["pSNR > 100 dB" if r["psnr"] > 100 else f"pSNR {r['psnr']:.1f} dB" for r in table]
    groups = [
        Group([[r[0] for r in rows], [r[1] for r in rows]], ["ideal", "imperfect"], "row / peak", (-1, 1), "RdBu_r"),
        Group(
            [[r[2] for r in rows]], ["difference"], "of peak", (-_DIFFERENCE, _DIFFERENCE), "PuOr_r", notes=[of_rows]
        ),
        Group(
            [[i[0] for i in images], [i[1] for i in images]],
            ["right matrix", "wrong matrix"],
            "concentration / that\nof the sample, cut at 1.2",
            (0.0, 1.2),
            "inferno",
        ),
        Group(
            [[i[2] for i in images]],
            ["difference"],
            "concentration",
            (-_IMAGE_DIFFERENCE, _IMAGE_DIFFERENCE),
            "PuOr_r",
            notes=[of_images],
        ),
    ]
    titles = [
        f"{e.imperfection.name.replace(' per angle', chr(10) + 'per angle')}\n{e.imperfection.shown}" for e in made
    ]
    short = ", a short form" if quick else ""
    return panels(
        groups, titles, f"A row (harmonic {HARMONIC}, 45 degrees) and an image, each imperfection alone{short}"
    )


def _rows(effect: _Effect) -> tuple[Panel, Panel, Panel]:
    index, frame = _row_of(effect.ideal), edges(effect.ideal)
    ideal, imperfect = (as_images(m)[index] for m in (effect.ideal, effect.imperfect))
    peak, part = float(np.abs(ideal).max()), part_of(ideal)[1]
    shown = (part_of(row, part)[0] / peak for row in (ideal, imperfect, imperfect - ideal))
    first, second, third = ((values, frame) for values in shown)
    return first, second, third


def _images(effect: _Effect) -> tuple[Panel, Panel, Panel]:
    frame = edges(effect.ideal)
    return (effect.right, frame), (effect.wrong, frame), (effect.wrong - effect.right, frame)
