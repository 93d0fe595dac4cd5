"""Checks of a scanner that was fitted before: its fit as a prior, what changed, and angles that were not measured."""

from dataclasses import replace

import numpy as np
import pytest

import calib
import mpisim
from calib.diagnostics import write_diagnostics
from calib.diagnostics.scanner_maps import draw_maps
from mpisim.cli.main import main
from mpisim.errors import DataWarning, InputError

ANGLES = tuple(np.pi * np.arange(12) / 12)
GRID = mpisim.Grid((16, 16), (0.02, 0.02))
TRACER = mpisim.LogNormal(24e-9, 0.1)
RANDOM = 1e-4 * np.random.default_rng(1).standard_normal(12)


def scanner(slope=0.1, gain=1.0, shift=0.0):
    """A scanner whose coil falls off, with offsets of each angle."""
    ideal = mpisim.open_sided_ffl(0.8, fov=0.02, angles=ANGLES, harmonics=(2, 3, 4))
    part = mpisim.Polynomial(((1, 0, 0, slope), (0, 2, 0, -0.05)), radius=0.01)
    return mpisim.ImperfectFFL.of(
        ideal,
        coils=(mpisim.Coil((0.0, 0.0, 800.0 * gain), (part,)),),
        selection=(mpisim.SolidHarmonics(((4, 1, -0.05),), radius=0.01, turning=True),),
        line=mpisim.AngleErrors(offset=tuple(RANDOM + shift)),
    )


def matrix(**changes):
    return mpisim.simulate(scanner(**changes), TRACER, GRID)


@pytest.fixture(scope="module")
def fine():
    return matrix()


@pytest.fixture(scope="module")
def last(fine):
    return calib.recover(calib.downsample(fine, 2, snr=40, seed=1), "physical")


@pytest.fixture(scope="module")
def checked(last):
    """A drifted scanner, measured at 4 x 4 positions, with the last fit as the prior."""
    drifted = matrix(slope=0.13, gain=1.05, shift=2e-4)
    coarse = calib.downsample(drifted, 4, snr=40, seed=2)
    return drifted, coarse, calib.recover(coarse, prior_scanner=last)


def test_what_drifted_is_named_with_its_size(checked):
    told = checked[2].attrs["recovery"]["changes"]
    found = {c["name"]: c for c in told["parameters"] if abs(c["change"]) >= 3 * c["std"]}
    for name, size in (("coil_z_10", 0.03), ("gain", 5.0), ("offset", 0.2)):
        assert abs(found[name]["change"] - size) < 3 * found[name]["std"]
        assert found[name]["std"] < 0.3 * size
    assert set(found) == {"coil_z_10", "gain", "offset"}
    assert any("mm" in sentence and "Shift of the line" in sentence for sentence in told["changed"])


def test_prior_makes_the_check_better(checked, last):
    """Four positions are enough then."""
    drifted = checked[0]
    coarse = calib.downsample(drifted, 8, snr=40, seed=2)
    without, found = (calib.recover(coarse, "physical", prior_scanner=prior) for prior in (None, last))
    assert calib.nrmse(found, drifted) < 0.7 * calib.nrmse(without, drifted)


def test_the_same_scanner_has_not_changed(fine, last):
    again = calib.recover(calib.downsample(fine, 4, snr=40, seed=3), "physical", prior_scanner=last)
    told = again.attrs["recovery"]["changes"]
    assert told["changed"] == [] and told["compared"] > 60


def test_a_phase_of_all_angles_is_one_of_the_receive_chain(fine, last):
    """A minus sign of all rows is 180 degrees, not so many angles of the opposite sign."""
    coarse = calib.downsample(fine, 4, snr=40, seed=3)
    turned = coarse.assign(system_matrix=coarse["system_matrix"].copy(data=-coarse["system_matrix"].values))
    told = calib.recover(turned, "physical", prior_scanner=last).attrs["recovery"]
    (sentence,) = told["changes"]["changed"]
    assert sentence.startswith("Phase of the receive chain, all angles: ") and "180 +- " in sentence
    assert told["angles_reversed"] == []


def test_a_reversed_angle_does_not_make_another_scanner(fine, last):
    coarse = calib.downsample(fine, 4, snr=40, seed=3)
    signs = np.where(np.arange(12) == 7, -1, 1)[:, None, None, None]
    turned = coarse.assign(system_matrix=signs * coarse["system_matrix"])
    with pytest.warns(DataWarning, match="1 of 12 angles have rows of the opposite sign"):
        found = calib.recover(turned, "physical", prior_scanner=last)
    told = found.attrs["recovery"]
    assert told["angles_reversed"] == [7] and told["changes"]["changed"] == []
    right = signs * calib.recover(coarse, "physical", prior_scanner=last)["system_matrix"].values
    assert np.linalg.norm(found["system_matrix"].values - right) < 1e-4 * np.linalg.norm(right)


@pytest.mark.filterwarnings("ignore:The fit of the scanner has not converged")
def test_another_scanner_is_no_prior(last):
    other = mpisim.simulate(mpisim.open_sided_ffl(0.8, fov=0.03, angles=ANGLES, harmonics=(2, 3, 4)), TRACER, GRID)
    coarse = calib.downsample(other, 4, snr=40)
    with pytest.warns(DataWarning, match="another scanner, and was not used"):
        found = calib.recover(coarse, "physical", prior_scanner=last)
    assert "changes" not in found.attrs["recovery"]


def test_prior_of_another_field_of_view_is_refused(last):
    grid = mpisim.Grid((16, 16), (0.03, 0.03))
    coarse = calib.downsample(mpisim.simulate(scanner(), TRACER, grid), 4)
    with pytest.raises(InputError, match="same field of view, of 30 mm"):
        calib.recover(coarse, "physical", prior_scanner=last)


def test_angles_that_were_not_measured(fine):
    """Rows between measured angles err by about what their standard deviation says, measured ones far less."""
    some = fine.isel(angle=slice(0, None, 2))
    coarse = calib.downsample(some, 2, snr=40, seed=1)
    found = calib.recover(coarse, angles=12)
    assert found["angle"].values == pytest.approx(ANGLES)
    error = found["system_matrix"].values - fine["system_matrix"].values
    others = np.arange(12) % 2 == 1
    assert np.linalg.norm(error[~others]) < 0.005 * np.linalg.norm(fine["system_matrix"].values[~others])
    rms = np.sqrt(np.mean(np.abs(error[others]) ** 2))
    stated = np.sqrt(2 * np.mean(found["system_matrix_std"].values[others] ** 2))
    assert 0.4 < stated / rms < 2.5
    assert np.linalg.norm(error[others]) < 0.1 * np.linalg.norm(fine["system_matrix"].values[others])


def test_angles_need_a_method_that_has_them(fine):
    coarse = calib.downsample(fine, 2)
    with pytest.raises(InputError, match="angles must be left out for the method profile"):
        calib.recover(coarse, "profile", angles=12)
    with pytest.raises(InputError, match="degrees"):
        calib.recover(coarse, "physical", angles=[0.0, 45.0, 90.0])


def test_the_command_line_writes_and_takes_a_scanner(fine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mpisim.write(calib.downsample(fine.isel(angle=slice(0, None, 2)), 4, snr=40), "coarse.nc")
    first = ["recover", "coarse.nc", "--method", "physical", "--out", "fine.nc", "--scanner-out", "scanner.toml"]
    assert main(first) == 0
    second = ["recover", "coarse.nc", "--prior-scanner", "scanner.toml", "--angles", "12", "--out", "again.nc"]
    assert main(second) == 0
    assert mpisim.read("again.nc").sizes["angle"] == 12
    simulate = ["simulate", "--scanner", "scanner.toml", "--grid", "20", "--angle-step", "30", "--out", "sm.nc"]
    assert main(simulate) == 0
    assert dict(mpisim.read("sm.nc").sizes) == {"angle": 6, "frequency": 3, "y": 20, "x": 20}
    assert main([*first[:3], "transms", *first[4:]]) == 2
    setup = mpisim.read_scanner("scanner.toml")
    assert replace(setup.scanner, angles=ANGLES).errors_at(ANGLES[0])[0] == pytest.approx(RANDOM[0], abs=5e-5)


def test_maps_have_scales_that_compare(last):
    """Coil and drive field share one; the coil's slope is that of the scanner."""
    figure = draw_maps(last)
    images = [ax.images[0] for ax in figure.axes if ax.images]
    assert [i.get_clim() for i in images[:1]] == [i.get_clim() for i in images[1:2]]
    assert len(images) == 4 and images[3].get_clim()[0] == 0
    coil = images[0].get_array()
    assert coil[24, -1] - coil[24, 0] == pytest.approx(20, abs=1.0)
    assert "mm" in images[2].colorbar.ax.get_ylabel()
    assert draw_maps(last.assign_attrs(recovery={"method": "profile"})) is None


def test_page_of_rows_at_other_angles(last, tmp_path):
    """A page compares what was measured, and lists what changed."""
    told = {"compared": 78, "changed": ["Gain: +5 % (6 standard errors)."], "parameters": []}
    told["parameters"] = [{"sentence": s} for s in (*told["changed"], "Phase: +1 degree (2.5 standard errors).")]
    recovery = {"method": "physical", "angles_measured": list(ANGLES[::2]), "changes": told}
    coarse = calib.downsample(last.isel(angle=slice(0, None, 2)), 4, snr=40)
    write_diagnostics(tmp_path / "page.html", last.assign_attrs(recovery=recovery), coarse)
    text = (tmp_path / "page.html").read_text()
    assert "What changed since the earlier fit" in text and text.count("Gain: +5 %") == 1
    assert "about 3 of these" in text.replace("\n", " ") and "Phase: +1 degree" in text
