r"""Images from a system matrix and a measurement, by any method of `recon.METHODS`.

The rows of both are whitened first (`mpisim.preprocess.whitening`), with the `noise_std` of the measurement, or with
RMS(y) / 10^(D/20) for `noise_db` D. White complex noise has :math:`E|n_i|^2 = 1`, so that
:math:`E\lVert n\rVert^2 = M` **complex rows**: the noise ball of ADMM has the radius :math:`\epsilon = \sqrt M`.
A given `eps` is in whitened units where the noise is known, and in units of the data elsewhere. `eps="auto"` estimates
the radius from the data (`recon.selection.discrepancy`). It serves data of unknown noise, and recovered matrices, whose
errors add to the noise of the measurement, so that the ball of radius sqrt(M) can be empty.

The norm of such noise is :math:`\sqrt M \pm 1/2` (mean and standard deviation). In half of all measurements the true
image therefore lies outside a ball of radius sqrt(M), and the image inside the ball fits noise. So the default radius
for a matrix that was not recovered comes from the data, too, but stays between sqrt(M) and sqrt(M) + 3/2: chance
explains no more.

Where a matrix states how much its values err (`system_matrix_std`) and the noise is known, every row is further divided
by the deviation that noise and these errors have together for this object (`recon.selection.matrix_errors`). eps, which
then is "auto" by default, and residuals are in this unit.

Images are concentrations relative to the calibration sample's; a matrix in another multiple of the measurement's unit
is converted. A matrix per concentration, such as V/(mmol/l), gives an image in that concentration. If rows are chosen
(`recon.selection.rows`), M is the number of rows that are kept.
"""

from __future__ import annotations

import os

import numpy as np
import xarray as xr

from mpisim.deprecation import renamed_arguments
from mpisim.memory import limited_memory
from recon.preparation import Conditions
from recon.reconstructor import Reconstructor
from recon.selection.background import Background
from recon.selection.matrix_errors import COHERENCE
from recon.streaming import StoredRows, matrix_of

__all__ = ["reconstruct"]


@renamed_arguments(strength="regularisation")
def reconstruct(
    matrix: xr.Dataset | StoredRows | str | os.PathLike[str] | None,
    y: xr.Dataset,
    method: str = "admm",
    eps: float | str | None = None,
    noise_db: float | None = None,
    non_negative: bool = True,
    preset: str | None = None,
    row_mask: np.ndarray | xr.DataArray | None = None,
    min_frequency: float | None = None,
    max_frequency: float | None = None,
    row_snr: float | None = None,
    use_std: bool = True,
    std_coherence: float = COHERENCE,
    background: Background | str | None = None,
    memory: float | None = None,
    **options: object,
) -> xr.Dataset:
    """Reconstruct the image, or the image of every frame, of a measurement.

    Parameters
    ----------
    matrix
        A fine system matrix, simulated, measured or recovered. `xspace` and `fbp` use its voxels and attributes only,
        and take those of the measurement where it is None. The name of a file (.nc, .mdf) stands for its matrix, which
        `kaczmarz`, `cg` and `fista` read slab by slab, for each pass over it, where it does not fit into the memory
        (`recon.streaming`).
    y
        A measurement of the same rows. Where both come from MDF files, the sequence must be the same, and only the
        frequencies that both have are used (`recon.selection.pairs`); `row_mask` is over these.
    method
        A name of `recon.METHODS`: `admm`, `kaczmarz`, `tikhonov`, `xspace`, `fbp`, or one of another package.
    eps
        Radius of the noise ball of ADMM, or "auto"; see the module. By default "auto" for a recovered matrix, and for
        one whose `system_matrix_std` is used; for any other from the data, too, but no more than sqrt(M) + 3/2, or
        sqrt(M) itself with a preset. "auto" is at least sqrt(M) where the noise is known.
    noise_db
        RMS of the data over their complex noise standard deviation in dB, in place of the measurement's `noise_std`.
    non_negative
        Demand x >= 0.
    preset
        Name of a set of options of the method, in place of its defaults: "transms" takes the weights that TranSMS
        publishes for `admm`. Options that are given as well win over it.
    row_mask
        True for the rows to use: shape (row,), that of (angle, receive, frequency), or a DataArray over some of these.
    min_frequency, max_frequency
        Least and greatest frequency in Hz of the rows to use.
    row_snr
        Least signal-to-noise ratio of the rows to use: RMS of the matrix's row over its noise, a ratio.
    use_std
        Whether rows are weighted by the `system_matrix_std` of the matrix, if it has one; False leaves it aside.
    std_coherence
        How far errors of the matrix have one sign over an object, from 0 (errors of voxels are independent) to 1, with
        `use_std`; the default is that of recovered matrices (`recon.selection.matrix_errors`).
    background
        A background that is estimated together with the image: a `recon.Background`, or the name of its basis,
        "frequency", "angle" or "frames" (`recon.selection.background`). By default none is.
    memory
        Largest number of GB (10^9 bytes) that a matrix given as a file may take; None allows half of the free memory.
    **options
        Options of the method, such as the fields of `recon.methods.AdmmOptions`. `regularisation`, of the methods that
        have it, is a number or a rule by which every frame gets its own from the data: "auto", "l-curve", "gcv",
        "discrepancy" or "hands-free" (`recon.selection.regularisation`).

    Returns
    -------
    xarray.Dataset
        `image` ([frame,] [z,] y, x), relative concentration (see the module). The attributes carry the method, its
        options, eps, the iterations, whether the noise ball is feasible, its least residual (both in the unit of eps),
        the number of rows that were used, `matrix_errors` (RMS of the rows' deviation by noise and matrix together over
        that by noise alone, where `system_matrix_std` was used), `regularisation` where a rule chose it,
        `background_rms` where a background was estimated (over all rows, in units of their noise where this is known),
        and the provenance of the matrix and of the measurement. A `DataWarning` says where the noise ball holds no
        image, was not reached, or holds the empty image, and where an image explains hardly anything of the data.

    Raises
    ------
    InputError
        For an unknown method, preset or option, rows or units that do not match, no rows that are left, an unknown
        noise, a number out of range, or a method whose result breaks the rules of `recon.Solution`.
    """
    conditions = Conditions(
        *(eps, noise_db, bool(non_negative), row_mask, min_frequency, max_frequency, row_snr, use_std, std_coherence),
        background=background,
    )
    maker = Reconstructor.of(method, preset, conditions, options)
    with limited_memory(memory):
        if isinstance(matrix, str | os.PathLike):
            matrix = matrix_of(matrix, maker.solver.streams, f"method {method}")
        prepared = maker.prepared(matrix, y)
        return maker.image(prepared, maker.solved(prepared), matrix if isinstance(matrix, StoredRows) else None)
