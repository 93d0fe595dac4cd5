"""What is written: valid by the specification, readable by others, and the same when it is read again."""

from dataclasses import asdict
from unittest.mock import patch

import h5py
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import mpisim
from mpisim import Grid, InputError
from mpisim.data.schema import build
from mpisim.io.mdf.description import description
from mpisim.io.mdf.metadata import decoded
from mpisim.io.mdf.reading import matrix_slabs
from mpisim.io.mdf.validation import validate_mdf
from mpisim.scanner.sequences import PeriodicSequence, Tone
from tests.mpisim.io.mdf.files import K, V, calibrated, measured, metadata, random_complex, write, write_matrix

SCANNER = mpisim.open_sided_ffl(0.8, angles=3, harmonics=(2, 3, 5))
GRID = Grid((5, 4), (0.03, 0.02), (0.001, -0.002, 0.003))
SEQUENCE = {
    "/acquisition/drivefield/baseFrequency": 1e5,
    "/acquisition/drivefield/cycle": 1e-5,
    "/acquisition/drivefield/divider": [1],
    "/acquisition/drivefield/phase": [0.0],
    "/acquisition/drivefield/strength": [0.01],
    "/acquisition/drivefield/waveform": "sine",
    "/acquisition/receiver/bandwidth": 8e5,
    "/acquisition/receiver/numSamplingPoints": 16,
}


@pytest.fixture(scope="module")
def simulated():
    return mpisim.simulate(SCANNER, mpisim.Particle(25e-9), GRID)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.mdf"


def assert_same(found, data, rtol=2e-7):
    kind = data.attrs["kind"]
    np.testing.assert_allclose(found[kind].values, data[kind].values, rtol=rtol, atol=0)
    assert found[kind].dtype == data[kind].dtype
    others = [n for n in data.variables if n != kind]
    assert set(found.variables) == set(data.variables)
    for name in others:
        xr.testing.assert_identical(found[name].drop_vars(found[name].coords), data[name].drop_vars(data[name].coords))


def test_a_simulated_matrix_comes_back(path, simulated):
    mpisim.write(simulated, path)
    report = validate_mdf(path)
    assert report.breaches == [] and report.unreadable == "" and report.notes == []
    found = mpisim.read(path)
    assert_same(found, simulated)
    assert found.attrs == simulated.attrs


def test_by_slabs_nothing_is_lost(path, simulated, monkeypatch):
    """Noise by row, standard deviations and coordinates come with their part of the frequencies."""
    noise = xr.full_like(simulated["system_matrix"].isel(x=0, y=0, drop=True).real, 0.1).astype(float)
    std = 0.1 * np.abs(simulated["system_matrix"]).astype(float)
    data = simulated.assign(noise_std=noise.drop_vars(noise.coords), system_matrix_std=std)
    mpisim.write(data, path)
    monkeypatch.setattr("mpisim.io.mdf.reading._WORKING", 8 * 16 * 3 * 20 * 2)
    slabs = list(matrix_slabs(path))
    assert [slab.sizes["frequency"] for slab in slabs] == [2, 1]
    joined = xr.concat(slabs, "frequency", data_vars="minimal", coords="minimal", compat="override", join="override")
    assert_same(joined.transpose(*data["system_matrix"].dims), mpisim.read(path), rtol=0)
    assert_same(mpisim.read(path), data)


def test_what_the_file_says_of_a_simulated_scanner(path, simulated):
    mpisim.write(simulated, path)
    with h5py.File(path) as file:
        assert file["/measurement/data"].shape == (3, 1, 3, 20) and file["/measurement/data"].chunks is None
        np.testing.assert_array_equal(file["/measurement/frequencySelection"], [3, 4, 6])
        np.testing.assert_allclose(
            file["/measurement/data"][1, 0, 2], simulated["system_matrix"].values[1, 2].ravel() * 216, rtol=1e-6
        )
        assert file["/scanner/topology"][()] == b"FFL" and file["/calibration/method"][()] == b"simulation"
        assert file["/acquisition/drivefield/strength"][0, 0, 0] == pytest.approx(SCANNER.drive_amplitude)
        angle = SCANNER.angles[1]
        expected = 0.8 * np.array([[0, 0, np.cos(angle)], [0, 0, np.sin(angle)], [np.cos(angle), np.sin(angle), 0]])
        np.testing.assert_allclose(file["/acquisition/gradient"][1, 0], expected, atol=1e-9)
        np.testing.assert_allclose(file["/calibration/fieldOfViewCenter"], GRID.center)
        np.testing.assert_allclose(file["/calibration/fieldOfView"], [0.03, 0.02, 1e-3])
        assert file["/acquisition/receiver/bandwidth"][()] == pytest.approx(216 * 23.2e3 / 2)
    with h5py.File(path, "a") as file:  # another program knows nothing of our own fields
        del file["/_mpisim"], file["/acquisition/_angles"]
    found = mpisim.read(path)
    np.testing.assert_allclose(found["angle"], SCANNER.angles, atol=1e-9)
    np.testing.assert_allclose(found["x"], simulated["x"], atol=1e-15)
    np.testing.assert_allclose(found["frequency"], simulated["frequency"])
    assert found.attrs["origin"] == "measured" and "noise_std" not in found


def test_a_lissajous_drive_is_written_by_dividers(path):
    """2.5 MHz over 102 and 96: multiples 16 and 17 of the clock over their least common multiple."""

    class Crossed:
        sequence = PeriodicSequence(
            2.5e6 / 1632,
            (Tone(16), Tone(17, 0.5)),
            harmonics=(33,),
            samples_per_period=1632,
        )

        def selection_field(self, points, angle):
            return points * np.array([-1.0, -1.0, 2.0])

        def drive_fields(self, points, angle):
            return np.broadcast_to(np.array([[[0.012, 0, 0]], [[0, -0.012, 0]]]), (2, *points.shape))

    with patch("mpisim.io.mdf.description.scanner_from_mapping", lambda values: Crossed()):
        found = description({"scanner": {}}, "system_matrix")
    assert found["/acquisition/drivefield/baseFrequency"] == pytest.approx(2.5e6 / 6)
    np.testing.assert_array_equal(found["/acquisition/drivefield/divider"], [[17, 16], [17, 16]])
    np.testing.assert_allclose(found["/acquisition/drivefield/strength"][0], [[0.012, 0], [0, 0.012]])
    assert found["/acquisition/drivefield/phase"][0, 1, 1] == pytest.approx(0.5 - np.pi)
    assert found["/scanner/topology"] == "FFP"
    np.testing.assert_allclose(found["/acquisition/gradient"][0, 0], np.diag([-1.0, -1, 2]), atol=1e-9)
    assert found["/acquisition/drivefield/cycle"] == pytest.approx(1632 / 2.5e6)


def test_measurements_and_images_come_back(path, simulated):
    rng = np.random.default_rng(3)
    values = random_complex(rng, 4, 3, 3)
    rows = {"angle": simulated["angle"], "frequency": simulated["frequency"]}
    attributes = {k: simulated.attrs[k] for k in ("scanner", "particle", "sample", "grid")}
    y = build("measurement", values, ("frame", "angle", "frequency"), rows, noise_std=0.2, **attributes)
    mpisim.write(y, path)
    assert validate_mdf(path).breaches == []
    found = mpisim.read(path)
    assert_same(found, y)
    assert found.attrs == y.attrs
    pictures = rng.uniform(size=(2, 4, 5)).astype(np.float32)
    image = build("image", pictures, ("frame", "y", "x"), GRID.coords(), units="1", measurement=dict(y.attrs))
    mpisim.write(image, path)
    assert validate_mdf(path).breaches == []
    found = mpisim.read(path)
    assert found.equals(image) and found.attrs == image.attrs
    with h5py.File(path) as file:
        assert file["/reconstruction/data"].shape == (2, 20, 1) and "/calibration" not in file


def test_an_image_is_a_concentration_where_the_tracer_is_known(path, tmp_path):
    write_matrix(tmp_path / "sm.mdf", (5, 4, 1))
    matrix = mpisim.read(tmp_path / "sm.mdf")
    values = np.linspace(0, 2, 20).reshape(4, 5)
    image = build("image", values, ("y", "x"), GRID.coords(), units="1", matrix=dict(matrix.attrs))
    mpisim.write(image, path)
    with h5py.File(path) as file:
        np.testing.assert_allclose(file["/reconstruction/data"][0, :, 0], values.ravel() * 0.1)
    assert mpisim.read(path)["image"].attrs["units"] == "mol/L"
    assert validate_mdf(path).breaches == []


CUSTOM = {
    "/_room/_temperature": np.array([20.5, 21.0]),
    "/custom/auxiliaryData": np.arange(200, dtype=np.float32).reshape(20, 10),
    "/calibration/isMeanderingGrid": np.int8(1),
    "/measurement/_monitoring/temperature/observed": np.arange(3, dtype=">i2"),
    "/acquisition/_note": "a text with ü",
    "/acquisition/receiver/inductionFactor": np.array([3.0, 5.0]),
    "/scanner/boreSize": np.array(0.12),
}


@pytest.mark.parametrize("way", ["straight", "by NetCDF"])
def test_unknown_and_custom_fields_survive_a_rewrite(path, tmp_path, way):
    stored = write_matrix(path, (3, 2, 2), CUSTOM)
    found, out = mpisim.read(path), tmp_path / "b.mdf"
    if way == "by NetCDF":
        mpisim.write(found, tmp_path / "b.nc")
        found = mpisim.read(tmp_path / "b.nc")
    mpisim.write(found, out)
    assert validate_mdf(out).breaches == []
    with h5py.File(out) as file:
        np.testing.assert_array_equal(file["/_room/_temperature"], [20.5, 21.0])
        assert file["/_custom/_auxiliaryData"].dtype == np.float32
        np.testing.assert_array_equal(file["/_custom/_auxiliaryData"], CUSTOM["/custom/auxiliaryData"])
        assert file["/calibration/_isMeanderingGrid"][()] == 1
        np.testing.assert_array_equal(file["/measurement/_monitoring/_temperature/_observed"], [0, 1, 2])
        assert file["/acquisition/_note"][()].decode() == "a text with ü"
        np.testing.assert_array_equal(file["/acquisition/receiver/inductionFactor"], [3.0, 5.0])
        assert file["/scanner/boreSize"][()] == 0.12 and file["/tracer/name"][0] == b"Perimag"
        np.testing.assert_allclose(file["/measurement/data"][0], stored.reshape(2, K, 12), rtol=1e-6)
    again = mpisim.read(out)
    assert again.equals(found)


def test_what_was_done_to_the_data_is_said(path, tmp_path):
    rng = np.random.default_rng(2)
    data = random_complex(rng, 1, 2, K, 6 + 5)
    transfer = random_complex(rng, 2, K, dtype=complex)
    flags = {"isFastFrameAxis": 1, "isFourierTransformed": 1, "isSpectralLeakageCorrected": 1}
    more = {
        "/acquisition/receiver/transferFunction": transfer,
        "/acquisition/receiver/dataConversionFactor": np.tile([2.0, 0.0], (2, 1)),
        "/calibration/snr": rng.uniform(1, 3, (1, 2, K)),
    }
    write(path, metadata(11), measured(data, [0] * 6 + [1] * 5, **flags), calibrated((3, 2, 1)), more)
    with pytest.warns(match="no whole numbers"):
        first = mpisim.read(path)
    mpisim.write(first, tmp_path / "b.mdf")
    with h5py.File(tmp_path / "b.mdf") as file:
        done = ("isBackgroundCorrected", "isTransferFunctionCorrected", "isSpectralLeakageCorrected")
        assert all(file[f"/measurement/{name}"][()] == 1 for name in done)
        assert "dataConversionFactor" not in file["/acquisition/receiver"]
        np.testing.assert_array_equal(file["/calibration/snr"], more["/calibration/snr"])
        np.testing.assert_array_equal(file["/acquisition/receiver/transferFunction"], transfer)
    again = mpisim.read(tmp_path / "b.mdf")
    assert_same(again, first)
    assert validate_mdf(tmp_path / "b.mdf").breaches == []


def test_data_whose_sequence_is_not_known_are_refused_until_it_is_stated(path):
    values = random_complex(np.random.default_rng(1), 3, 4, 5)
    coords = {**GRID.coords(), "frequency": np.array([2e5, 3e5, 5e5])}
    data = build("system_matrix", values, ("frequency", "y", "x"), coords, stage="fine", origin="measured")
    with pytest.raises(InputError, match="numSamplingPoints in its attribute mdf"):
        mpisim.write(data, path)
    assert not path.exists()
    data.attrs["mdf"] = SEQUENCE
    mpisim.write(data, path)
    assert validate_mdf(path).breaches == []
    with pytest.raises(InputError, match="/acquisition/drivefield/phase in its attribute mdf"):
        stated = {k: v for k, v in SEQUENCE.items() if "phase" not in k}
        mpisim.write(data.assign_attrs(mdf=stated), path)
    with pytest.raises(InputError, match="coordinate frequency must be different multiples of 100000 Hz"):
        mpisim.write(data.assign_coords(frequency=[2e5, 3.2e5, 5e5]), path)
    with pytest.raises(InputError, match="one with the coordinate frequency"):
        mpisim.write(data.drop_vars("frequency"), path)
    with pytest.raises(InputError, match="a mapping from paths"):
        mpisim.write(data.assign_attrs(mdf={"tracer": 1}), path)


def test_equal_data_have_equal_identifiers(path, tmp_path, simulated):
    mpisim.write(simulated, path)
    mpisim.write(simulated, tmp_path / "b.mdf")
    mpisim.write(simulated.assign(system_matrix=simulated["system_matrix"] * 2), tmp_path / "c.mdf")
    found = [h5py.File(p)["/uuid"][()] for p in (path, tmp_path / "b.mdf", tmp_path / "c.mdf")]
    assert found[0] == found[1] != found[2]


def test_a_bad_value_of_the_attribute_is_refused():
    for value in (
        {"dtype": "O", "shape": [1], "base64": ""},
        {"dtype": "<f8"},
        {"dtype": "<f8", "shape": [9], "base64": ""},
    ):
        with pytest.raises(InputError, match="a mapping of dtype, shape and base64"):
            decoded(value, "/a")


@settings(max_examples=8, deadline=None)
@given(
    st.integers(0, 2**16),
    st.sampled_from(["system_matrix", "measurement"]),
    st.integers(0, 3),
    st.sampled_from([0, 2, 3]),
    st.sets(st.integers(0, 8), min_size=1),
    st.lists(st.integers(1, 4), min_size=2, max_size=3),
    st.sampled_from([np.complex64, np.complex128]),
    st.booleans(),
)
def test_round_trips(tmp_path_factory, seed, kind, angles, receive, bins, shape, dtype, noisy):
    """Whatever is written comes back, and the file is valid."""
    rng = np.random.default_rng(seed)
    if len(shape) == 3 and shape[2] == 1:
        shape = shape[:2]
    grid = Grid(tuple(shape), (0.03, 0.02, 0.01)[: len(shape)], tuple(rng.normal(size=3) * 1e-3))
    lead = {"angle": angles, "receive": receive, "frequency": len(bins)}
    lead = {d: n for d, n in lead.items() if n}
    sizes = [*lead.values(), *(grid.array_shape if kind == "system_matrix" else [])]
    dims = [*lead, *(grid.dims if kind == "system_matrix" else [])]
    coords = {"frequency": 1e5 * np.array(sorted(bins)), "angle": np.linspace(0, 3, angles)}
    coords = {d: v for d, v in coords.items() if d in lead} | (grid.coords() if kind == "system_matrix" else {})
    attributes = {"stage": "fine", "origin": "measured", "grid": asdict(grid)} if kind == "system_matrix" else {}
    noise = rng.uniform(1, 2, list(lead.values())) if noisy else None
    values = random_complex(rng, *sizes, dtype=dtype)
    data = build(kind, values, tuple(dims), coords, noise_std=noise, mdf=SEQUENCE, **attributes)
    path = tmp_path_factory.mktemp("round") / "a.mdf"
    mpisim.write(data, path)
    assert validate_mdf(path).breaches == []
    found = mpisim.read(path)
    assert found[kind].dims == data[kind].dims
    assert_same(found, data, rtol=3e-7 if dtype == np.complex64 else 1e-15)
    if kind == "system_matrix":
        np.testing.assert_allclose(Grid.of(found).center, grid.center, atol=1e-15)
    assert {k: v for k, v in found.attrs.items() if k != "mdf"} == {k: v for k, v in data.attrs.items() if k != "mdf"}


def test_samples_is_the_factor_between_a_file_and_the_schema(path):
    assert write_matrix(path)[0, 0, 0, 0, 0] / V == pytest.approx(mpisim.read(path)["system_matrix"].values[0, 0, 0, 0])
