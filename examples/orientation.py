"""Which axis is which? Three labelled spots from the scanner to the picture, through files of two formats.

Three drops of tracer lie in a small volume: X away from the centre along x, Y along y, and Z along z, of different
concentrations. They are measured with a field-free-point scanner. Its system matrix is measured coarsely, and
everything then goes the way of real data through files: written, read, recovered, written, read, reconstructed,
written, read. The grid has another number of voxels along each axis, so that a wrong order cannot hide.

- **File.** Both formats hold positions with x fastest: position i (from 0) is ix + nx (iy + ny iz).
- **Array.** ``matrix["system_matrix"]`` and ``image["image"]`` end with the axes (z, y, x), and the coordinates x, y, z
  ascend. Printed, the first row of an array is the one of the least y: it is at the top.
- **Picture.** x points to the right and y (or z) upwards, in mm: the first row of the array is at the bottom.

``image["image"].sel(x=..., y=..., z=..., method="nearest")`` finds a voxel by its position, whatever the order.

Run::

    python examples/orientation.py [--format mdf|nc] [--out orientation.png]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

import calib
import mpisim
import recon
from mpisim.data.noise import complex_gaussian, sigma_from_snr
from mpisim.data.schema import build
from mpisim.plot import save_figure

SPOTS = {
    "X": ((6.3e-3, -2.4e-3, -0.9e-3), 1.0),
    "Y": ((-2.7e-3, 7.2e-3, -0.9e-3), 0.8),
    "Z": ((-4.5e-3, -5.6e-3, 2.7e-3), 0.9),
}
"""Centre (x, y, z) in m, and concentration relative to the calibration's sample, by label."""
GRID = mpisim.Grid((12, 14, 6), (0.0216, 0.0224, 0.0108))
SCANNER = mpisim.LissajousFFP(dividers=(40, 48, 60), clock_frequency=1e6, samples_per_period=960)
PARTICLE, SAMPLE = mpisim.Particle(25e-9), mpisim.Sample(points=2, thick=True)


def measured(matrix: xr.Dataset) -> xr.Dataset:
    """Return the measurement of the spots, each a box of the size of a voxel at its own place, with noise of 40 dB."""
    parts = []
    for centre, concentration in SPOTS.values():
        spot = mpisim.simulate(SCANNER, PARTICLE, mpisim.Grid((1, 1, 1), GRID.voxel, centre), SAMPLE)
        parts.append(concentration * spot["system_matrix"].values[..., 0, 0, 0].astype(complex))
    clean = np.sum(parts, axis=0)
    sigma = sigma_from_snr(clean, 40)
    rows = {d: matrix[d] for d in ("angle", "frequency")}
    about = {name: matrix.attrs[name] for name in ("scanner", "particle", "sample", "grid")}
    noisy = clean + complex_gaussian(clean.shape, sigma, 0)
    dims = ("angle", "receive", "frequency")
    return build("measurement", noisy, dims, rows, noise_std=sigma, origin="simulated", **about)


def through_files(data: xr.Dataset, folder: Path, name: str, suffix: str) -> xr.Dataset:
    """Write a dataset, and return what is read again."""
    mpisim.write(data, folder / f"{name}.{suffix}")
    return mpisim.read(folder / f"{name}.{suffix}")


def image_by(suffix: str, folder: Path) -> xr.Dataset:
    """Return the image of the spots by a recovered matrix, each step through a file of one format."""
    fine = mpisim.simulate(SCANNER, PARTICLE, GRID, SAMPLE)
    y = through_files(measured(fine), folder, "measurement", suffix)
    coarse = mpisim.read(_written(calib.downsample(fine, 2, snr=40, seed=1), folder / "coarse.nc"))
    matrix = through_files(calib.recover(coarse, "bicubic-dc"), folder, "matrix", suffix)
    image = recon.reconstruct(matrix, y, "kaczmarz", regularisation=1e-3, iterations=30)
    return through_files(image, folder, "image", suffix)


def _written(data: xr.Dataset, path: Path) -> Path:
    """Write a coarse matrix, which MDF has no fields for, as NetCDF."""
    mpisim.write(data, path)
    return path


def found(image: xr.Dataset) -> dict[str, tuple[tuple[int, ...], tuple[float, ...]]]:
    """Return index (z, y, x) and place (x, y, z) in m of the brightest voxel within 4 mm of every spot."""
    values, z, y, x = image["image"].values, *(image[d].values for d in ("z", "y", "x"))
    places = {}
    for label, (centre, _) in SPOTS.items():
        away = [np.abs(axis - c) <= 4e-3 for axis, c in zip((z, y, x), centre[::-1], strict=True)]
        near = np.where(away[0][:, None, None] & away[1][:, None] & away[2], values, -np.inf)
        index = tuple(int(i) for i in np.unravel_index(np.argmax(near), values.shape))
        places[label] = index, (float(x[index[2]]), float(y[index[1]]), float(z[index[0]]))
    return places


def draw(image: xr.Dataset, suffix: str) -> Figure:
    """Draw the image as a picture, as the printed array, and in the order of the file."""
    figure = Figure(figsize=(11, 9.5), dpi=110, layout="constrained")
    axes = figure.subplots(3, 3, height_ratios=(1.2, 1.2, 0.8))
    values, names = image["image"].values, ("x", "y", "z")
    shown = {"cmap": "inferno", "vmin": 0, "vmax": values.max()}
    letter: dict[str, Any] = {"color": "white", "weight": "bold", "ha": "center", "va": "center"}
    letter["path_effects"] = [withStroke(linewidth=2, foreground="black")]
    for column, (a, b) in enumerate(((0, 1), (0, 2), (1, 2))):
        flat = values.max(axis=2 - (3 - a - b))  # the axes of the array are (z, y, x)
        edges = [1e3 * GRID.edges(i)[j] for i in (a, b) for j in (0, -1)]
        picture, array = axes[0, column], axes[1, column]
        mesh = picture.imshow(flat, origin="lower", extent=edges, **shown)
        array.imshow(flat, origin="upper", **shown)
        for axis in (array.xaxis, array.yaxis):
            axis.set_major_locator(MaxNLocator(integer=True))
        picture.set(xlabel=f"{names[a]} in mm", ylabel=f"{names[b]} in mm", title=f"picture, {names[a]} and {names[b]}")
        array.set(xlabel=f"i{names[a]}", ylabel=f"i{names[b]}", title=f"array as printed: image[{_index(a, b)}]")
        for label, (index, _) in found(image).items():
            centre = SPOTS[label][0]
            picture.text(1e3 * centre[a], 1e3 * centre[b], label, **letter)
            array.text(index[2 - a], index[2 - b], label, **letter)
    figure.colorbar(mesh, ax=axes[:2], aspect=40, label="concentration relative to the sample, largest along the view")
    _draw_file(figure, axes[2], image)
    figure.suptitle(f"Three spots through files of the format {suffix}: labels stand where the spots are", fontsize=11)
    return figure


def _index(a: int, b: int) -> str:
    """Return the index of a projection of the array (z, y, x): the maximum along the axis that is not shown."""
    return ", ".join(":" if 2 - i in (a, b) else "max" for i in range(3))


def _draw_file(figure: Figure, axes: Sequence[Any], image: xr.Dataset) -> None:
    """Draw the values in the order of the file over the whole width, with the numbers of the spots' positions."""
    grid = axes[0].get_gridspec()
    for ax in axes:
        ax.remove()
    ax = figure.add_subplot(grid[2, :])
    flat = image["image"].values.ravel()
    ax.plot(np.arange(flat.size), flat, linewidth=0.7, color="black")
    nx, ny = GRID.shape[:2]
    for label, (index, _) in found(image).items():
        place = index[2] + nx * (index[1] + ny * index[0])
        at = {"xytext": (5, 0), "textcoords": "offset points", "ha": "left", "va": "top"}
        ax.annotate(f"{label}: {place}", (place, flat[place]), color="tab:red", **at)
    for plane in range(GRID.shape[2] + 1):
        ax.axvline(plane * nx * ny - 0.5, color="tab:blue", linewidth=0.5)
    ax.set(xlabel="position in the file, from 0: ix + nx (iy + ny iz); blue lines divide planes of z", ylabel="value")
    ax.set_title("file: x is fastest", fontsize=10)


def main(words: Sequence[str] | None = None) -> dict[str, tuple[tuple[int, ...], tuple[float, ...]]]:
    """Print and draw where the spots are found; return index and place of each by label."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--format", choices=("mdf", "nc"), default="mdf", help="of the files (default mdf)")
    parser.add_argument("--out", default="orientation.png", help="PNG file to write")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        image = image_by(options.format, Path(folder))
    nx, ny = GRID.shape[:2]
    for label, (index, place) in found(image).items():
        where, there = (", ".join(f"{1e3 * v:5.1f}" for v in values) for values in (SPOTS[label][0], place))
        number = index[2] + nx * (index[1] + ny * index[0])
        print(f"{label} at ({where}) mm: found at ({there}) mm, image{list(index)}, position {number} of the file")
    save_figure(draw(image, options.format), options.out)
    return found(image)


if __name__ == "__main__":
    main()
