"""The main job in one go: simulate, measure coarsely, recover by every method at hand, reconstruct, report.

Only commands of the table are called, with files between them, so every step can be repeated by hand; the report lists
the exact command lines.
"""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mpisim.cli.command import call
from mpisim.data.noise import PROTOCOL_SNR
from mpisim.data.views import as_matrix
from mpisim.errors import one_of, positive, whole
from mpisim.io import read
from mpisim.io.atomic import output_folder, write_text
from mpisim.plot.panels import draw_images, row_panels, save_figure
from mpisim.progress import progress
from recon.studies.report import write_report

__all__ = ["demo", "methods_at_hand"]

HARMONICS = (2, 3, 5, 8)  # rows that are drawn, at the angle nearest to 45 degrees


class Chain:
    """Runs commands on files of one folder and remembers their lines and times."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self.seconds: dict[str, float] = {}
        self.bar = progress(unit="step")

    def run(self, name: str, *words: object) -> Mapping[str, Any]:
        """Run one command; words ending in .nc are files of the folder."""
        typed = [str(w) for w in words]
        self.bar.set_description(name)
        started = time.perf_counter()
        result = call(name, [str(self.folder / w) if w.endswith(".nc") else w for w in typed])
        line = shlex.join(["mpisim", name, *typed])
        self.lines.append(line)
        self.seconds[line] = round(time.perf_counter() - started, 3)
        self.bar.update()
        return result


def demo(
    out: str | os.PathLike[str] = "demo",
    factor: int = 4,
    seed: int = 0,
    sf_gradient: float = 0.83,
    particle_diameter: float = 24.0,
) -> dict[str, Any]:
    """Run the main job on an unseen simulated scanner and write `report.html`, figures and `results.json`.

    Parameters
    ----------
    out
        Folder for everything; files of an earlier demo there are replaced.
    factor
        Calibration is coarser by this factor along each edge.
    seed
        Seed of the noise.
    sf_gradient, particle_diameter
        Of the scanner in T/m and of the tracer in nm; the default is off the grid that shipped weights were trained on.

    Returns
    -------
    dict
        What `results.json` holds: by method the nRMSE of the matrix (a fraction), the pSNR of the image against the
        reconstruction with the reference matrix and against the true phantom (dB), and the files.

    Raises
    ------
    InputError
        If an argument is out of range or the folder cannot be written.
    """
    factor, seed = one_of("factor", whole("factor", factor), (2, 4, 8)), whole("seed", seed, least=0)
    positive("sf_gradient", sf_gradient), positive("particle_diameter", particle_diameter)
    chain = Chain(output_folder(out))
    chain.run("simulate", "--sf-gradient", sf_gradient, "--particle-diameter", particle_diameter, "--out", "sm.nc")
    chain.run("downsample", "sm.nc", "--factor", factor, "--snr", PROTOCOL_SNR, "--seed", seed, "--out", "coarse.nc")
    chain.run("measure", "sm.nc", "--phantom", "tubes", "--snr", 30, "--seed", seed, "--out", "y.nc")
    reference = chain.run("reconstruct", "sm.nc", "y.nc", "--eps", "auto", "--out", "image_reference.nc")
    results: dict[str, Any] = {"reference": _image_figures(reference)}
    for method in methods_at_hand(factor):
        results[method] = _recovered(chain, method)
    chain.bar.close()
    summary = {
        "configuration": {
            "sf_gradient_T_per_m": sf_gradient,
            "particle_diameter_nm": particle_diameter,
            "factor": factor,
            "calibration_speedup": factor**2,
            "calibration_snr_dB": PROTOCOL_SNR,
            "measurement_snr_dB": 30,
            "seed": seed,
        },
        "methods": results,
        "commands": chain.lines,
    }
    _draw(chain.folder, [m for m in results if m != "reference"])
    write_text(chain.folder / "results.json", json.dumps(summary, indent=1))
    write_report(
        chain.folder / "report.html",
        summary,
        chain.seconds,
        {name: chain.folder / f"{name}.png" for name in ("rows", "errors", "images")},
        len(as_matrix(read(chain.folder / "sm.nc"))),
    )
    return {**summary, "report": str(chain.folder / "report.html"), "text": _table(chain.folder, results)}


def _recovered(chain: Chain, method: str) -> dict[str, Any]:
    """Recover by a method, compare the matrix and the image with the reference's, and return the figures."""
    fine, image = f"fine_{method}.nc", f"image_{method}.nc"
    chain.run("recover", "coarse.nc", "--method", method, "--out", fine)
    nrmse = chain.run("evaluate", fine, "--reference", "sm.nc")["nrmse"]
    against = ("--eps", "auto", "--reference", "image_reference.nc")
    return {"nrmse": nrmse, **_image_figures(chain.run("reconstruct", fine, "y.nc", *against, "--out", image))}


def methods_at_hand(factor: int) -> list[str]:
    """Return the methods that recover from block means at this factor without weights of the user's."""
    listed = call("methods", [])["methods"]
    return [
        name
        for name, about in listed.items()
        if "box" in about["sampling"] and (not about["learned"] or factor in about["shipped_factors"])
    ]


def _image_figures(result: Mapping[str, Any]) -> dict[str, Any]:
    metrics = [name + against for against in ("", "_phantom") for name in ("psnr", "nrmse", "ssim")]
    kept = (*metrics, "eps", "least_residual", "iterations")
    return {f"image_{k}": result[k] for k in kept if k in result}


def _table(folder: Path, results: Mapping[str, Mapping[str, Any]]) -> str:
    lines = [f"{'method':<14}{'nRMSE':>9}{'pSNR':>10}{'pSNR to phantom':>18}"]
    for name, r in results.items():
        cells = (
            f"{100 * r['nrmse']:.2f} %" if "nrmse" in r else "-",
            f"{r['image_psnr']:.1f} dB" if r.get("image_psnr") is not None else "-",
            f"{r['image_psnr_phantom']:.1f} dB" if r.get("image_psnr_phantom") is not None else "-",
        )
        lines.append(f"{name:<14}{cells[0]:>9}{cells[1]:>10}{cells[2]:>18}")
    return "\n".join([*lines, f"report: {folder / 'report.html'}"])


def _draw(folder: Path, methods: Sequence[str]) -> None:
    reference = read(folder / "sm.nc")
    recovered = [(m, read(folder / f"fine_{m}.nc")) for m in methods]
    angles = reference["angle"].values
    at = int(abs(angles - angles.mean() / 2).argmin())
    harmonics = [int(h) for h in reference["harmonic"].values]
    degrees = round(float(angles[at]) * 57.29577951308232)
    chosen = [(f"harmonic {h}, {degrees}°", at * len(harmonics) + harmonics.index(h)) for h in HARMONICS]
    every = [("measured", read(folder / "coarse.nc")), *recovered, ("reference", reference)]
    save_figure(row_panels(every, reference, chosen), folder / "rows.png")
    save_figure(row_panels(recovered, reference, chosen, errors=True), folder / "errors.png")
    names = ["reference", *methods]
    images = {"phantom": read(folder / "y.nc")} | {n: read(folder / f"image_{n}.nc") for n in names}
    save_figure(draw_images(images), folder / "images.png")
