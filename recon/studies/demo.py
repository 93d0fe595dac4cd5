"""The main job in one go: simulate, measure coarsely, recover by every available method, reconstruct, report.

The demo runs commands with files between them, so that a user can repeat every step; the report lists the exact command
lines.
"""

from __future__ import annotations

import json
import math
import os
import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from calib.learned.bundled import bundled_weights
from calib.recovery import METHODS
from calib.studies.harness.results import formatted, text_table
from mpisim.cli.command import Result, call
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.data.views import as_matrix
from mpisim.errors import one_of, positive, whole
from mpisim.io import read
from mpisim.io.atomic import output_folder, write_text
from mpisim.io.scanner_file import SCANNER_NAMES, ScannerFile, open_scanner
from mpisim.plot import chosen_rows, draw_images, row_panels, save_figure
from mpisim.plot.backend import load_matplotlib
from mpisim.progress import progress
from recon.studies.report import draw_summary, write_report

__all__ = ["available_methods", "demo"]

IMAGE_SNR = 30
"""RMS of the measured signal over the noise in dB."""
Figures = dict[str, float | None]
"""Figures of a recovered matrix or an image by name."""
_TOP = 1.25  # end of the colour scale of images over the largest concentration of the phantom


class Chain:
    """Commands on files of one folder.

    The attribute `seconds` holds the time of every command by its line, in the order of the commands.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seconds: dict[str, float] = {}
        self.bar = progress(unit="step")

    def run(self, name: str, *words: object) -> Result:
        """Run one command and return its result; words that end in .nc are files of the folder."""
        typed = [str(w) for w in words]
        self.bar.set_description(name)
        started = time.perf_counter()
        result = call(name, [str(self.folder / w) if w.endswith(".nc") else w for w in typed])
        line = shlex.join(["mpisim", name, *typed])
        self.seconds[line] = round(time.perf_counter() - started, 3)
        self.bar.update()
        return result


class _Scanner(NamedTuple):
    """The scanner of the demo: gradient in T/m, core diameter in nm if it has one, and the options of `simulate`."""

    sf_gradient: float | None
    particle_diameter: float | None
    words: tuple[object, ...]

    @classmethod
    def of(cls, source: str | None, sf_gradient: float | None, particle_diameter: float | None) -> _Scanner:
        """Return the scanner of a name or file, with the demo's gradient and diameter where nobody states them."""
        file = ScannerFile() if source is None else open_scanner(source)
        gradient = sf_gradient if sf_gradient is not None or file.gradient is not None else 0.83
        diameter = particle_diameter if particle_diameter is not None or file.has_diameter else 24.0
        setup = file.setup(gradient, None if diameter is None else 1e-9 * positive("particle_diameter", diameter))
        options: dict[str, object] = {"--sf-gradient": gradient, "--particle-diameter": diameter}
        if source is not None:
            options["--scanner"] = source if source in SCANNER_NAMES else str(Path(source).absolute())
        words = tuple(word for flag, value in options.items() if value is not None for word in (flag, value))
        median = getattr(setup.particle, "diameter", None)
        stated = diameter if diameter is not None or median is None else float(f"{1e9 * median:.12g}")
        return cls(getattr(setup.scanner, "sf_gradient", None), stated, words)


def demo(
    out: str | os.PathLike[str] = "demo",
    factor: int = 4,
    seed: int = 0,
    sf_gradient: float | None = None,
    particle_diameter: float | None = None,
    scanner: str | None = None,
) -> dict[str, object]:
    """Run the main job on an unseen simulated scanner and write `report.html`, figures and `results.json`.

    Parameters
    ----------
    out
        Folder for all files; files of an earlier demo in it are replaced.
    factor
        Voxels along the edge of a block of the coarse calibration: 2, 4 or 8.
    seed
        Seed of the noise.
    sf_gradient
        Selection-field gradient of the scanner in T/m; 0.83 where neither this nor the scanner states it.
    particle_diameter
        Core diameter of the tracer in nm; 24 where neither this nor the scanner states it. By default, scanner and
        tracer lie between those of the bundled weights' training.
    scanner
        A scanner by name or file, as `mpisim.read_scanner` takes it; the ideal one by default.

    Returns
    -------
    dict
        Content of `results.json`: by method the nRMSE of the matrix (a fraction), the pSNR of the image against the
        reconstruction with the reference matrix and against the true phantom (dB). Also the positions of the
        calibrations, the check that the report describes as `room`, the name of the `report`, and a table as `text`.

    Raises
    ------
    InputError
        If an argument is out of range or contradicts the scanner's file, or the folder cannot be written.
    """
    described = _Scanner.of(scanner, sf_gradient, particle_diameter)
    configuration = {
        "scanner": scanner or "ideal",
        "sf_gradient_T_per_m": described.sf_gradient,
        "particle_diameter_nm": described.particle_diameter,
        "factor": one_of("factor", whole("factor", factor), (2, 4, 8)),
        "calibration_speedup": factor**2,
        "calibration_snr_dB": PROTOCOL_SNR,
        "measurement_snr_dB": IMAGE_SNR,
        "seed": whole("seed", seed, least=0),
    }
    chain = Chain(output_folder(out))
    load_matplotlib()
    results = {"reference": _reference(chain, described.words, factor, seed)}
    results |= {method: _recovered(chain, method) for method in available_methods(factor)}
    check = _check_of_room(chain, results)
    chain.bar.close()
    summary = {"configuration": configuration, **_calibration(chain.folder), "methods": results, "room": check}
    summary["commands"] = list(chain.seconds)
    figures = _draw(chain.folder, results)
    write_text(chain.folder / "results.json", json.dumps(summary, indent=1))
    report = chain.folder / "report.html"
    write_report(report, summary, chain.seconds, figures)
    return {**summary, "report": str(report), "text": f"{_table(results)}\nreport: {report}"}


def _calibration(folder: Path) -> dict[str, object]:
    """Return what the report says of the calibration: positions of the sample, complex rows, and noise over signal."""
    fine, coarse, y = (read(folder / name) for name in ("sm.nc", "coarse.nc", "y.nc"))
    positions = {name: m.sizes["x"] * m.sizes["y"] for name, m in (("fine", fine), ("coarse", coarse))}
    truth = y["phantom"].values
    zeros = 20 * math.log10(math.sqrt(truth.size) * abs(truth).max() / np.linalg.norm(truth))
    return {
        "calibration_positions": positions,
        "angles": fine.sizes["angle"],
        "rows": len(as_matrix(fine)),
        "image_of_zeros_psnr_phantom": zeros,
    }


def _check_of_room(chain: Chain, results: Mapping[str, Figures]) -> dict[str, object] | None:
    """Reconstruct with the reference matrix in a noise ball of as little room as that of the best recovered one.

    The room of a ball is its radius over the least residual. The method is the one whose image is nearest to the
    phantom; None is returned where none is nearer than the image of the reference matrix, or the room is not known.
    """
    key, reference = "image_psnr_phantom", results["reference"]
    nearest = max((m for m in results if m != "reference"), key=lambda m: results[m].get(key) or -math.inf)
    found = results[nearest]
    radii = [figures.get(name) for figures in (found, reference) for name in ("image_eps", "image_least_residual")]
    if not all(radii) or (found.get(key) or -math.inf) <= (reference.get(key) or math.inf):
        return None
    radius, least, of_reference, least_of_reference = (float(r) for r in radii if r)
    eps = float(f"{least_of_reference * radius / least:.4g}")
    words = ("sm.nc", "y.nc", "--eps", eps, "--out", "image_reference_same_room.nc")
    again = _image_figures(chain.run("reconstruct", *words))
    rooms = {"room": radius / least, "reference_room": of_reference / least_of_reference}
    return {"method": nearest, "eps": eps, "reference_eps": of_reference, **rooms, key: again.get(key)}


def _reference(chain: Chain, scanner: tuple[object, ...], factor: int, seed: int) -> Figures:
    """Simulate, measure coarsely, measure a phantom, and reconstruct it with the fine matrix; return the figures."""
    chain.run("simulate", *scanner, "--out", "sm.nc")
    chain.run("downsample", "sm.nc", "--factor", factor, "--snr", PROTOCOL_SNR, "--seed", seed, "--out", "coarse.nc")
    chain.run("measure", "sm.nc", "--phantom", "tubes", "--snr", IMAGE_SNR, "--seed", seed, "--out", "y.nc")
    return _image_figures(chain.run("reconstruct", "sm.nc", "y.nc", "--eps", "auto", "--out", "image_reference.nc"))


def _recovered(chain: Chain, method: str) -> Figures:
    """Recover by a method, compare the matrix and the image with the reference's, and return the figures."""
    fine, image = f"fine_{method}.nc", f"image_{method}.nc"
    chain.run("recover", "coarse.nc", "--method", method, "--out", fine)
    nrmse = chain.run("evaluate", fine, "--reference", "sm.nc")["nrmse"]
    against = ("--eps", "auto", "--reference", "image_reference.nc")
    return {"nrmse": nrmse, **_image_figures(chain.run("reconstruct", fine, "y.nc", *against, "--out", image))}


def available_methods(factor: int) -> list[str]:
    """Return the methods that recover from block means at a factor without weights of the user, but for `auto`."""
    return [
        name
        for name, method in METHODS.items()
        if name != "auto"
        and "box" in method.samplings
        and (not method.learned or bundled_weights(name, factor).is_file())
    ]


def _image_figures(result: Result) -> Figures:
    metrics = [name + against for against in ("", "_phantom") for name in ("psnr", "nrmse", "ssim")]
    return {f"image_{k}": result[k] for k in (*metrics, "eps", "least_residual", "iterations") if k in result}


def _table(results: Mapping[str, Figures]) -> str:
    formats = {"nrmse": "{:.2%}", "image_psnr_phantom": "{:.1f} dB", "image_psnr": "{:.1f} dB"}
    lines = [[name, *formatted(dict.fromkeys(formats) | figures, formats)] for name, figures in results.items()]
    titles = ("matrix", "nRMSE", "pSNR to phantom", "pSNR to reference image")
    return text_table(titles, lines)


def _draw(folder: Path, results: Mapping[str, Figures]) -> dict[str, Path]:
    """Write the figures of the report and return their files by name."""
    methods = [m for m in results if m != "reference"]
    reference, y = read(folder / "sm.nc"), read(folder / "y.nc")
    recovered = [(m, read(folder / f"fine_{m}.nc")) for m in methods]
    chosen = chosen_rows(reference)
    every = [("measured", read(folder / "coarse.nc")), *recovered, ("reference", reference)]
    images = {"phantom": y} | {n: read(folder / f"image_{n}.nc") for n in ("reference", *methods)}
    quality = {n: results[n].get("image_psnr_phantom") for n in ("reference", *methods)}
    notes = {n: f"{value:.1f} dB" for n, value in quality.items() if value is not None}
    drawn = {
        "summary": draw_summary(results),
        "images": draw_images(images, _TOP * float(y["phantom"].max()), "phantom", notes),
        "errors": row_panels(recovered, reference, chosen, errors=True),
        "rows": row_panels(every, reference, chosen),
    }
    for name, figure in drawn.items():
        save_figure(figure, folder / f"{name}.png")
    return {name: folder / f"{name}.png" for name in drawn}
