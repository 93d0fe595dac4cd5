"""What lies differently in MDF files that are in use, and files that are damaged or contradict themselves."""

import h5py
import numpy as np
import pytest

import mpisim
from tests.mpisim.io.mdf.files import (
    MATRIX,
    K,
    V,
    calibrated,
    measured,
    metadata,
    random_complex,
    refused,
    write,
    write_matrix,
)


@pytest.mark.parametrize("dtype", ["<c8", "<c16", ">c8", ">c16", "int16", "int32", "pairs"])
def test_types_of_complex_numbers(path, rng, dtype):
    values = np.round(random_complex(rng, 1, 2, K, 6, dtype=complex) * 100)
    data = values.astype(dtype) if dtype[-2:] in ("c8", "16") and dtype[0] in "<>" else values
    if dtype.startswith("int"):
        data = np.empty(values.shape, [("r", dtype), ("i", dtype)])
        data["r"], data["i"] = values.real, values.imag
    if dtype == "pairs":
        data = np.stack([values.real, values.imag], axis=-1)
    flags = measured(data, **MATRIX)
    flags["/measurement/isBackgroundFrame"] = np.zeros(6, np.int8)
    write(path, metadata(6), flags, calibrated((3, 2, 1)))
    found = mpisim.read(path)["system_matrix"].values
    np.testing.assert_allclose(found.reshape(1, 2, K, 6) * V, values, rtol=1e-6)
    assert found.dtype == (np.complex64 if dtype in ("<c8", ">c8", "int16") else np.complex128)


def bitfield(file, name, value):
    value = np.asarray(value, dtype=np.uint8)
    space = h5py.h5s.create(h5py.h5s.SCALAR) if value.ndim == 0 else h5py.h5s.create_simple(value.shape)
    created = h5py.h5d.create(file["/measurement"].id, name.encode(), h5py.h5t.NATIVE_B8, space)
    created.write(h5py.h5s.ALL, h5py.h5s.ALL, value, mtype=h5py.h5t.NATIVE_B8)


FLAG_TYPES = {
    "int8": np.int8,
    "int64": np.int64,
    "uint8": np.uint8,
    "big-endian": np.dtype(">i4"),
    "enumeration": bool,
    "float": float,
}


@pytest.mark.parametrize("kind", [*FLAG_TYPES, "array of one", "bitfield"])
def test_types_of_flags(path, rng, kind):
    """Truth values as every integer, an enumeration, a bit field, and masks of all of these."""
    frames = random_complex(rng, 1, 2, K, 8)
    fields = measured(frames, [0] * 6 + [1] * 2, **MATRIX)
    flags = {k: v for k, v in fields.items() if "/is" in k}
    if kind == "bitfield":
        write(path, metadata(8), {k: v for k, v in fields.items() if k not in flags}, calibrated((3, 2, 1)))
        with h5py.File(path, "a") as file:
            for name, value in flags.items():
                bitfield(file, name.rpartition("/")[2], value)
    else:
        as_kind = (
            (lambda v: np.atleast_1d(v)) if kind == "array of one" else (lambda v: np.asarray(v, FLAG_TYPES[kind]))
        )
        write(path, metadata(8), fields, {k: as_kind(v) for k, v in flags.items()}, calibrated((3, 2, 1)))
    found = mpisim.read(path)["system_matrix"].values.reshape(2, K, 6) * V
    np.testing.assert_allclose(found, frames[0, ..., :6] - frames[0, ..., 6:].mean(axis=-1, keepdims=True), atol=1e-5)


@pytest.mark.parametrize("variant", ["variable", "fixed", "one variable", "one fixed", "ascii"])
def test_types_of_texts(path, variant):
    write_matrix(path, (3, 2, 1), {"/acquisition/receiver/unit": None, "/version": None})
    with h5py.File(path, "a") as file:
        for name, text in (("/acquisition/receiver/unit", "uV"), ("/version", "2.0.1")):
            value = [text] if variant.startswith("one") else text
            if variant.endswith("fixed"):
                file[name] = np.bytes_(value)
            elif variant == "ascii":
                file.create_dataset(name, data=text, dtype=h5py.string_dtype("ascii"))
            else:
                file.create_dataset(name, data=value, dtype=h5py.string_dtype())
    assert mpisim.read(path)["system_matrix"].attrs["units"] == "uV"


def test_one_number_may_be_an_array_of_one(path):
    scalars = {k: np.atleast_1d(v) for k, v in metadata(6).items() if not isinstance(v, str | list) and np.ndim(v) == 0}
    stored = write_matrix(path, (3, 2, 1), scalars)
    np.testing.assert_allclose(mpisim.read(path)["system_matrix"].values[:, :, None] * V, stored, rtol=1e-6)


@pytest.mark.parametrize("options", [{"compression": "gzip"}, {"chunks": True}])
def test_compressed_and_chunked_data(path, rng, options):
    stored = write_matrix(path, (3, 2, 1))
    with h5py.File(path, "a") as file:
        values = file["/measurement/data"][()]
        del file["/measurement/data"]
        file.create_dataset("/measurement/data", data=values, **options)
    np.testing.assert_allclose(mpisim.read(path)["system_matrix"].values[:, :, None] * V, stored, rtol=1e-6)


@pytest.mark.parametrize("gradient", ["vector", "matrix", "periods", "full"])
def test_shapes_of_gradients(path, gradient):
    shapes = {"vector": np.array([-1.0, -1, 2]), "matrix": np.diag([-1.0, -1, 2])}
    shapes |= {"periods": shapes["matrix"][None], "full": shapes["matrix"][None, None]}
    write_matrix(path, (3, 2, 1), {"/acquisition/gradient": shapes[gradient]})
    assert mpisim.read(path)["system_matrix"].dims == ("receive", "frequency", "y", "x")


def test_files_of_other_versions_and_kinds_are_refused(path):
    write_matrix(path, (3, 2, 1), {"/version": "1.0.5"})
    refused(path, "/version .* must be 2.0 to 2.1; instead received '1.0.5'")
    write(path, metadata(6), calibrated((3, 2, 1)))
    refused(path, "an MDF file with data of a measurement or an image")
    path.write_bytes(b"MDF")
    refused(path, "another kind of file")


CONTRADICTIONS = {
    "channels": ({"/acquisition/receiver/numChannels": np.int64(3)}, "with C = 3 receive channels"),
    "periods": ({"/acquisition/numPeriodsPerFrame": np.int64(2)}, "with J = 2 periods"),
    "positions": ({"/calibration/size": np.array([3, 3, 1])}, "of 6 positions"),
    "mask": ({"/measurement/isBackgroundFrame": np.zeros(5, np.int8)}, "of 6 values"),
    "flag": ({"/measurement/isFourierTransformed": np.int8(7)}, "must be 0 or 1"),
    "bandwidth": ({"/acquisition/receiver/bandwidth": -1.0}, "a positive number of Hz"),
    "samples": ({"/acquisition/receiver/numSamplingPoints": None}, "must be given"),
    "few samples": (
        {"/acquisition/receiver/numSamplingPoints": np.int64(8)},
        "of at most 5 frequencies, which V = 8 samples give",
    ),
    "permutation": (
        {"/measurement/isFramePermutation": np.int8(1), "/measurement/framePermutation": np.array([1, 1, 2, 3, 4, 5])},
        "the numbers 1 to 6",
    ),
    "no permutation": ({"/measurement/isFramePermutation": np.int8(1)}, "must be given where isFramePermutation"),
    "no grid": ({"/calibration/size": None}, "/calibration/size .* must be given"),
    "transfer function": ({"/acquisition/receiver/transferFunction": np.ones((2, 4), complex)}, "C x K = 2 x 9"),
    "conversion": ({"/acquisition/receiver/dataConversionFactor": np.ones((3, 2))}, "C x 2 = 2 x 2"),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_contradictions_get_one_sentence(path, case):
    fields, reason = CONTRADICTIONS[case]
    write_matrix(path, (3, 2, 1), fields)
    refused(path, reason)


def test_data_that_lead_out_of_the_file_are_refused(path, tmp_path):
    write_matrix(path, (3, 2, 1))
    other = tmp_path / "other.mdf"
    write_matrix(other, (3, 2, 1))
    for kind in ("external link", "soft link", "virtual", "external"):
        with h5py.File(path, "a") as file:
            del file["/measurement/data"]
            if kind == "external link":
                file["/measurement/data"] = h5py.ExternalLink(str(other), "/measurement/data")
            elif kind == "soft link":
                file["/measurement/data"] = h5py.SoftLink("/acquisition")
            elif kind == "virtual":
                layout = h5py.VirtualLayout((1, 2, K, 6), np.complex64)
                layout[...] = h5py.VirtualSource(str(other), "/measurement/data", (1, 2, K, 6))
                file.create_virtual_dataset("/measurement/data", layout)
            else:
                raw = [(str(tmp_path / "raw.bin"), 0, 2 * K * 6 * 8)]
                file.create_dataset("/measurement/data", (1, 2, K, 6), np.complex64, external=raw)
        refused(path, "a link" if "link" in kind else "data lie in other files")


def test_a_size_that_is_only_claimed_is_refused(path):
    write_matrix(path, (3, 2, 1))
    with h5py.File(path, "a") as file:
        del file["/measurement/data"]
        file.create_dataset("/measurement/data", (1, 2, K, 10**10), np.complex64, chunks=(1, 1, 1, 1000))
    refused(path, "one that claims 1.44e\\+03 GB and stores 0 bytes|one that claims")
