"""The page on a recovered matrix: chi2 against its expectation, what it says, and the command that writes it."""

import json

import numpy as np
import pytest

import calib
import mpisim
from calib.diagnostics import write_diagnostics
from calib.diagnostics.agreement import agreement
from calib.diagnostics.findings import distrust, expected_error, verdict
from mpisim.cli.main import main
from mpisim.data.schema import STD
from mpisim.data.views import as_images
from mpisim.errors import InputError


@pytest.fixture(scope="module")
def fine():
    return mpisim.simulate(
        mpisim.open_sided_ffl(0.8, angles=6, harmonics=range(2, 6)), mpisim.Particle(24e-9), mpisim.Grid((24, 24))
    )


@pytest.fixture(scope="module")
def coarse(fine):
    return calib.downsample(fine, 4, snr=30, seed=3)


def as_recovered(fine, coarse, **recovery):
    """The true fine matrix as if a method had found it."""
    return fine.assign_attrs(origin="recovered", recovery={"method": "profile", **recovery})


def with_std(matrix, share):
    values = matrix["system_matrix"]
    std = np.full(values.shape, share * float(np.sqrt(np.mean(np.abs(values) ** 2))))
    return matrix.assign({STD: (values.dims, std, {"units": values.attrs["units"]})})


@pytest.mark.parametrize("scheme", ["box", "strided", "random"])
def test_the_truth_leaves_the_noise(fine, scheme):
    coarse = calib.downsample(fine, 4, scheme, snr=30, seed=3)
    agrees = agreement(as_recovered(fine, coarse), coarse)
    assert abs(agrees.mean - 1) < 4 * agrees.spread
    assert not len(agrees.outliers())


def test_the_truth_leaves_the_noise_at_the_edge_of_a_grid(fine):
    odd = fine.isel(x=slice(0, 22), y=slice(0, 23))
    coarse = calib.downsample(odd, 4, edge="fill", snr=30, seed=3)
    agrees = agreement(as_recovered(odd, coarse), coarse)
    assert abs(agrees.mean - 1) < 4 * agrees.spread


def test_a_wrong_row_is_named(fine, coarse):
    wrong = as_recovered(fine.copy(deep=True), coarse)
    as_images(wrong)[9] *= -1  # angle 2, harmonic 3
    agrees = agreement(wrong, coarse)
    assert list(agrees.outliers()) == [9]
    words = " ".join(distrust(wrong, coarse, agrees))
    assert "Rows that are explained less than the others: 1 (angle 60 degrees, harmonic 3)." in words
    assert "The angle 60 degrees is explained worst" in words and "The harmonic 3 is explained worst" in words
    assert "more than noise" in verdict(wrong, agrees)


def test_noise_that_the_recovery_estimated_is_used(fine, coarse):
    unknown = coarse.drop_vars("noise_std")
    level = {"noise_std": float(coarse["noise_std"]), "estimated": True, "bound": False, "by_row": False}
    recovered = as_recovered(fine, coarse, noise=level)
    assert agreement(recovered, unknown).mean == pytest.approx(agreement(recovered, coarse).mean)
    assert distrust(recovered, unknown, None) == ["The noise level was estimated from the data."]
    assert agreement(as_recovered(fine, coarse), unknown) is None
    assert "nothing says whether it is explained" in verdict(recovered, None)


def test_exact_values_have_no_chi2(fine):
    exact = calib.downsample(fine, 4, snr=None)
    assert agreement(as_recovered(fine, exact), exact) is None


def test_the_expected_error_is_that_of_the_deviation(fine, coarse):
    matrix = with_std(as_recovered(fine, coarse), 0.01)
    assert expected_error(matrix) == pytest.approx(np.sqrt(2) * 0.01)
    by_harmonic = expected_error(matrix, "frequency")
    assert by_harmonic.shape == (4,) and by_harmonic[3] > by_harmonic[0]
    assert expected_error(as_recovered(fine, coarse)) is None
    assert "expected error of 1.4 %" in verdict(matrix, agreement(matrix, coarse))
    assert "harmonics" in distrust(with_std(matrix, 0.2), coarse, None)[-1]


def test_histories_and_few_blocks_are_said(fine, coarse):
    words = distrust(as_recovered(fine, coarse, out_of_phase=0.2, few_blocks="few block means"), coarse, None)
    assert words[0].startswith("20 % of the signal is out of phase") and words[1] == "There are few block means."
    assert distrust(as_recovered(fine, coarse, out_of_phase=0.05), coarse, None) == []


def test_what_the_recovery_reports_is_said(fine, coarse):
    parameters = [
        {
            "name": "reach",
            "value": 1.2,
            "std": 0.01,
            "unit": "mm",
            "meaning": "A / G",
            "determined": 1.0,
            "group": "tracer",
        },
        {"name": "tilt", "value": 0.1, "std": 0.5, "unit": "1", "meaning": "tilt", "determined": 0.1, "group": "plane"},
    ]
    others = {"ridge": 2, "bicubic-dc": 1}
    reports = {"converged": False, "rows_refitted": others, "positions_left_out": [[1, 2]], "parameters": parameters}
    words = distrust(as_recovered(fine, coarse, **reports), coarse, None)
    assert [w.split()[0] for w in words] == ["The", "3", "These", "1"]
    assert "(1, 2)" in words[2]


def test_the_command_writes_a_page_that_needs_no_other_file(coarse, tmp_path, capsys):
    mpisim.write(coarse, tmp_path / "coarse.nc")
    page = tmp_path / "page.html"
    command = ["recover", tmp_path / "coarse.nc", "--method", "profile", "--out", tmp_path / "fine.nc", "--json"]
    assert main([*map(str, command), "--diagnostics", str(page)]) == 0
    assert json.loads(capsys.readouterr().out)["diagnostics"] == str(page)
    text = page.read_text()
    assert "recovered by profile" in text and text.count("data:image/png;base64,") == 2
    assert 'src="http' not in text and "The scanner" not in text


@pytest.mark.parametrize(
    "name", ["page.txt", "coarse.nc", "coarse.nc/page.html", "/proc/none/page.html", "x" * 300 + ".html"]
)
def test_a_page_that_cannot_be_is_refused_before_work_starts(coarse, tmp_path, capsys, name):
    mpisim.write(coarse, tmp_path / "coarse.nc")
    before = (tmp_path / "coarse.nc").read_bytes()
    command = ["recover", tmp_path / "coarse.nc", "--out", tmp_path / "fine.nc", "--diagnostics", tmp_path / name]
    assert main([*map(str, command)]) == 2
    assert "--diagnostics" in capsys.readouterr().err
    assert not (tmp_path / "fine.nc").exists() and (tmp_path / "coarse.nc").read_bytes() == before


def test_a_page_needs_a_recovered_matrix(fine, coarse, tmp_path):
    with pytest.raises(InputError, match="without its recovery"):
        write_diagnostics(tmp_path / "page.html", fine, coarse)


def test_parameters_of_a_fitted_scanner_are_listed(fine, coarse, tmp_path):
    parameter = {"name": "reach", "value": 1.25, "std": 0.01, "unit": "mm", "meaning": "A / G", "group": "tracer"}
    held = {**parameter, "name": "tilt", "group": "plane", "value": 0.0, "std": None, "determined": 0.0}
    errors = {"offset": {"value": [0.1] * 6, "std": [0.01] * 6, "unit": "R"}}
    tried = [{"method": "physical", "chi2": 1.8, "expected_nrmse": 0.012}, {"method": "x", "refused": "no <angles>"}]
    found = {"parameters": [{**parameter, "determined": 0.2}, held], "angle_errors": errors, "tried": tried}
    recovered = as_recovered(fine, coarse, length_unit=0.016, **found)
    write_diagnostics(tmp_path / "page.html", with_std(recovered, 0.01), coarse)
    text = (tmp_path / "page.html").read_text()
    assert "<td>1.25</td>" in text and 'class="prior"' in text and "20 %" in text
    assert "units of 16 mm" in text and "<td>held</td>" in text and "1 other parameters" in text
    assert "1.2 %" in text and "no &lt;angles&gt;" in text and text.count("data:image/png;base64,") == 3
