r"""How well a recovered matrix explains what was measured: chi2 of its rows, by angle and by harmonic.

With the block means (or samples) :math:`d` of a row, the operator :math:`D` of the coarse calibration, and the complex
noise deviation :math:`\sigma`, a row of m values has

.. math:: \chi^2 = \frac{1}{m} \sum_i f_i^2 \frac{|d_i - (D \hat a)_i|^2}{\sigma^2} ,

where :math:`f_i` is the share of its voxels that a sample over the edge of the grid fills, 1 elsewhere. Values near 1
are noise; a method that fits freely leaves less; larger values mean that the rows are not what the method presumes, or
that the noise is larger than stated. :math:`\chi^2` sees only what the coarse calibration sees: detail within a sample
can be wrong though it is 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from mpisim.data.sampling import Sampling
from mpisim.data.views import as_images, noise_known, noise_per_row, row_dims

__all__ = ["Agreement", "agreement"]

_EXACT = 1e-9  # of the RMS of the values: noise below which they count as exact, and nothing is compared


@dataclass(frozen=True, eq=False)
class Agreement:
    """The agreement of a recovered matrix with the measurement.

    Parameters
    ----------
    chi2
        Of the rows, with their dimensions.
    values
        Number m of measured values of a row.
    """

    chi2: xr.DataArray
    values: int

    @property
    def mean(self) -> float:
        """Mean over all rows."""
        return float(self.chi2.mean())

    @property
    def spread(self) -> float:
        """Standard deviation of the mean over all rows, if all that is left is noise."""
        return float(1 / np.sqrt(self.chi2.size * self.values))

    def along(self, dim: str) -> xr.DataArray:
        """Return the mean along all dimensions but one."""
        return self.chi2.mean([d for d in self.chi2.dims if d != dim])

    def outliers(self, deviations: float = 6.0) -> np.ndarray:
        """Return the numbers of the rows whose value is above what noise leaves, the largest first."""
        values = self.chi2.values.reshape(-1)
        bound = max(1.0, float(np.median(values))) * (1 + deviations / np.sqrt(self.values))
        found = np.flatnonzero(values > bound)
        return found[np.argsort(-values[found])]


def agreement(recovered: xr.Dataset, coarse: xr.Dataset) -> Agreement | None:
    """Compare a recovered matrix with the coarse one that it came from.

    Parameters
    ----------
    recovered, coarse
        Matrices of the same rows. If the coarse one does not know its noise, it is the level that the recovery used.

    Returns
    -------
    Agreement
        None if the noise is not known or the values are exact.
    """
    coarse = _with_level(recovered, coarse)
    if not noise_known(coarse):
        return None
    sampling = Sampling.of(coarse)
    means, sigma = as_images(coarse).astype(complex), noise_per_row(coarse)
    if not np.all(sigma > _EXACT * float(np.sqrt(np.mean(np.abs(means) ** 2)))):
        return None
    fine = as_images(recovered).astype(complex)
    left = means - sampling.apply(fine)
    share = sampling.filling
    left = left if share is None else left * share
    measured = int(np.count_nonzero(sampling.apply(np.ones((1, *fine.shape[-2:])))))
    chi2 = np.sum(np.abs(left) ** 2, axis=(-2, -1)) / (measured * sigma**2)
    dims = row_dims(coarse)
    shape = [coarse.sizes[d] for d in dims]
    coords = {name: c for name, c in coarse.coords.items() if set(c.dims) <= set(dims) and c.dims}
    return Agreement(xr.DataArray(chi2.reshape(shape), coords, dims), measured)


def _with_level(recovered: xr.Dataset, coarse: xr.Dataset) -> xr.Dataset:
    """Return a coarse matrix with the noise level that its recovery used, unless that differs between rows."""
    level = recovered.attrs.get("recovery", {}).get("noise") or {}
    if (noise_known(coarse) and not level) or level.get("by_row") or "noise_std" not in level:
        return coarse
    units = {"units": coarse["system_matrix"].attrs.get("units", "1")}
    return coarse.assign(noise_std=((), float(level["noise_std"]), units))
