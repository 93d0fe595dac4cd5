"""A picture of a measurement: its amplitude over frequency and angle, its spectrum with the noise, and the phantom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from mpisim.data.schema import expect
from mpisim.errors import require, whole
from mpisim.plot.panels import DPI, edges
from mpisim.plot.spectrum import plot_spectrum, spectrum_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_measurement"]

_DECADES = 1e-4  # of the largest amplitude, at which the colours end


def draw_measurement(data: xr.Dataset, frame: int = 0, channel: int = 0) -> Figure:
    """Draw the amplitude of a measurement over frequency and angle, its spectrum, its signal-to-noise ratio.

    Parameters
    ----------
    data
        A dataset of kind `measurement`; if it knows its `phantom`, that is drawn, too.
    frame, channel
        Numbers of the frame and of the receive channel from 0, where there are several. The spectrum shows every
        channel of the frame.

    Raises
    ------
    InputError
        If the dataset is no measurement or has no such frame or channel.
    """
    from matplotlib.figure import Figure

    expect(data, "measurement", "data")
    for name, dim, number in (("frame", "frame", frame), ("channel", "receive", channel)):
        count = data["measurement"].sizes.get(dim, 1)
        require(whole(name, number, least=0) < count, name, f"a number from 0 to {count - 1}", number)
    shown = data.isel(frame=frame) if "frame" in data["measurement"].dims else data
    picture = "phantom" in data and data["phantom"].squeeze().ndim == 2
    mapped = {"angle", "frequency"} <= set(shown["measurement"].dims)
    parts = 1 + mapped + picture
    figure = Figure(figsize=(max(4.2 * parts, 6.0), 3.6), dpi=DPI, layout="constrained")
    axes = list(figure.subplots(1, parts, squeeze=False)[0])
    if mapped:
        _map(figure, axes.pop(0), shown, channel)
    _spectrum(axes.pop(0), shown)
    if picture:
        _phantom(figure, axes.pop(0), data)
    figure.suptitle(_heading(data, frame, channel), fontsize=10)
    return figure


def _map(figure: Figure, ax: Axes, data: xr.Dataset, channel: int) -> None:
    """Draw amplitudes over angle and frequency."""
    from matplotlib.colors import LogNorm

    values = abs(data["measurement"].astype(complex))
    values = values.isel(receive=channel) if "receive" in values.dims else values
    unit = data["measurement"].attrs.get("units", "1")
    label = "amplitude" if unit == "1" else f"amplitude in {unit}"
    spectrum = spectrum_of(data)
    angles = np.degrees(data["angle"].values) if "angle" in data.coords else np.arange(values.sizes["angle"])
    top = float(values.max()) or 1.0
    drawn = np.maximum(values.transpose("angle", "frequency").values, _DECADES * top)
    mesh = ax.pcolormesh(
        spectrum.x, angles, drawn, shading="nearest", norm=LogNorm(_DECADES * top, top), cmap="viridis"
    )
    ax.set_xlabel(spectrum.label, fontsize=8)
    ax.set_ylabel("angle in degrees" if "angle" in data.coords else "angle number", fontsize=8)
    ax.tick_params(labelsize=7)
    bar = figure.colorbar(mesh, ax=ax)
    bar.set_label(label, fontsize=8)
    bar.ax.tick_params(labelsize=7)


def _spectrum(ax: Axes, data: xr.Dataset) -> None:
    spectrum = spectrum_of(data)
    plot_spectrum(ax, spectrum, "signal, RMS over angles" if "angle" in data.dims else "signal")
    if spectrum.snr is not None:
        span = f"{spectrum.snr.min():.1f} to {spectrum.snr.max():.1f} dB"
        ax.set_title(f"RMS over noise by {spectrum.label.split()[0]}: {span}", fontsize=8)
    elif spectrum.noise is None:
        ax.set_title("the file does not state its noise", fontsize=8)


def _phantom(figure: Figure, ax: Axes, data: xr.Dataset) -> None:
    plane: Any = data["phantom"].squeeze().transpose("y", "x").values
    top = float(plane.max()) or 1.0
    image = ax.imshow(
        plane, extent=edges(data["phantom"].to_dataset()), origin="lower", cmap="inferno", vmin=0, vmax=top
    )
    ax.set_title("what was measured", fontsize=8)
    ax.set_xlabel("x in mm", fontsize=8)
    ax.set_ylabel("y in mm", fontsize=8)
    ax.tick_params(labelsize=7)
    bar = figure.colorbar(image, ax=ax)
    bar.set_label("concentration / that of the sample", fontsize=8)
    bar.ax.tick_params(labelsize=7)


def _heading(data: xr.Dataset, frame: int, channel: int) -> str:
    sizes = data["measurement"].sizes
    words = [f"measurement of {data['measurement'].size // sizes.get('frame', 1)} complex rows"]
    phantom = data.attrs.get("phantom")
    words += [f"phantom {phantom['name']}"] if isinstance(phantom, dict) and "name" in phantom else []
    words += [f"frame {frame} of {sizes['frame']}"] if sizes.get("frame", 1) > 1 else []
    words += [f"channel {channel} of {sizes['receive']}"] if sizes.get("receive", 1) > 1 else []
    return ", ".join(words)
