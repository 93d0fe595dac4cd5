"""Effects of imperfections on a row and on an image: the short form."""

import numpy as np
import pytest
import xarray as xr

import mpisim
import recon
from calib.studies.harness.imperfections import IMPERFECTIONS, with_gains
from calib.studies.harness.study import StudyOptions
from calib.studies.imperfections import QUICK, ideal_setup
from recon.studies.catalogue import STUDIES
from tests.small import SMALL, csv_rows


@pytest.fixture(scope="module")
def effects(tmp_path_factory):
    """The folder and the table of the short form, and its ideal setup."""
    out = tmp_path_factory.mktemp("effects")
    table = STUDIES["effects"](out, quick=True, protocol=SMALL)["table"]
    return out, {row["imperfection"]: row for row in table}, ideal_setup(StudyOptions(out, quick=True, protocol=SMALL))


def stored(folder, name):
    return xr.open_dataset(folder / "effects_quick.nc").load().sel(imperfection=name)


def test_rows_and_images_of_each_imperfection(effects):
    out, table, ideal = effects
    assert set(table) == set(QUICK) and len(csv_rows(out / "effects_quick.csv")) == 3
    name = "coil inhomogeneity"
    coil = next(i for i in IMPERFECTIONS if i.name == name).applied(ideal, 1.0).simulate()
    nearest = with_gains(ideal.simulate(), coil)
    angle, harmonic = int(np.argmin(abs(coil["angle"].values - np.pi / 4))), list(coil["harmonic"].values).index(3)
    rows = [m["system_matrix"].isel(angle=angle, frequency=harmonic).values for m in (nearest, coil)]
    shown = stored(out, name)["row_imperfect"].transpose("part", "y", "x").values
    np.testing.assert_allclose(shown[0] + 1j * shown[1], rows[1], rtol=1e-6)
    assert table[name]["row_percent"] == pytest.approx(100 * mpisim.nrmse(*rows))
    y = recon.measure(coil, recon.phantoms.tubes(), snr=30, seed=0)
    image = recon.reconstruct(nearest, y, eps="auto")["image"].values
    np.testing.assert_allclose(stored(out, name)["image_wrong"].values, image, rtol=1e-6, atol=1e-9)
    assert (out / "effects_fields_quick.png").read_bytes().startswith(b"\x89PNG")
    assert not (out / "effects_others_quick.png").exists()


def test_errors_of_positions_spoil_the_matrix_not_the_measurement(effects):
    """The right image is that of the ideal matrix, and the measurement that of the ideal scanner."""
    out, _, ideal = effects
    matrix = ideal.simulate()
    y = recon.measure(matrix, recon.phantoms.tubes(), snr=30, seed=0)
    right = recon.reconstruct(matrix, y, eps="auto")["image"].values
    image = stored(out, "positioning jitter")["image_right"].values
    np.testing.assert_allclose(image, right, rtol=1e-6, atol=1e-9)
