"""The validator: every breach with its field, what it must be and what it is."""

import json

import h5py
import numpy as np
import pytest

import mpisim
from mpisim.io.mdf.specification import FIELDS, FLAGS, GROUPS
from mpisim.io.mdf.validation import validate_mdf
from tests.commands import run
from tests.mpisim.io.mdf.files import UUID, K, calibrated, measured, metadata, random_complex, write, write_matrix


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.mdf"


def found(path):
    return {b.field: (b.must, b.received) for b in validate_mdf(path).breaches}


def test_the_table_is_that_of_the_specification():
    """Counts of version 2.1.0, and what is optional in it."""
    assert len(FIELDS) == 77 and len(FLAGS) == 8
    optional = {f.path for f in FIELDS.values() if f.needed == "no"}
    assert {p.rpartition("/")[2] for p in optional} == {
        *("time", "injectionTime", "boreSize", "gradient", "offsetField", "dataConversionFactor", "inductionFactor"),
        *("transferFunction", "deltaSampleSize", "fieldOfView", "fieldOfViewCenter", "offsetFields", "order"),
        *("positions", "size", "snr", "isOverscanRegion"),
    }
    assert {g.path for g in GROUPS if not g.needed} == {"/tracer", "/measurement", "/calibration", "/reconstruction"}


def test_valid_files(path):
    write_matrix(path, (4, 3, 2), {"/_room/_temperature": np.array([20.0])})
    report = validate_mdf(path)
    assert report.breaches == [] and report.custom == ["/_room/_temperature"] and report.unreadable == ""
    raw = np.zeros((5, 1, 2, 16), np.int16)
    write(path, metadata(5), measured(raw, [1, 0, 0, 0, 1]))
    assert found(path) == {}
    write(path, metadata(), {"/reconstruction/data": np.zeros((1, 24, 3))})  # several contrasts are valid, but not read
    report = validate_mdf(path)
    assert report.breaches == [] and "/reconstruction/size" in report.unreadable


BREACHES = {
    "missing": ("/study/name", None, ("a field of the type String", "missing")),
    "version": ("/version", "2.0.1", ("2.1.0", "'2.0.1'")),
    "uuid": ("/uuid", "1234", ("of the form UUID", "'1234'")),
    "time": ("/time", "yesterday", ("of the form yyyy-mm-ddThh:mm:ss.ms", "'yesterday'")),
    "waveform": ("/acquisition/drivefield/waveform", "sine", ("D x F = 2 x 1", "one value")),
    "word": (
        "/acquisition/drivefield/waveform",
        [["sine"], ["square"]],
        ("one of sine, triangle, custom", "'square'"),
    ),
    "text": ("/scanner/name", np.int64(3), ("of the type String", "of the type int64")),
    "float": ("/acquisition/receiver/bandwidth", np.float32(8e5), ("of the type Float64", "of the type float32")),
    "flag": ("/measurement/isFastFrameAxis", np.int64(1), ("of the type Int8", "of the type int64")),
    "truth": ("/measurement/isBackgroundCorrected", np.int8(3), ("0 or 1", "3")),
    "unsigned": ("/study/number", np.uint64(1), ("of the type Int64", "of the type uint64")),
    "big-endian": ("/tracer/concentration", np.array([0.1], ">f8"), ("little-endian", "big-endian")),
    "gradient": ("/acquisition/gradient", np.eye(3), ("J x Y x 3 x 3 = 1 x Y x 3 x 3", "3 x 3")),
    "phase": ("/acquisition/drivefield/phase", np.full((1, 2, 1), 4.0), ("from -pi to pi in rad", "4 to 4")),
    "negative": ("/acquisition/drivefield/baseFrequency", -2.5e6, ("positive", "-2.5e+06")),
    "cycle": ("/acquisition/drivefield/cycle", 1.0, ("lcm(divider) / baseFrequency = 0.0006528 s", "1 s")),
    "tracers": ("/tracer/volume", np.array([1.0, 2.0]), ("A = 1", "2")),
    "mask": ("/measurement/isBackgroundFrame", np.zeros(4, np.int8), ("N = 6", "4")),
    "frames": ("/acquisition/numFrames", np.int64(7), None),
    "selection": ("/measurement/isFrequencySelection", np.int8(1), None),
    "size": ("/calibration/size", np.array([3, 3, 1]), ("three counts whose product is O = 6", "3 x 3 x 1")),
    "snr": ("/calibration/snr", np.ones((1, 2, 4)), ("J x C x K = 1 x 2 x 9", "1 x 2 x 4")),
    "order": ("/calibration/order", "abc", ("made of x, y and z", "'abc'")),
    "transfer": (
        "/acquisition/receiver/transferFunction",
        np.ones((2, K), np.complex64),
        ("of the type Complex128", "of the type complex64"),
    ),
    "unknown": (
        "/calibration/isMeanderingGrid",
        np.int8(1),
        ("a name of the specification, or begin with _", "another name"),
    ),
}


@pytest.mark.parametrize("case", BREACHES)
def test_each_breach_is_named(path, case):
    field, value, expected = BREACHES[case]
    write_matrix(path, (3, 2, 1), {field: value})
    breaches = found(path)
    if case == "frames":
        assert breaches["/measurement/data"][0] == "J x C x K x N = 1 x 2 x 9 x 7"
        assert breaches["/measurement/isBackgroundFrame"] == ("N = 7", "6")
    elif case == "selection":
        must = "a field of the type Int64 where isFrequencySelection is 1"
        assert breaches == {"/measurement/frequencySelection": (must, "missing")}
    else:
        assert breaches == {field: expected}


def test_groups_links_and_types_of_data(path):
    write_matrix(path, (3, 2, 1))
    with h5py.File(path, "a") as file:
        del file["/scanner"], file["/study/name"], file["/acquisition/receiver"]
        file["/study/name"] = h5py.SoftLink("/uuid")
        file["/acquisition/receiver"] = "text"
        values = file["/measurement/data"][()]
        del file["/measurement/data"]
        file.create_dataset("/measurement/data", data=values.real.astype(np.float16), chunks=True)
    report = validate_mdf(path)
    breaches = {b.field: (b.must, b.received) for b in report.breaches}
    assert breaches["/scanner"] == ("a group of the file", "missing")
    assert breaches["/study/name"] == ("stored in this file", "a link")
    assert breaches["/measurement/data"] == ("of the type Number", "of the type float16")
    assert "MPIFiles opens contiguous data only" in report.notes[0]
    assert report.unreadable.startswith("Input /acquisition/receiver")


def test_a_group_that_contains_itself(path):
    stored = write_matrix(path, (3, 2, 1))
    with h5py.File(path, "a") as file:
        for name in ("_a", "_b"):
            file[f"/study/{name}"] = file["/study"]
    assert found(path)["/study/_a"] == ("a group that does not contain itself", "one that does")
    assert mpisim.read(path)["system_matrix"].size == stored.size


def test_what_mpifiles_writes_is_read_and_not_valid(path):
    """Version 2.0.1 with the fields of 2.1, a scalar waveform, a bit field, a mask of B + E frames, unknown names."""
    rng = np.random.default_rng(1)
    kept, background = 4, 2
    data = random_complex(rng, 1, 2, K, kept + background)
    fields = measured(data, None, isFastFrameAxis=1, isFourierTransformed=1)
    fields |= {
        "/measurement/isBackgroundFrame": np.array([0] * kept + [1] * background, np.int8),
        "/measurement/isSparsityTransformed": None,
        "/measurement/sparsityTransformation": "DCT-IV",
        "/measurement/subsamplingIndices": np.tile(np.arange(1, kept + 1, dtype=np.int32), (1, 2, K, 1)),
    }
    more = {"/version": "2.0.1", "/acquisition/drivefield/waveform": "sine", "/custom/auxiliaryData": np.zeros(3)}
    more |= {"/tracer/name": "Perimag", "/calibration/isMeanderingGrid": np.int8(0)}
    write(path, metadata(kept + background), fields, calibrated((3, 2, 1)), more)
    with h5py.File(path, "a") as file:
        space = h5py.h5s.create(h5py.h5s.SCALAR)
        flag = h5py.h5d.create(file["/measurement"].id, b"isSparsityTransformed", h5py.h5t.NATIVE_B8, space)
        flag.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array(1, np.uint8), mtype=h5py.h5t.NATIVE_B8)
    report = validate_mdf(path)
    assert {b.field for b in report.breaches} >= {
        *("/version", "/acquisition/drivefield/waveform", "/measurement/isSparsityTransformed", "/tracer/name"),
        *("/custom", "/custom/auxiliaryData", "/calibration/isMeanderingGrid"),
    }
    assert report.unreadable == "" and mpisim.read(path)["system_matrix"].sizes["x"] == 3
    assert dict((b.field, b.received) for b in report.breaches)["/measurement/isSparsityTransformed"] == (
        "of the type bit field"
    )


def test_the_command_says_by_its_exit_code(path, capsys, tmp_path):
    write_matrix(path, (3, 2, 1))
    code, out, err = run(capsys, "validate", path)
    assert code == 0 and "valid MDF 2.1.0" in out and err == ""
    write_matrix(path, (3, 2, 1), {"/uuid": "1", "/measurement/isBackgroundFrame": np.zeros(5, np.int8)})
    code, out, err = run(capsys, "validate", path)
    assert code == 1 and "2 breaches of MDF 2.1.0" in out and "/uuid must be of the form UUID; it is '1'." in out
    assert "not read: Input /measurement/isBackgroundFrame" in out
    code, out, _ = run(capsys, "validate", path, "--json")
    figures = json.loads(out)
    assert code == 1 and not figures["valid"] and not figures["readable"] and "exit_code" not in figures
    assert figures["breaches"][0] == {"field": "/uuid", "must": "of the form UUID", "is": "'1'"}
    (tmp_path / "b.mdf").write_bytes(b"nothing")
    code, out, err = run(capsys, "validate", tmp_path / "b.mdf")
    assert code == 2 and out == "" and err.count("\n") == 1
    assert run(capsys, "validate", tmp_path / "none.mdf")[0] == 2


def test_info_reads_the_metadata_alone(path, capsys):
    write_matrix(path, (3, 2, 1), {"/_note": "a"})
    with h5py.File(path, "a") as file:
        file["/measurement/data"][...] = np.nan  # which a reader of the values would refuse
    code, out, _ = run(capsys, "info", path, "--json")
    figures = json.loads(out)
    assert code == 0 and figures["kind"] == "system_matrix" and figures["topology"] == "FFP"
    assert figures["drive"]["frequency"] == pytest.approx([2.5e6 / 102, 2.5e6 / 96])
    assert figures["positions"]["size"] == [3, 2, 1] and figures["custom"] == ["/_note"]
    assert figures["tracer"]["name"] == ["Perimag"] and figures["receiver"]["frequencies"] == K
    assert run(capsys, "info", path)[0] == 0


def test_convert_both_ways(path, capsys, tmp_path, monkeypatch):
    stored = write_matrix(path, (3, 2, 2))
    code, _, err = run(capsys, "convert", path, tmp_path / "a.nc")
    assert code == 0 and err == ""
    code, _, err = run(capsys, "convert", tmp_path / "a.nc", tmp_path / "b.mdf")
    assert code == 0 and validate_mdf(tmp_path / "b.mdf").breaches == []
    np.testing.assert_allclose(
        h5py.File(tmp_path / "b.mdf")["/measurement/data"][0], stored.reshape(2, K, 12), rtol=1e-6
    )
    monkeypatch.setattr("mpisim.io.mdf.reading.is_too_large", lambda path: True)
    monkeypatch.setattr("mpisim.io.mdf.reading._WORKING", 8 * 16 * 2 * 12 * 2)  # two frequencies at once
    code, _, err = run(capsys, "convert", path, tmp_path / "c.nc")
    assert code == 0 and err == ""
    assert mpisim.read(tmp_path / "c.nc").identical(mpisim.read(tmp_path / "a.nc"))
    assert mpisim.read(path).attrs["mdf"]["/uuid"] == UUID
