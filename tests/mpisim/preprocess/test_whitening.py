import numpy as np
import pytest
import xarray as xr

from mpisim import InputError
from mpisim.data.noise import complex_gaussian
from mpisim.data.schema import build, validate
from mpisim.preprocess.whitening import whiten

SIGMA = xr.DataArray(np.random.default_rng(0).uniform(0.1, 10, (40, 50)), dims=("angle", "frequency"))


def measurement(values, **options):
    return build("measurement", values, ("angle", "frequency"), {}, origin="simulated", **options)


def test_white_noise_has_unit_power_in_every_row():
    noise = measurement(complex_gaussian((40, 50), 1.0, 1) * SIGMA.values, noise_std=SIGMA.values)
    white = whiten(noise, SIGMA)
    assert np.mean(np.abs(white["measurement"].values) ** 2) == pytest.approx(1, abs=0.1)
    assert np.all(white["noise_std"].values == 1)
    assert white["measurement"].attrs["units"] == white["noise_std"].attrs["units"] == "1"
    assert noise["measurement"].attrs["units"] == "V"
    validate(white)


def test_a_matrix_and_its_measurement_stay_consistent():
    """(A / sigma) x = (A x) / sigma, with one standard deviation for each row, each angle, or all rows."""
    rng = np.random.default_rng(2)
    values = (rng.standard_normal((40, 50, 3, 4)) + 0.5j).astype(np.complex64)
    x = rng.standard_normal((3, 4))
    dims = ("angle", "frequency", "y", "x")
    axes = {"y": np.arange(3) * 1e-3, "x": np.arange(4) * 1e-3}
    noise = rng.uniform(1, 2, 50)
    matrix = build("system_matrix", values, dims, axes, stage="fine", origin="measured", noise_std=noise)
    y = measurement(np.einsum("afyx,yx->af", values.astype(complex), x))
    for sigma in (SIGMA, SIGMA[:, 0], SIGMA.transpose(), 3.0):
        white = whiten(matrix, sigma)
        assert white["system_matrix"].dims == dims and white["system_matrix"].dtype == np.complex128
        product = np.einsum("afyx,yx->af", white["system_matrix"].values, x)
        assert np.allclose(product, whiten(y, sigma)["measurement"].values, rtol=1e-12)
        own = white["noise_std"].broadcast_like(y["measurement"]).transpose("angle", "frequency")
        wanted = noise / (
            sigma.broadcast_like(y["measurement"]).transpose("angle", "frequency")
            if isinstance(sigma, xr.DataArray)
            else 3.0
        )
        assert np.allclose(own, wanted, rtol=1e-12)
        validate(white)


@pytest.mark.parametrize(
    "sigma", [0.0, -1.0, np.nan, SIGMA * 0, xr.DataArray(np.ones(3), dims="angle"), xr.DataArray(np.ones(4), dims="x")]
)
def test_a_bad_standard_deviation_gets_one_sentence(sigma):
    with pytest.raises(InputError, match=r"^Input noise_std must be .*; instead received .*\.$"):
        whiten(measurement(np.ones((40, 50), complex)), sigma)
