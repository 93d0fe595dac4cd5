"""Calibrate an open-sided scanner with a large sample, and recover its matrix by a fit of the scanner.

The scanner is like the in-house one of the TranSMS paper: a field-free line of 0.5 T/m, driven by 9 mT, harmonics 2 to
11, a field of view of 32 x 64 mm in voxels of 2 mm. To this come a flat receive coil below the field of view (law of
Biot and Savart), errors of line and gain at each angle, and cores of many sizes. Their numbers are ours, since the
paper does not give them (``recon.studies.in_house`` builds the scanner). What is not simulated: bands beside the
harmonics, coloured noise, and drift.

A sample of 2 mm is noisy: its noise alone is 4.36 % of the matrix, the figure of the paper. One of 4 mm has four times
the signal and a quarter of the positions. Its matrix is recovered at 2 mm by ``auto``, which says what it chose, and by
``bicubic-dc``. Matrices are then cropped to 13 x 23 voxels, as in the paper, and two tubes of 20 mm are imaged with
them at 30 dB. The pSNR is against the image with the exact matrix. The page of diagnostics shows the fitted scanner.

Run::

    python examples/in_house.py [--angles 30] [--methods bicubic-dc,auto] [--page in_house.html] [--out in_house.png]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import calib
import recon
from calib.diagnostics import write_diagnostics
from mpisim.cli.command import argument_type
from mpisim.cli.options import at_least
from mpisim.data.noise import complex_gaussian
from mpisim.plot.panels import Group, edges, panels, save_figure
from recon.studies.in_house import CROP, in_house_setup

SAMPLE_NOISE = 0.0436
"""Noise of the sample of 2 mm over the RMS of its signal."""
GAIN = 4.0
"""Signal of the sample of 4 mm over that of 2 mm."""
TUBES = recon.phantoms.tubes(4e-3, 4e-3, 20e-3, 10e-3)


def with_noise(fine: xr.Dataset) -> xr.Dataset:
    """Return a matrix as the small sample measures it."""
    values = fine["system_matrix"].values
    sigma = SAMPLE_NOISE * float(np.sqrt(np.mean(np.abs(values) ** 2)))
    return fine.assign(system_matrix=fine["system_matrix"].copy(data=values + complex_gaussian(values.shape, sigma, 1)))


def draw(fine: xr.Dataset, y: xr.Dataset, images: dict[str, xr.Dataset], errors: dict[str, float]) -> Figure:
    """Draw the phantom and all images, and the differences from the image with the exact matrix."""
    frame, reference = edges(fine), images["exact"]["image"].values
    line = [(y["phantom"].values, frame), *((i["image"].values, frame) for i in images.values())]
    others = {name: image["image"].values for name, image in images.items() if name != "exact"}
    differences = [None, None, *((values - reference, frame) for values in others.values())]
    notes = ["", "", *(f"{100 * errors[n]:.2g} %, {recon.psnr(v, reference):.1f} dB" for n, v in others.items())]
    top = float(max(1.0, reference.max()))
    groups = [
        Group([line], [""], "concentration / sample's", (0.0, top), "inferno"),
        Group([differences], ["image - exact"], "difference", (-top / 4, top / 4), "PuOr_r", [notes]),
    ]
    return panels(groups, ["phantom", *images], "Tubes by matrix; nRMSE of the matrix, pSNR of the image")


def main(words: Sequence[str] | None = None) -> tuple[dict[str, float], dict[str, float]]:
    """Print and draw what a command line asks for; return nRMSE of matrices and pSNR of images in dB."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    angles = argument_type("--angles", at_least(2))
    parser.add_argument("--angles", type=angles, default=30, help="angles over half a turn (default 30)")
    parser.add_argument("--methods", default="bicubic-dc,auto", help="methods of recovery")
    parser.add_argument("--page", default="in_house.html", help="HTML file of diagnostics of the last method")
    parser.add_argument("--out", default="in_house.png", help="PNG file to write (default in_house.png)")
    options = parser.parse_args(words)
    fine = in_house_setup(0.5, options.angles).simulate()
    coarse = calib.downsample(fine, factor=2, snr=20 * np.log10(GAIN / SAMPLE_NOISE), seed=0)
    matrices = {"exact": fine, "2 mm\nsample": with_noise(fine)}
    for method in options.methods.split(","):
        recovered = calib.recover(coarse, method)
        matrices[f"4 mm,\n{method}"] = recovered
        record = recovered.attrs["recovery"]
        chosen = [record[key] for key in ("choice", "reason", "fit") if isinstance(record.get(key), str)]
        print(f"{method}: {'; '.join(chosen) or 'as named'}")
    write_diagnostics(options.page, recovered, coarse)
    cropped = {name: matrix.isel(CROP) for name, matrix in matrices.items()}
    y = recon.measure(cropped["exact"], TUBES, snr=30, seed=0, same_grid=True)
    images = {name: recon.reconstruct(matrix, y, eps="auto") for name, matrix in cropped.items()}
    errors = {name: calib.nrmse(matrix, cropped["exact"]) for name, matrix in cropped.items()}
    quality = {name: recon.psnr(i, images["exact"]) for name, i in images.items() if name != "exact"}
    for name, value in quality.items():
        shown = name.replace("\n", " ")
        print(f"{shown:18} nRMSE {100 * errors[name]:6.2f} %   pSNR {value:5.1f} dB")
    save_figure(draw(cropped["exact"], y, images, errors), options.out)
    return errors, quality


if __name__ == "__main__":
    main()
