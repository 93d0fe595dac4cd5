"""Images of phantoms by every method of `recon.METHODS` at its automatic setting: errors, pictures and CPU time.

Tubes, shapes and rows of bars are measured with three scanners of this package (`mpisim scanners`: ideal, medium,
strong), at two noise levels, on twice as fine voxels as those of the image. Methods reconstruct with the exact system
matrix of the scanner; those that need none take the scanner's description. Where a method has a lambda whose default is
not zero, it is chosen from the data ("auto"), and all other options are the defaults, x >= 0 among them. An image is
compared with the true phantom. Seconds are CPU time of the whole call of `recon.reconstruct`, after the method has run
once on a small problem.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from calib.studies.harness.cache import ResultCache
from calib.studies.harness.results import Row, table_dataset, text_table, write_results
from calib.studies.harness.study import StudyOptions
from mpisim.cli.command import Result
from mpisim.data.grid import Grid
from mpisim.data.noise import complex_gaussian, sigma_from_snr
from mpisim.errors import DataWarning
from mpisim.io.digest import digest
from mpisim.io.scanner_file import read_scanner
from mpisim.particles.particle import Particle
from mpisim.plot.panels import Group, Panel, edges, panels, save_figure
from mpisim.progress import progress
from mpisim.scanner.ffl import open_sided_ffl
from mpisim.simulation.matrix import simulate
from recon import methods
from recon.measurement import measure
from recon.metrics import nrmse, psnr, ssim
from recon.phantoms import Phantom, resolution, shape, tubes
from recon.reconstruction import reconstruct

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["method_images"]

SCANNERS: Mapping[str, tuple[float, ...]] = {"ideal": (0.7, 25e-9), "medium": (), "strong": ()}
"""Scanner by name, with the gradient in T/m and the core diameter in m where its file leaves them out."""
LEVELS = (30.0, 20.0)
"""RMS of the measured signal over the noise in dB."""
PHANTOMS: Mapping[str, Callable[[], Phantom]] = {"tubes": tubes, "shape": shape, "resolution": resolution}
_QUICK = ({"ideal": (0.7, 25e-9)}, (30.0,), 16, 12)  # scanners, noise levels, voxels along an edge, angles
_NUMBERS = ("psnr", "nrmse_percent", "ssim", "seconds")
_TOP = 1.2  # of the phantom's largest concentration: end of the colour scale


@dataclass(frozen=True)
class _Scan:
    """A phantom that is measured with a scanner at a noise level."""

    cache: ResultCache
    scanner: str
    fine: xr.Dataset
    phantom: str
    snr: float

    @cached_property
    def y(self) -> xr.Dataset:
        """The measurement, with the noise of the seed 0."""
        made = PHANTOMS[self.phantom]()
        fine = digest(self.fine["system_matrix"].values)
        key = {"fine": fine, "phantom": made.describe(), "refine": 2}

        def compute() -> xr.Dataset:
            return measure(self.fine, made, noiseless=True)

        clean = self.cache.matrix(f"method_images_data_{self.phantom}", key, compute)
        values = clean["measurement"].values
        sigma = sigma_from_snr(values, self.snr)
        noisy = values + complex_gaussian(values.shape, sigma, 0)
        level = xr.DataArray(sigma, attrs={"units": "V"})
        return clean.assign(measurement=clean["measurement"].copy(data=noisy), noise_std=level)

    def image(self, method: str) -> xr.Dataset:
        """Return the image of a method; its attribute `cpu_seconds` is the CPU time of the call."""
        solver, options = methods.METHODS[method], automatic(method)
        key = {
            "data": digest(self.y["measurement"].values),
            "fine": digest(self.fine["system_matrix"].values),
            "method": method,
            "version": solver.version,
            "options": {f.name: getattr(solver.options(**options), f.name) for f in fields(solver.options)},
        }

        def compute() -> xr.Dataset:
            _run_once(method)
            start = time.process_time()
            image = reconstruct(self.fine, self.y, method, **options)
            return image.assign_attrs(cpu_seconds=time.process_time() - start)

        return self.cache.matrix(f"method_images_{method}", key, compute)

    def row(self, method: str, image: xr.Dataset) -> Row:
        """Return the figures of an image."""
        values, truth = image["image"].values, self.y["phantom"].values
        return {
            "scanner": self.scanner,
            "snr": self.snr,
            "phantom": self.phantom,
            "method": method,
            "psnr": psnr(values, truth),
            "nrmse_percent": 100 * nrmse(values, truth),
            "ssim": ssim(values, truth),
            "seconds": image.attrs["cpu_seconds"],
        }


def automatic(method: str) -> dict[str, Any]:
    """Return the options of a method at its automatic setting: lambda from the data unless its default is zero."""
    default = getattr(methods.METHODS[method].options(), "regularisation", 0)
    return {"regularisation": "auto"} if default else {}


@lru_cache(maxsize=64)
def _run_once(method: str) -> None:
    """Run a method on a small problem, which compiles and loads what it needs."""
    fine = simulate(open_sided_ffl(0.7, angles=6), Particle(25e-9), Grid((8, 8)))
    y = measure(fine, tubes(), same_grid=True)
    reconstruct(fine, y, method, **automatic(method))


def method_images(options: StudyOptions) -> Result:
    """Run the study and write `images.nc`, `images.csv`, `images.png` and one figure for each further scanner.

    The option `methods` names methods of `recon.METHODS`. The short form has the ideal scanner, 30 dB, 16 x 16 voxels
    and 12 angles.
    """
    chosen = options.chosen(tuple(methods.METHODS))
    cache = ResultCache(options.store, options.report)
    rows: list[Row] = []
    drawn: dict[str, list[tuple[_Scan, dict[str, xr.Dataset]]]] = {}
    for scan in progress(list(_scans(options, cache)), unit="phantom"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            images = {method: scan.image(method) for method in chosen}
        rows += [scan.row(method, image) for method, image in images.items()]
        drawn.setdefault(scan.scanner, []).append((scan, images))
    first, *others = (_figure(name, scans) for name, scans in drawn.items())
    names = {"scanner": "scanner", "snr": "snr", "phantom": "phantom", "method": "method"}
    data = table_dataset(rows, "image", _NUMBERS, names)
    files = write_results(options, "images", data, rows, first, cache.earlier)
    for name, figure in zip(list(drawn)[1:], others, strict=True):
        file = options.out / f"images_{name}{'_quick' if options.quick else ''}.png"
        save_figure(figure, file)
        files.append(str(file))
    short = ", a short form" if options.quick else ""
    text = f"Images against the true phantom by method, mean over phantoms{short}\n{_text(rows)}"
    return {"table": rows, "files": files, "text": text}


def _scans(options: StudyOptions, cache: ResultCache) -> Iterator[_Scan]:
    """Yield every scanner with every noise level and phantom."""
    scanners, levels = (_QUICK[0], _QUICK[1]) if options.quick else (SCANNERS, LEVELS)
    for name, values in scanners.items():
        setup = read_scanner(name, *values)
        if options.quick:
            fine = simulate(open_sided_ffl(values[0], angles=_QUICK[3]), setup.particle, Grid((_QUICK[2], _QUICK[2])))
        else:
            fine = setup.simulate()
        yield from (_Scan(cache, name, fine, phantom, snr) for snr in levels for phantom in PHANTOMS)


def _text(rows: Sequence[Row]) -> str:
    """Return a line for each method: pSNR by scanner and noise, then nRMSE, SSIM and seconds over all."""
    frame = pd.DataFrame(rows)
    cases = list(dict.fromkeys(zip(frame["scanner"], frame["snr"], strict=True)))
    lines = []
    for method, group in frame.groupby("method", sort=False):
        means = [group[(group["scanner"] == s) & (group["snr"] == n)]["psnr"].mean() for s, n in cases]
        numbers = group[["nrmse_percent", "ssim", "seconds"]].astype(float).mean()
        ends = [f"{numbers['nrmse_percent']:.0f}", f"{numbers['ssim']:.2f}", f"{numbers['seconds']:.2g}"]
        lines.append([method, *(f"{mean:.1f}" for mean in means), *ends])
    titles = [f"{scanner} {snr:g} dB" for scanner, snr in cases]
    return text_table(["pSNR in dB", *titles, "nRMSE %", "SSIM", "CPU s"], lines)


def _figure(name: str, scans: Sequence[tuple[_Scan, Mapping[str, xr.Dataset]]]) -> Figure:
    """Draw the images of a scanner: a line for each phantom and noise level, a column for each method."""
    columns = list(scans[0][1])
    lines: list[list[Panel | None]] = []
    notes, titles, top = [], [], 0.0
    for scan, images in scans:
        truth = scan.y["phantom"].values
        frame = edges(scan.fine)
        lines.append([(truth, frame), *((images[method]["image"].values, frame) for method in columns)])
        notes.append(["", *(f"{scan.row(method, images[method])['psnr']:.1f} dB" for method in columns)])
        titles.append(f"{scan.phantom}, {scan.snr:g} dB")
        top = max(top, float(truth.max()))
    label = "concentration / that of the sample"
    group = Group(lines, titles, label, (0.0, _TOP * top), "inferno", notes)
    return panels([group], ["phantom", *columns], f"Images by method, scanner {name}: pSNR against the phantom")
