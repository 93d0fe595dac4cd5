import numpy as np
import pytest
import xarray as xr

from recon.studies.catalogue import STUDIES
from tests.recon.studies.conftest import METHODS
from tests.small import SMALL


def times(folder):
    return {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}


def test_images_their_figures_and_the_cache(tmp_path):
    options = {"quick": True, "methods": METHODS, "protocol": SMALL}
    result = STUDIES["fig7"](tmp_path, **options)
    assert [row["method"] for row in result["table"]] == ["reference", *METHODS]
    stored = xr.open_dataset(tmp_path / "fig7_quick.nc").load()
    reference, image = stored["reference"].values, stored["bicubic_4x"].values
    error = np.linalg.norm(image - reference)
    by_hand = 20 * np.log10(np.sqrt(reference.size) * np.abs(reference).max() / error)
    assert result["table"][1]["psnr"] == pytest.approx(by_hand)
    assert stored["phantom"].shape == reference.shape and stored["phantom"].max() == 1
    assert (tmp_path / "fig7_quick.png").read_bytes().startswith(b"\x89PNG")
    before = times(tmp_path / "cache" / "rows")
    again = STUDIES["fig7"](tmp_path, **options)
    assert again["table"] == result["table"] and times(tmp_path / "cache" / "rows") == before  # nothing is recomputed
    xr.testing.assert_equal(xr.open_dataset(tmp_path / "fig7_quick.nc").load(), stored)
