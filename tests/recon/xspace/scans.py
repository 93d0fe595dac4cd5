"""Small measurements with a field-free line."""

import numpy as np

import mpisim
import recon

GRID = mpisim.Grid((16, 16), (0.032, 0.032))


def matrix(angles=24, harmonics=range(2, 10), gradient=1.0, diameter=25e-9, grid=GRID, sample=None, **options):
    """Return the matrix of an ideal scanner."""
    scanner = mpisim.open_sided_ffl(gradient, angles=angles, harmonics=tuple(harmonics), **options)
    return mpisim.simulate(scanner, mpisim.Particle(diameter), grid, sample or mpisim.Sample())


def measurement(fine, phantom=None, **options):
    """Return a measurement on the grid of the matrix, without noise unless `snr` is given."""
    options = options or {"noiseless": True}
    return recon.measure(fine, phantom or recon.phantoms.shape(), same_grid=True, **options)


def point(fine, x, y):
    """Return the measurement of the sample at one voxel, its concentration 1."""
    image = np.zeros((fine.sizes["y"], fine.sizes["x"]))
    image[y, x] = 1.0
    values = np.einsum("akyx,yx->ak", fine["system_matrix"].values.astype(complex), image)
    y = measurement(fine, recon.phantoms.shape(1e-3))
    return y.assign(measurement=(("angle", "frequency"), values, {"units": "V"}))
