r"""Spectra: root mean square over everything but frequency, against the noise.

Of a system matrix with the values :math:`a_k(\theta, r)` the spectrum is
:math:`\mathrm{RMS}_k = (\sum_{\theta, r} |a_k|^2 / n)^{1/2}` over the :math:`n` values of a harmonic (or frequency) k;
of a measurement it is the same over its angles. The noise is drawn as the complex standard deviation of one value.
The signal-to-noise ratio in dB is :math:`20 \log_{10}(\mathrm{RMS}_k / \sigma_k)`; it counts the noise in the values
themselves as signal, so that nothing falls much below 0 dB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Spectrum", "plot_spectrum", "spectrum_of"]


@dataclass(frozen=True)
class Spectrum:
    """Amplitudes against harmonic or frequency.

    Parameters
    ----------
    x, label
        Harmonics, frequencies in kHz, or numbers of the rows, and what they are.
    rms
        Root mean square of the values, in their unit, by receive channel: (channel, x).
    least, most
        The same over the least and the most of the angles (channel, x); equal to `rms` without angles.
    noise
        Complex noise standard deviation (channel, x) in the same unit; None where the file does not state it.
    units
        Unit of the values.
    """

    x: np.ndarray
    label: str
    rms: np.ndarray
    least: np.ndarray
    most: np.ndarray
    noise: np.ndarray | None
    units: str

    @property
    def snr(self) -> np.ndarray | None:
        """Root mean square over noise in dB, (channel, x); None without known noise, or where the data are exact."""
        if self.noise is None or not np.all(self.noise > 0):
            return None
        with np.errstate(divide="ignore"):
            return 20 * np.log10(self.rms / self.noise)


def spectrum_of(data: xr.Dataset) -> Spectrum:
    """Return the spectrum of a system matrix or measurement of the schema."""
    kind = str(data.attrs["kind"])
    variable = data[kind].astype(complex)
    if "frequency" not in variable.dims:
        dim = "angle" if "angle" in variable.dims else variable.dims[0]
        variable = variable.rename({dim: "frequency"}).drop_vars("frequency", errors="ignore")
    scale = float(abs(variable).max()) or 1.0  # squares of small voltages underflow
    power = abs(variable / scale) ** 2
    others = [d for d in power.dims if d not in ("frequency", "receive", "angle")]
    by_angle: xr.DataArray = scale * power.mean(others) ** 0.5
    turned = "angle" in power.dims
    rms = scale * power.mean([*others, "angle"] if turned else others) ** 0.5
    least, most = (by_angle.min("angle"), by_angle.max("angle")) if turned else (rms, rms)
    x, label = _axis(data, variable.sizes["frequency"])
    units = str(data[kind].attrs.get("units", "1"))
    return Spectrum(x, label, _channels(rms), _channels(least), _channels(most), _noise(data, variable), units)


def _axis(data: xr.Dataset, count: int) -> tuple[np.ndarray, str]:
    if "harmonic" in data.coords:
        return np.atleast_1d(data["harmonic"].values).astype(float), "harmonic of the drive frequency"
    if "frequency" in data.coords:
        return 1e-3 * np.atleast_1d(data["frequency"].values), "frequency in kHz"
    return np.arange(count), "row"


def _channels(values: xr.DataArray) -> np.ndarray:
    """Return values over (channel, frequency), with one channel where there is no dimension for it."""
    wide = values if "receive" in values.dims else values.expand_dims("receive")
    return wide.transpose("receive", "frequency").values


def _noise(data: xr.Dataset, variable: xr.DataArray) -> np.ndarray | None:
    if "noise_std" not in data:
        return None
    noise = data["noise_std"]
    if noise.dims and "frequency" not in data[str(data.attrs["kind"])].dims:
        noise = noise.rename({noise.dims[0]: "frequency"}).drop_vars("frequency", errors="ignore")
    others = [d for d in noise.dims if d not in ("frequency", "receive")]
    like = variable.isel({d: 0 for d in variable.dims if d not in ("frequency", "receive")}, drop=True)
    level: xr.DataArray = (noise**2).mean(others) ** 0.5 if others else noise
    return _channels(level.broadcast_like(like))


def plot_spectrum(ax: Axes, spectrum: Spectrum, name: str = "signal") -> None:
    """Draw a spectrum with its noise into axes; the shade reaches from the weakest to the strongest angle."""
    marked = "o-" if spectrum.x.size <= 40 else "-"
    for i, values in enumerate(spectrum.rms):
        title = name if len(spectrum.rms) == 1 else f"{name}, channel {i}"
        (line,) = ax.plot(spectrum.x, _drawable(values), marked, markersize=4, label=title)
        low, high = _drawable(spectrum.least[i]), _drawable(spectrum.most[i])
        ax.fill_between(spectrum.x, low, high, alpha=0.2, color=line.get_color(), linewidth=0)
    if spectrum.noise is not None and np.any(spectrum.noise > 0):
        for i, noise in enumerate(spectrum.noise):
            label = "noise of one value" if i == 0 else None
            ax.plot(spectrum.x, _drawable(noise), "--", color="black", linewidth=1, label=label)
    ax.set_yscale("log")
    if spectrum.label.startswith("harmonic") and spectrum.x.size <= 20:
        ax.set_xticks(spectrum.x, [f"{v:g}" for v in spectrum.x])
    ax.set_xlabel(spectrum.label, fontsize=8)
    ax.set_ylabel("RMS" if spectrum.units == "1" else f"RMS in {spectrum.units}", fontsize=8)
    ax.tick_params(which="both", labelsize=7)
    ax.grid(alpha=0.3)
    ax.legend(fontsize=7)


def _drawable(values: np.ndarray) -> np.ndarray:
    """Return values for a logarithmic axis: NaN in place of zero."""
    return np.where(values > 0, values, np.nan)
