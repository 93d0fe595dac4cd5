"""The data contract: what keeps it, what breaks it, and how rows and noise are numbered."""

import numpy as np
import pytest
import xarray as xr

from mpisim import Grid, InputError, Particle, open_sided_ffl, simulate
from mpisim.data.schema import build, expect, validate
from tests.mpisim.data.matrices import SAMPLING, sample_matrix


def broken(**changes):
    """A valid matrix with attributes replaced; None takes one out."""
    data = sample_matrix()
    data.attrs = {k: v for k, v in {**data.attrs, **changes}.items() if v is not None}
    return data


def with_value(value):
    data = sample_matrix()
    data.system_matrix.values[1, 2, 3, 4] = value
    return data


def with_noise(values):
    data = sample_matrix()
    data["noise_std"] = ("frequency", np.array(values, dtype=float))
    return data


def measurement(dims=("angle", "frequency"), shape=(2, 3), dtype=complex):
    return build("measurement", np.ones(shape, dtype), dims, {}, origin="measured")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(sample_matrix(), id="fine"),
        pytest.param(sample_matrix("coarse", sampling=SAMPLING, noise_std=0.1), id="coarse"),
        pytest.param(
            sample_matrix(shape=(2, 1, 3, 2, 2, 2), dims=("angle", "receive", "frequency", "z", "y", "x")),
            id="all dimensions",
        ),
        pytest.param(sample_matrix(shape=(4, 5), dims=("y", "x")), id="one row"),
        pytest.param(sample_matrix(shape=(3, 1, 1), dims=("frequency", "y", "x")), id="one voxel"),
        pytest.param(measurement(), id="measurement"),
        pytest.param(build("image", np.ones((2, 2)), ("y", "x"), {"x": [0, 1], "y": [0, 1]}, units="1"), id="image"),
        pytest.param(simulate(open_sided_ffl(0.5, angles=2), Particle(25e-9), Grid((3, 2))), id="simulated"),
    ],
)
def test_what_keeps_the_schema_is_returned_as_it_is(data):
    assert validate(data) is data


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(np.ones(3), "an xarray.Dataset; instead received ndarray", id="array"),
        pytest.param(xr.Dataset(), "of kind system_matrix, measurement, image", id="empty"),
        pytest.param(broken(kind="spectrum"), "'spectrum'", id="unknown kind"),
        pytest.param(broken(kind="image"), "the variable image", id="another kind"),
        pytest.param(broken(format_version=99), "of format_version 1; instead received 99", id="version"),
        pytest.param(broken(format_version=None), "of format_version 1; instead received None", id="no version"),
        pytest.param(with_value(np.nan), "finite everywhere; instead received 1 value", id="NaN"),
        pytest.param(with_value(np.inf * 1j), "finite everywhere", id="infinite"),
        pytest.param(sample_matrix().transpose("frequency", "angle", "y", "x"), "in this order", id="swapped rows"),
        pytest.param(sample_matrix().transpose("angle", "frequency", "x", "y"), "in this order", id="swapped voxels"),
        pytest.param(sample_matrix().rename(angle="turn"), "in this order", id="unknown dimension"),
        pytest.param(sample_matrix().isel(x=0), "over y and x", id="no x"),
        pytest.param(sample_matrix().isel(angle=slice(0, 0)), "non-empty", id="no rows"),
        pytest.param(sample_matrix().isel(x=slice(None, None, -1)), "coordinate x .* ascending", id="descending x"),
        pytest.param(sample_matrix().isel(y=[0, 1, 3]), "coordinate y .* equidistant", id="a gap in y"),
        pytest.param(sample_matrix().drop_vars("x"), "the coordinate x", id="x without centres"),
        pytest.param(sample_matrix().map(np.real, keep_attrs=True), "complex", id="real matrix"),
        pytest.param(broken(stage=None), "stage .* one of fine, coarse; instead received None", id="no stage"),
        pytest.param(broken(stage="raw"), "stage", id="another stage"),
        pytest.param(broken(origin=None), "origin", id="no origin"),
        pytest.param(broken(stage="coarse"), "sampling .* scheme and factor", id="coarse without sampling"),
        pytest.param(broken(stage="coarse", sampling={"scheme": "box"}), "sampling", id="coarse without factor"),
        pytest.param(broken(stage="coarse", sampling="box4"), "sampling", id="sampling as a word"),
        pytest.param(with_noise([0.1, -0.1, 0.1]), "noise_std .* zero or more", id="negative noise"),
        pytest.param(with_noise([0.1, np.nan, 0.1]), "noise_std .* finite", id="NaN in the noise"),
    ],
)
def test_what_breaks_the_schema_gets_one_sentence(data, reason):
    with pytest.raises(InputError, match=rf"^Input .*{reason}.*\.$") as caught:
        validate(data)
    assert "\n" not in str(caught.value)


def test_building_validates():
    with pytest.raises(InputError, match="complex"):
        measurement(dtype=float)
    with pytest.raises(InputError, match="in this order"):
        measurement(dims=("frequency", "angle"))


def test_sentences_carry_the_name_of_the_input():
    with pytest.raises(InputError, match=r"stage of fine\.nc"):
        validate(broken(stage=None), "fine.nc")


def test_expect_tells_kinds_and_stages_apart():
    fine = sample_matrix()
    assert expect(fine, "system_matrix", "fine", "fine") is fine
    with pytest.raises(InputError, match="Input y must be a measurement; instead received a system_matrix"):
        expect(fine, "measurement", "y")
    with pytest.raises(InputError, match="Input b must be a coarse system matrix; instead received a fine one"):
        expect(fine, "system_matrix", "b", "coarse")


def test_attributes_are_what_a_file_gives_back():
    data = sample_matrix(seed=None, shifts=(1, 2), nested={"a": (True, None)})
    assert "seed" not in data.attrs
    assert data.attrs["shifts"] == [1, 2]
    assert data.attrs["nested"] == {"a": [True, None]}


def test_simulation_describes_itself():
    scanner, particle, grid = open_sided_ffl(0.5, angles=2), Particle(25e-9), Grid((3, 2), (0.03, 0.02))
    data = simulate(scanner, particle, grid)
    assert (data.attrs["kind"], data.attrs["stage"], data.attrs["origin"]) == ("system_matrix", "fine", "simulated")
    assert data.attrs["scanner"]["sf_gradient"] == 0.5
    assert data.attrs["grid"]["shape"] == [3, 2]
    assert data.harmonic.values.tolist() == list(range(2, 10))
    assert np.allclose(data.frequency, 23.2e3 * data.harmonic)
    assert np.array_equal(data.x, grid.axis(0)) and np.array_equal(data.y, grid.axis(1))
    assert data.system_matrix.attrs["units"] == "V" and data.x.attrs["units"] == "m"
    assert (float(data.sf_gradient), float(data.particle_diameter)) == (0.5, 25e-9)
