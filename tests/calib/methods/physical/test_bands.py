"""The method physical on rows of bands: lines of a steady drive, of one that rises, and what no scanner describes."""

import warnings

import numpy as np
import pytest

import calib
import mpisim
from calib.methods.physical.fit_file import rest_of_fit
from calib.methods.physical.lines import Lines
from mpisim.errors import InputError

ANGLES = tuple(np.pi * np.arange(8) / 8)
LINES = {"width": 250.0, "time": 10e-3}  # three for each harmonic


def error(found, true):
    return np.linalg.norm(found - true) / np.linalg.norm(true)


def simulated(**changes):
    """An exact matrix of an ideal scanner with errors of its angles, and lines about the harmonics 2 to 4."""
    ideal = mpisim.open_sided_ffl(0.8, fov=0.02, angles=ANGLES, harmonics=(2, 3, 4))
    errors = mpisim.AngleErrors(offset=tuple(2e-4 * np.sin(3 * np.arange(8))))
    scanner = mpisim.ImperfectFFL.of(ideal, line=errors, bands=mpisim.Bands(**LINES, **changes))
    return mpisim.simulate(scanner, mpisim.LogNormal(24e-9, 0.1), mpisim.Grid((10, 10), (0.02, 0.02)))


def values(data):
    return data["system_matrix"].values


def with_values(data, changed):
    return data.assign(system_matrix=data["system_matrix"].copy(data=changed))


def recovered(coarse, **options):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = calib.recover(coarse, "physical", **options)
    return found, [str(w.message) for w in said]


@pytest.fixture(scope="module")
def rising():
    return simulated(rise_time=1e-3, nodes=32)


@pytest.fixture(scope="module")
def coarse(rising):
    return calib.downsample(rising, 2, snr=40.0, seed=1)


@pytest.fixture(scope="module")
def found(coarse):
    return recovered(coarse)[0]


@pytest.fixture(scope="module")
def beside(coarse):
    return Lines.of(coarse).others


def test_lines_and_harmonics_are_told_apart(coarse):
    lines = Lines.of(coarse)
    assert [n for n, _ in lines.of_harmonics] == [2, 3, 4]
    assert lines.beside == tuple((n, c) for n in (2, 3, 4) for c in (-1.0, 1.0))
    assert Lines.of(lines.harmonics_of(coarse)) is None
    assert Lines.of(coarse.isel(frequency=lines.harmonics)) is None


def test_rising_drive_is_found_and_its_lines_recovered(rising, coarse, found, beside):
    told = found.attrs["recovery"]["bands"]
    assert told["rise"] == pytest.approx(0.1, rel=0.05)  # of a frame of 10 ms
    assert told["drift"] == told["turn"] == 0
    assert all(line["described"] for line in told["lines"])
    other = calib.recover(coarse, "bicubic-dc")
    assert error(values(found)[:, beside], values(rising)[:, beside]) < 0.01
    assert error(values(found)[:, beside], values(rising)[:, beside]) < 0.1 * error(
        values(other)[:, beside], values(rising)[:, beside]
    )


def test_harmonics_gain_from_what_the_lines_tell(rising, coarse, found):
    """A fit of the harmonics alone takes means over amplitudes for rows of one amplitude."""
    lines = Lines.of(coarse)
    alone = recovered(lines.harmonics_of(coarse))[0]
    true = values(rising)[:, lines.harmonics]
    assert error(values(found)[:, lines.harmonics], true) < 0.9 * error(values(alone), true)


def test_deviations_are_those_of_the_errors(rising, found, beside):
    apart = (values(found) - values(rising))[:, beside]
    ratio = np.sqrt(2 * np.mean(found["system_matrix_std"].values[:, beside] ** 2) / np.mean(np.abs(apart) ** 2))
    assert 0.5 < ratio < 3


def test_fitted_scanner_is_that_of_the_harmonics(found, tmp_path):
    calib.write_fitted_scanner(found, tmp_path / "fit.toml")
    assert mpisim.read_scanner(tmp_path / "fit.toml").scanner.harmonics == (2, 3, 4)
    assert 0.001 < rest_of_fit(found) < 0.1


def test_auto_takes_the_scanner(coarse, found):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        chosen = calib.recover(coarse)
    assert chosen.attrs["recovery"]["method"] == "physical"
    np.testing.assert_array_equal(values(chosen), values(found))


def test_unit_and_order_of_lines_do_not_matter(coarse, found):
    order = np.random.default_rng(0).permutation(coarse.sizes["frequency"])
    other = with_values(coarse, 1e3 * values(coarse)).isel(frequency=order)
    other = other.assign(noise_std=1e3 * coarse["noise_std"])
    again = recovered(other)[0]
    assert error(values(again), 1e3 * values(found)[:, order]) < 1e-4


def test_lines_of_a_steady_drive_hold_nothing():
    fine = simulated()
    coarse = calib.downsample(fine, 2, snr=40.0, seed=1)
    lines, (found, _) = Lines.of(coarse), recovered(coarse)
    noise = float(coarse["noise_std"].max())
    assert np.sqrt(np.mean(np.abs(values(found)[:, lines.others]) ** 2)) < 0.05 * noise
    assert not any(found.attrs["recovery"]["bands"][name] for name in ("rise", "drift", "turn"))
    alone = recovered(lines.harmonics_of(coarse))[0]
    np.testing.assert_array_equal(values(found)[:, lines.harmonics], values(alone))


def test_turning_line_is_found():
    fine = simulated(rotation=5.0, nodes=8)
    coarse = calib.downsample(fine, 2, snr=40.0, seed=1)
    found, beside = recovered(coarse)[0], Lines.of(coarse).others
    assert found.attrs["recovery"]["bands"]["turn"] > 0
    assert error(values(found)[:, beside], values(fine)[:, beside]) < 0.05


def test_line_that_is_something_else_is_recovered_otherwise(rising, coarse, found, beside):
    """A line that holds another one, turned in the plane, is no row of this scanner."""
    changed, line = values(coarse).copy(), int(beside[-1])
    changed[:, line] = np.roll(values(coarse)[:, beside[0], ::-1], 3, axis=0)
    again, said = recovered(with_values(coarse, changed))
    told = again.attrs["recovery"]
    assert [not x["described"] for x in told["bands"]["lines"]] == [False] * 5 + [True]
    assert any("lines beside harmonics are not what the fitted scanner makes of them" in s for s in said)
    assert told["rows_refitted"]["profile"] == len(ANGLES)
    others = np.delete(np.arange(coarse.sizes["frequency"]), line)
    assert error(values(again)[:, others], values(rising)[:, others]) < 0.01


def test_single_row_of_a_line_that_is_wrong_is_recovered_otherwise(coarse, beside):
    changed = values(coarse).copy()
    changed[3, beside[1]] *= -1
    again, said = recovered(with_values(coarse, changed))
    assert any("1 of 48 rows of lines beside harmonics" in s for s in said)
    assert again.attrs["recovery"]["rows_refitted"] == {"factor": 1}


def test_what_is_refused(coarse, beside):
    with pytest.raises(InputError, match="angles must be left out for rows of bands"):
        calib.recover(coarse, "physical", angles=12)
    with pytest.raises(InputError, match="harmonics of coarse must be whole numbers"):
        calib.recover(coarse.isel(frequency=beside), "physical")


def test_page_of_diagnostics_shows_every_line(coarse, found):
    """Lines 100 Hz apart would be thin strips on an axis of frequencies; they are numbered."""
    from calib.diagnostics.agreement import agreement
    from calib.diagnostics.figures import draw_agreement

    image = draw_agreement(agreement(found, coarse)).axes[0]
    assert image.get_ylabel() == "number of the line"
    assert image.get_ylim() == (-0.5, coarse.sizes["frequency"] - 0.5)
