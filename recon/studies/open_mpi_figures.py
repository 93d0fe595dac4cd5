"""Figures of the study of Open MPI data: recovered rows of the central slice, images, and their errors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from mpisim.data.downsampling import downsample
from mpisim.plot.panels import Group, Panel, edges, panels, save_figure
from mpisim.plot.rows import part_of
from recon.metrics import psnr
from recon.studies.open_mpi_files import Calibration

__all__ = ["draw_images", "draw_rows"]

_SHOWN = 3  # rows of the figure


def draw_rows(test: Calibration, recovered: Mapping[str, xr.Dataset], factor: int, heading: str, out: Path) -> str:
    """Draw rows of the central slice as measured, coarse and recovered, and below the magnitudes of the errors.

    The row of median strength of each receive channel is shown, by its real or imaginary part, whichever has more
    energy.
    """
    columns = {
        "input,\nblock means": downsample(test.rows, factor, "box", snr=None),
        "input,\nstrided": downsample(test.rows, factor, "strided", snr=None),
        "reference": test.rows,
        **recovered,
    }
    middle = test.rows.sizes["z"] // 2
    slices = {name: data["system_matrix"].isel(z=middle).values for name, data in columns.items()}
    places = {name: edges(data) for name, data in columns.items()}
    values: list[list[Panel | None]] = []
    errors: list[list[Panel | None]] = []
    titles, notes = [], []
    for k in _chosen(test):
        wanted = slices["reference"][k]
        peak, part = float(np.abs(wanted).max()), part_of(wanted)[1]
        values.append([(part_of(slices[n][k], part)[0] / peak, places[n]) for n in columns])
        blank: list[Panel | None] = [None] * 3
        errors.append([*blank, *((np.abs(slices[n][k] - wanted) / peak, places[n]) for n in recovered)])
        away = [float(np.linalg.norm(slices[n][k] - wanted) / np.linalg.norm(wanted)) for n in recovered]
        notes.append([""] * 3 + [f"{100 * e:.3g} %" for e in away])
        frequency = float(test.rows["frequency"].values[k])
        titles.append(f"channel {int(test.rows['channel'].values[k])}\n{1e-3 * frequency:.4g} kHz")
    groups = [
        Group(values, titles, "row / peak of the reference", (-1.0, 1.0), "RdBu_r"),
        Group(errors, titles, "|error| / peak of the reference", (1e-3, 1.0), "viridis", notes, log=True),
    ]
    save_figure(panels(groups, list(columns), f"Rows of the central slice, {heading}"), out)
    return str(out)


def _chosen(test: Calibration) -> list[int]:
    """Return the number of the row of median strength of every channel, at most three."""
    size = np.abs(test.rows["system_matrix"].values).mean(axis=(1, 2, 3))
    channel = test.rows["channel"].values
    of_channels = [np.flatnonzero(channel == c) for c in np.unique(channel)[:_SHOWN]]
    return [int(k[np.argsort(size[k], kind="stable")[k.size // 2]]) for k in of_channels]


def draw_images(images: Mapping[str, xr.Dataset], heading: str, out: Path) -> str:
    """Draw the central slice of images, the first being the reference, and below their differences from it."""
    whole = next(iter(images.values()))
    reference = whole["image"]
    middle = reference.sizes["z"] // 2
    first = reference.isel(z=middle).values
    top = float(np.abs(first).max()) or 1.0
    flat = {name: image["image"].isel(z=middle).values for name, image in images.items()}
    shown: list[Panel | None] = [(flat[n], edges(images[n])) for n in images]
    differences: list[Panel | None] = [
        None if i == 0 else (flat[n] - first, edges(images[n])) for i, n in enumerate(images)
    ]
    notes = ["", *(f"{psnr(image, whole):.1f} dB" for image in list(images.values())[1:])]
    groups = [
        Group([shown], [""], "concentration / that\nof the calibration", (0.0, top), "inferno"),
        Group([differences], ["image - reference"], "difference", (-top / 2, top / 2), "PuOr_r", [notes]),
    ]
    save_figure(panels(groups, list(images), f"Central slice of images, {heading}"), out)
    return str(out)
