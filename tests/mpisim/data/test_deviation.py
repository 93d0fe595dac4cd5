"""Deviations of real and imaginary parts: what states them, and what factors, units, files and blocks keep of them."""

import numpy as np
import pytest
import xarray as xr

import mpisim
from mpisim.data.coverage import coverage
from mpisim.data.deviation import along_and_across, deviations_of, part_deviations
from mpisim.data.downsampling import downsample
from mpisim.data.schema import CIRCULARITY, STD, build, validate
from mpisim.data.units import in_unit
from mpisim.errors import InputError
from mpisim.io import write_blocks
from mpisim.io.slabs import row_slabs
from mpisim.preprocess.rows import scaled
from tests.mpisim.data.matrices import DIMS, sample_matrix

RNG = np.random.default_rng(8)
SHAPE = (2, 3, 4, 5)
ALONG, ACROSS = RNG.uniform(0, 1, (2, *SHAPE))
PHASE = np.exp(2j * np.pi * RNG.uniform(size=(2, 3, 1, 1)))


def stated():
    data = sample_matrix()
    std, circularity = along_and_across(ALONG, ACROSS, 3 * PHASE)
    return validate(data.assign({STD: (DIMS, std, {"units": "V"}), CIRCULARITY: (DIMS, circularity, {"units": "1"})}))


def draws(along, across, phase, count, seed=0):
    """Errors with these variances along a phase and across it."""
    parts = np.random.default_rng(seed).standard_normal((2, count, *np.shape(along)))
    return (np.sqrt(along) * parts[0] + 1j * np.sqrt(across) * parts[1]) * phase


def test_parts_are_those_of_drawn_errors():
    std, circularity = along_and_across(ALONG, ACROSS, PHASE)
    error = draws(ALONG, ACROSS, PHASE, 20_000)
    real, imaginary = part_deviations(std, circularity)
    np.testing.assert_allclose(real, error.real.std(0), rtol=0.03)
    np.testing.assert_allclose(imaginary, error.imag.std(0), rtol=0.03)
    np.testing.assert_allclose(std**2 * circularity.imag, np.mean(error.real * error.imag, axis=0), atol=0.02)
    np.testing.assert_allclose(2 * std**2, real**2 + imaginary**2, rtol=1e-12)


def test_parts_along_the_axes_are_the_variances_themselves():
    for phase, order in ((1.0, (ALONG, ACROSS)), (1j, (ACROSS, ALONG)), (-2.0, (ALONG, ACROSS))):
        found = part_deviations(*along_and_across(ALONG, ACROSS, np.array(phase)))
        np.testing.assert_allclose(np.square(found), order, atol=1e-12)


def test_without_a_circularity_both_parts_err_alike():
    real, imaginary = deviations_of(stated().drop_vars(CIRCULARITY))
    assert np.array_equal(real, imaginary) and np.array_equal(real, stated()[STD])
    with pytest.raises(InputError, match=f"^Input matrix must be one that states its {STD}; instead .*\\.$"):
        deviations_of(sample_matrix())


def test_errors_without_any_size_have_no_direction():
    std, circularity = along_and_across(np.zeros(3), np.zeros(3), np.array(1j))
    assert not std.any() and not circularity.any()


def test_coverage_counts_each_part_by_its_own_deviation():
    """With one deviation for both parts, which differ tenfold, the inner share is too large and the outer too small."""
    along, across = np.full((30_000,), 100.0), np.ones(30_000)
    error = draws(along, across, np.array(1.0), 1)[0]
    std, circularity = along_and_across(along, across, np.array(1.0))
    parts = coverage(error, 0 * error, std, circularity)
    assert parts.within_68 == pytest.approx(0.68, abs=0.008) and parts.within_95 == pytest.approx(0.95, abs=0.004)
    alike = coverage(error, 0 * error, std)
    assert alike.within_68 > 0.74 and alike.within_95 < 0.93
    assert alike.std_over_rmse == pytest.approx(parts.std_over_rmse)
    with pytest.raises(InputError, match=r"^Input circularity must be of the shape"):
        coverage(error, 0 * error, std, circularity[1:])


def test_a_factor_turns_and_scales_the_errors():
    """Errors of the multiplied matrix are the multiplied errors, drawn anew."""
    data, factor = stated(), np.array([2.0, 1j, 0.5 - 0.5j])
    error = draws(ALONG, ACROSS, PHASE, 20_000) * factor[:, None, None]
    for inverse in (False, True):
        by = xr.Variable("frequency", 1 / factor if inverse else factor)
        found = validate(scaled(data, by, units="T", divide=inverse))
        for part, wanted in zip(deviations_of(found), (error.real, error.imag), strict=True):
            np.testing.assert_allclose(part, wanted.std(0), rtol=0.03)
        assert found[CIRCULARITY].attrs["units"] == "1" and found[STD].attrs["units"] == "T"


def test_units_do_not_change_it():
    data = stated()
    found = in_unit(data, "uV", "data")
    assert np.array_equal(found[CIRCULARITY], data[CIRCULARITY])
    np.testing.assert_allclose(deviations_of(found), 1e6 * np.array(deviations_of(data)), rtol=1e-12)


def test_files_carry_it_complete_in_blocks_and_not_in_slabs(tmp_path):
    data = stated()
    mpisim.write(data, tmp_path / "m.nc")
    assert mpisim.read(tmp_path / "m.nc").identical(data)
    write_blocks([data.isel(angle=[i]) for i in range(2)], tmp_path / "blocks.nc")
    assert np.array_equal(mpisim.read(tmp_path / "blocks.nc")[CIRCULARITY], data[CIRCULARITY])
    assert all(CIRCULARITY not in part for _, _, part in row_slabs(tmp_path / "m.nc", 1e4))
    assert CIRCULARITY not in downsample(data.isel(x=slice(0, 4)), 2, snr=None)


def test_mdf_carries_it(tmp_path):
    scanner = mpisim.open_sided_ffl(0.7, angles=3, harmonics=(2, 3))
    data = mpisim.simulate(scanner, mpisim.Particle(25e-9), mpisim.Grid((4, 4)))
    variable, size = data["system_matrix"], np.abs(data["system_matrix"].values)
    std, circularity = along_and_across(size**2, 0.1 * size**2, variable.values)
    data = data.assign({STD: (variable.dims, std, {"units": "V"}), CIRCULARITY: (variable.dims, circularity)})
    mpisim.write(data, tmp_path / "m.mdf")
    found = mpisim.read(tmp_path / "m.mdf")
    np.testing.assert_allclose(deviations_of(found), deviations_of(data), rtol=1e-6)


@pytest.mark.parametrize(
    ("values", "dims", "reason"),
    [
        (np.full(SHAPE, 1.01 + 0j), DIMS, "of a magnitude of at most 1; instead received 1.01"),
        (np.full(SHAPE, np.nan + 0j), DIMS, "finite everywhere"),
        (np.zeros(SHAPE), DIMS, "complex numbers; instead received float64"),
        (np.zeros(SHAPE[1:], complex), DIMS[1:], "of the dimensions of system_matrix"),
    ],
)
def test_what_breaks_the_schema_gets_one_sentence(values, dims, reason):
    data = stated().drop_vars(CIRCULARITY)
    with pytest.raises(InputError, match=rf"^Input {CIRCULARITY} of m must be {reason}.*\.$"):
        validate(data.assign({CIRCULARITY: (dims, values)}), "m")


def test_only_a_matrix_has_it():
    image = build("image", np.ones((4, 5)), ("y", "x"), {d: sample_matrix()[d] for d in "yx"}, units="1")
    with pytest.raises(InputError, match=f"a system matrix where it has the variable {CIRCULARITY}"):
        validate(image.assign({CIRCULARITY: image["image"] + 0j}))
