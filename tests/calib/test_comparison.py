"""`calib.compare` and `mpisim compare`: every method that applies, and why others do not."""

import csv
import json

import numpy as np
import pytest

import calib
import mpisim
from calib.recovery import METHODS
from calib.studies.comparison import COMPARISON_FILES, comparison_rows, comparison_text, write_comparison
from mpisim.errors import warn
from tests.commands import run

NAMES = ("bicubic", "bicubic-dc", "cs", "rdsr", "profile")


@pytest.fixture(scope="module")
def matrices():
    scanner = mpisim.open_sided_ffl(0.9, angles=4, harmonics=(2, 3, 4))
    fine = mpisim.simulate(scanner, mpisim.Particle(24e-9), mpisim.Grid((16, 16)))
    return calib.downsample(fine, factor=2, snr=33.7, seed=0), fine


def test_methods_that_apply_come_first_by_error_and_others_have_a_reason(matrices):
    coarse, fine = matrices
    comparison = calib.compare(coarse, fine, NAMES)
    applied = [r.method for r in comparison.applied]
    assert set(applied) == {"bicubic", "bicubic-dc", "profile"} == set(comparison.matrices)
    errors = [r.errors.nrmse for r in comparison.applied]
    assert errors == sorted(errors) and all(r.seconds > 0 for r in comparison.applied)
    found = calib.recover(coarse, "bicubic")
    bicubic = next(r for r in comparison.results if r.method == "bicubic")
    assert bicubic.errors.nrmse == pytest.approx(calib.nrmse(found, fine)) and len(bicubic.errors.harmonics) == 3
    reasons = {r.method: r.reason for r in comparison.results if r.errors is None}
    assert reasons == {
        "cs": "it needs random sampling, this matrix has box sampling",
        "rdsr": "no weights are bundled for 2x",
    }
    text = comparison_text(comparison)
    assert text.splitlines()[1].startswith(applied[0]) and "does not apply: rdsr: no weights" in text


def test_what_a_method_needs_and_the_file_lacks_is_the_reason(matrices):
    coarse, fine = (m.isel(angle=0, drop=True) for m in matrices)
    comparison = calib.compare(coarse, fine, ("bicubic", "profile"))
    assert [r.method for r in comparison.applied] == ["bicubic"]
    assert "angle" in comparison.results[1].reason


def test_what_a_method_warns_of_is_in_its_result_and_said_once(matrices):
    def doubtful(coarse):
        warn("This matrix is doubtful.")
        return METHODS["bicubic"].apply(coarse)

    names = ("doubtful", "doubtful-too")
    for name in names:
        METHODS.register(name, calib.Method("as bicubic", doubtful))
    try:
        with pytest.warns(UserWarning, match="doubtful") as caught:
            comparison = calib.compare(*matrices, names)
    finally:
        for name in names:
            METHODS.unregister(name)
    assert len(caught) == 1 and comparison.results[1].notes == ("This matrix is doubtful.",)


def test_the_table_has_the_coverage_of_methods_that_state_a_deviation(matrices, tmp_path):
    coarse, fine = matrices

    def stated(coarse):
        rows = METHODS["bicubic"].apply(coarse).rows
        return calib.Recovered(rows, std=np.abs(rows))  # far too large: all errors are within

    assert "68" not in comparison_text(calib.compare(coarse, fine, ("bicubic",)))
    METHODS.register("stated", calib.Method("as bicubic", stated))
    try:
        comparison = calib.compare(coarse, fine, ("bicubic", "stated"))
    finally:
        METHODS.unregister("stated")
    rows = {row["method"]: row for row in comparison_rows(comparison)}
    assert rows["bicubic"]["coverage_95"] is None and 0.9 < rows["stated"]["coverage_68"] <= 1
    assert rows["stated"]["std_over_rmse"] > 3
    text = comparison_text(comparison)
    assert "in 68 / 95 %" in text.splitlines()[0] and f"{100 * rows['stated']['coverage_68']:.0f} / " in text
    files = write_comparison(comparison, fine, tmp_path)
    with open(files[0], encoding="utf-8") as lines:
        assert [r["coverage_68"] != "" for r in csv.DictReader(lines)] == [
            r["method"] == "stated" for r in rows.values()
        ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda fine: fine.isel(x=slice(0, 8)), "Input reference must be of the voxels"),
        (lambda fine: fine.assign_coords(x=fine["x"] + 2e-3), "Input reference must be at the voxel centres"),
        (lambda fine: fine.isel(angle=slice(0, 2)), "angle of reference"),
    ],
)
def test_another_reference_is_refused_before_work_starts(matrices, change, message):
    coarse, fine = matrices
    with pytest.raises(mpisim.InputError, match=message):
        calib.compare(coarse, change(fine), ("bicubic",))


def test_unknown_noise_is_estimated_once_for_all_methods():
    scanner = mpisim.open_sided_ffl(0.9, angles=24, harmonics=tuple(range(2, 10)))
    fine = mpisim.simulate(scanner, mpisim.Particle(24e-9), mpisim.Grid((16, 16)))
    coarse = calib.downsample(fine, factor=2, snr=33.7, seed=0)
    with pytest.warns(UserWarning, match="noise") as caught:
        comparison = calib.compare(coarse.drop_vars("noise_std"), fine, ("bicubic", "bicubic-dc", "profile"))
    assert len(caught) == 1 and comparison.noise.estimated and len(comparison.applied) == 3
    assert comparison.noise.noise_std == pytest.approx(float(coarse["noise_std"]), rel=0.2)


def test_unknown_noise_can_be_given(matrices):
    coarse, fine = matrices
    sigma = float(coarse["noise_std"])
    unknown = coarse.drop_vars("noise_std")
    given = calib.compare(unknown, fine, ("bicubic-dc",), noise_std=sigma)
    known = calib.compare(coarse, fine, ("bicubic-dc",))
    assert given.results[0].errors.nrmse == known.results[0].errors.nrmse and known.noise is None
    with pytest.raises(mpisim.InputError, match="noise level"):
        calib.compare(coarse, fine, ("bicubic",), snr=30, noiseless=True)


def test_no_method_at_all(matrices):
    with pytest.raises(mpisim.InputError, match=r"one of the methods applies; instead received none \(cs: it needs"):
        calib.compare(*matrices, ("cs",))


def test_the_command_writes_table_and_figures(tmp_path, capsys, matrices):
    for name, data in zip(("coarse", "sm"), matrices, strict=True):
        mpisim.write(data, tmp_path / f"{name}.nc")
    words = ["compare", tmp_path / "coarse.nc", "--reference", tmp_path / "sm.nc", "--methods", ",".join(NAMES)]
    code, out, err = run(capsys, *words, "--keep", "--out", tmp_path / "c", "--json")
    assert code == 0 and err == ""
    printed = json.loads(out)
    stored = json.loads((tmp_path / "c" / "compare.json").read_text())
    assert stored["methods"] == printed["methods"] and stored["coarse"] == str(tmp_path / "coarse.nc")
    with (tmp_path / "c" / "compare.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["method"] for row in rows] == [row["method"] for row in printed["methods"]]
    best = mpisim.read(tmp_path / "c" / f"fine_{rows[0]['method']}.nc")
    assert float(rows[0]["nrmse"]) == pytest.approx(calib.nrmse(best, matrices[1]), rel=1e-4)
    by_harmonic = [float(rows[0][f"nrmse_harmonic_{h}"]) for h in (2, 3, 4)]
    wanted = calib.evaluation.evaluate(best, matrices[1]).nrmse_by_harmonic
    assert np.allclose(by_harmonic, wanted, rtol=1e-4)
    for name in ("compare.png", "errors.png"):
        assert (tmp_path / "c" / name).read_bytes().startswith(b"\x89PNG")
    code, _, err = run(capsys, *words[:-1], "nonsense", "--out", tmp_path / "d")
    assert code == 2 and "Input --methods must be one of" in err


def test_the_figures_of_a_cropped_grid_show_its_part_of_the_reference(tmp_path, matrices):
    fine = matrices[1].isel(x=slice(0, 13))
    coarse = calib.downsample(fine, factor=2, snr=None, edge="crop")
    with pytest.warns(UserWarning, match="is compared on its first 12 x 16"):
        comparison = calib.compare(coarse, fine, ("bicubic",))
    assert all(file.endswith(COMPARISON_FILES) for file in write_comparison(comparison, fine, tmp_path))
