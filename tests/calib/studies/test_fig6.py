"""Fig. 6: recovered rows, and their cache."""

import numpy as np
import pytest
import xarray as xr

from calib.studies.catalogue import STUDIES
from tests.small import NET, SMALL, Report, short


def test_short_form(tmp_path, cache):
    result = short("fig6", tmp_path, cache, methods=("bicubic", "bicubic-dc", NET))
    assert result["matrix"] == "g1.0000_d24.000"
    rows = {row["method"]: row for row in result["table"]}
    assert rows["bicubic-dc"]["whole matrix"] < rows["bicubic"]["whole matrix"]
    stored = xr.open_dataset(tmp_path / "fig6_quick.nc")
    recovered, reference = stored["bicubic"].values, stored["reference"].values
    error = 100 * np.linalg.norm(recovered[0] - reference[0]) / np.linalg.norm(reference[0])
    assert error == pytest.approx(rows["bicubic"][str(stored["shown"].values[0])])
    assert (tmp_path / "fig6_quick.png").is_file()


def test_recovered_matrices_are_read_from_the_cache_unless_damaged(tmp_path):
    report = Report()
    options = {"quick": True, "protocol": SMALL, "methods": ("bicubic", "bicubic-dc"), "report": report}
    first = STUDIES["fig6"](tmp_path, **options)
    files = sorted((tmp_path / "cache" / "rows").glob("matrix_bicubic*_4x_*.nc"))
    assert len(files) == 2 and not report
    files[0].write_text("damaged")
    assert STUDIES["fig6"](tmp_path, **options)["table"] == first["table"]
    assert len(report) == 1 and "is damaged and is computed again" in report[0]
    times = [f.stat().st_mtime_ns for f in files]
    assert STUDIES["fig6"](tmp_path, **options)["table"] == first["table"]
    assert [f.stat().st_mtime_ns for f in files] == times
