"""Units of matrix and measurement: multiples of one unit give one image, others are refused, unknown ones presumed."""

import math

import pytest

import mpisim
import recon
from mpisim import InputError
from mpisim.errors import DataWarning
from tests.recon.problems import small_matrix, small_measurement


def in_units(data, unit, factor):
    names = [n for n in ("system_matrix", "measurement", "noise_std") if n in data]
    return data.assign({n: (data[n].dims, data[n].values * factor, {"units": unit}) for n in names})


@pytest.mark.parametrize("method", ["admm", "kaczmarz", "tikhonov"])
@pytest.mark.parametrize(("unit", "factor"), [("\u00b5V", 1e6), ("mV", 1e3)])
def test_a_measurement_in_another_multiple_of_the_unit_gives_the_same_image(method, unit, factor):
    matrix, y, options = small_matrix(), small_measurement(), {"precision": "float64"} if method == "admm" else {}
    expected = recon.reconstruct(matrix, y, method=method, **options)["image"]
    for pair in ((matrix, in_units(y, unit, factor)), (in_units(matrix, unit, factor), y)):
        image = recon.reconstruct(*pair, method=method, **options)["image"]
        assert image.attrs["units"] == "1" and mpisim.nrmse(image.values, expected.values) < 1e-4


def test_eps_is_in_the_unit_of_the_data():
    bare, eps = small_measurement().drop_vars("noise_std"), 2 * math.sqrt(48) * float(small_measurement()["noise_std"])
    volts = recon.reconstruct(small_matrix(), bare, eps=eps, precision="float64")
    micro = recon.reconstruct(small_matrix(), in_units(bare, "uV", 1e6), eps=1e6 * eps, precision="float64")
    assert mpisim.nrmse(micro, volts) < 1e-4
    assert micro.attrs["eps"] == pytest.approx(1e6 * volts.attrs["eps"])


def test_another_unit_is_refused_and_an_unknown_one_is_presumed():
    with pytest.raises(InputError, match=r"^Input unit of the matrix must be A, the unit of the measurement, or a "):
        recon.reconstruct(small_matrix(), in_units(small_measurement(), "A", 1.0))
    with pytest.warns(
        DataWarning, match=r"^The unit of the measurement is not known; its values are taken to be in V, "
    ):
        image = recon.reconstruct(small_matrix(), in_units(small_measurement(), "1", 1.0))
    assert image["image"].equals(recon.reconstruct(small_matrix(), small_measurement())["image"])


def test_a_matrix_per_concentration_gives_an_image_in_it():
    per = in_units(small_matrix(), "mV/(mmol/l)", 1e3 / 20)  # a sample of 20 mmol/l
    per["noise_std"] = ((), 0.0, {"units": "mV/(mmol/l)"})
    image = recon.reconstruct(per, small_measurement(), method="tikhonov")["image"]
    expected = recon.reconstruct(small_matrix(), small_measurement(), method="tikhonov")["image"]
    assert image.attrs["units"] == "mmol/l" and mpisim.nrmse(image.values, 20 * expected.values) < 1e-6
    with pytest.raises(InputError, match=r"^Input unit of the matrix must be V, "):
        recon.reconstruct(in_units(per, "A/(mmol/l)", 1.0), small_measurement())
