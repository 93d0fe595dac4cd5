"""Small sound files of every format that is read, and what is done with each of them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import safetensors.numpy
import scipy.io
import scipy.sparse
import xarray as xr

import mpisim
from mpisim.io.contents import contents_of
from mpisim.io.field_map import read_field_map, write_field_map
from mpisim.io.positions_file import read_positions, write_positions
from mpisim.io.scanner_file import packaged_file
from tests.mpisim.data.matrices import sample_matrix
from tests.mpisim.io.mdf.files import MATRIX, K, V, calibrated, measured, metadata, random_complex, write

Action = tuple[str, ...] | Callable[[str], object]
"""Words of a command, in which FILE and OUT stand for names; or a reader, which gets the name of the file."""
INFO: tuple[Action, ...] = (("info", "FILE", "--json"), ("info", "FILE"))
NETCDF: tuple[Action, ...] = (*INFO, ("convert", "FILE", "OUT.nc"))
MDF: tuple[Action, ...] = (
    *INFO,
    ("validate", "FILE"),
    ("convert", "FILE", "OUT.nc"),
    ("preprocess", "FILE", "--out", "OUT.nc"),
)
CLASSIC: tuple[Action, ...] = (*INFO, lambda path: [a.read(path) for a in contents_of(path).arrays])
ARRAY: tuple[Action, ...] = (*INFO, ("convert", "FILE", "OUT.nc", "--variable", "S", "--grid", "6x4"))

NPY: tuple[Action, ...] = (*INFO, ("convert", "FILE", "OUT.nc", "--grid", "6x4"))


@dataclass(frozen=True)
class Specimen:
    """A sound file, and what is done with it and with its mutations."""

    name: str
    save: Callable[[Path], object]
    actions: tuple[Action, ...]


def _values(*shape: int) -> np.ndarray:
    return random_complex(np.random.default_rng(5), *shape, dtype=np.complex128)


def _mdf_matrix(path: Path, **how: object) -> None:
    mask = [0] * 6 + [1] * 3
    order = {"/measurement/framePermutation": np.array([1, 3, 4, 5, 7, 8, 2, 6, 9])}
    data = measured(_values(1, 2, K, 9).astype(np.complex64), mask, isFramePermutation=1, **MATRIX)
    more = {"/_custom/_note": "text", "/acquisition/receiver/transferFunction": np.ones((2, K), complex)}
    snr = {"snr": np.ones((1, 2, K)), "positions": None}
    write(path, metadata(9), data, calibrated((3, 2, 1), **snr), order, more)
    if how:
        with h5py.File(path, "a") as file:
            values = file["/measurement/data"][()]
            del file["/measurement/data"]
            file.create_dataset("/measurement/data", data=values, **how)


def _mdf_raw(path: Path) -> None:
    raw = np.random.default_rng(0).integers(-99, 99, (6, 1, 2, V)).astype(np.int16)
    more = {
        "/acquisition/receiver/transferFunction": np.ones((2, K), complex),
        "/acquisition/receiver/dataConversionFactor": np.array([[2.0, 0.5], [1.0, 0.0]]),
        "/acquisition/receiver/inductionFactor": np.ones(2),
    }
    write(path, metadata(6), measured(raw, [1, 0, 0, 0, 1, 1]), more)


def _mdf_sparse(path: Path) -> None:
    kept, (nx, ny, nz) = 4, (3, 2, 2)
    data = measured(_values(1, 2, K, kept + 2), None, isSparsityTransformed=1, **MATRIX)
    data["/measurement/isBackgroundFrame"] = np.repeat(np.array([0, 1], np.int8), (nx * ny * nz, 2))
    more = {
        "/measurement/subsamplingIndices": np.broadcast_to(np.array([1, 3, 5, 12]), (1, 2, K, kept)).copy(),
        "/measurement/sparsityTransformation": "DCT-II",
    }
    write(path, metadata(nx * ny * nz + 2), data, calibrated((nx, ny, nz)), more)


def _mdf_image(path: Path) -> None:
    data = {"data": np.random.default_rng(1).random((2, 6, 1)), "size": np.array([3, 2, 1])}
    data |= {"fieldOfView": np.array([0.03, 0.02, 0.01]), "fieldOfViewCenter": np.zeros(3), "order": "xyz"}
    write(path, metadata(1), {f"/reconstruction/{k}": v for k, v in data.items()})


def _mdf_angles(path: Path) -> None:
    """Three angles of a field-free line, as this program writes them."""
    particle = mpisim.Particle(diameter=25e-9)
    scanner = mpisim.open_sided_ffl(sf_gradient=0.7, fov=0.006, angles=3, harmonics=(2, 3))
    mpisim.write(mpisim.simulate(scanner, particle, mpisim.Grid((4, 4), (0.006, 0.006))), path)


def _hdf5(path: Path) -> None:
    """Every class of type that HDF5 has, packed and not, in groups."""
    with h5py.File(path, "w") as file:
        file["S"] = _values(3, 24)
        file.create_dataset("g/packed", data=np.arange(600.0).reshape(20, 30), compression="gzip", shuffle=True)
        file.create_dataset("g/lzf", data=np.arange(600).reshape(20, 30), compression="lzf", fletcher32=True)
        file.create_dataset("g/scaled", data=np.arange(600).reshape(20, 30), scaleoffset=0, chunks=(5, 5))
        file.create_dataset("g/h/words", data=["a", "bc"], dtype=h5py.string_dtype())
        file["g/h/fixed"] = np.array([b"abc", b"d"])
        file.create_dataset("vlen", (2,), dtype=h5py.vlen_dtype(np.int32))
        file["vlen"][0] = [1, 2, 3]
        file["bool"] = np.array([True, False])
        file.create_dataset("references", data=[file["S"].ref], dtype=h5py.ref_dtype)
        file["records"] = np.zeros(3, [("x", "f4"), ("y", "i2")])
        file["empty"] = h5py.Empty("f8")
        file.create_dataset("grows", data=np.arange(6.0), maxshape=(None,), chunks=(2,))
        file["S"].attrs.update({"a": 1.5, "b": "text", "c": np.arange(4)})
        file.attrs.update({"title": "text", "many": np.arange(40)})


def _v73(path: Path) -> None:
    with h5py.File(path, "w", userblock_size=512) as file:
        record = np.empty((24, 3), [("real", float), ("imag", float)])
        record["real"], record["imag"] = _values(24, 3).real, _values(24, 3).imag
        for name in ("S", "SM/S"):
            file[name] = record
            file[name].attrs["MATLAB_class"] = np.bytes_("double")
        sparse = file.create_group("sparse")
        sparse.attrs["MATLAB_class"], sparse.attrs["MATLAB_sparse"] = np.bytes_("double"), np.uint64(4)
        sparse["data"], sparse["ir"], sparse["jc"] = np.ones(3), np.array([0, 2, 1], "u8"), np.array([0, 2, 3], "u8")
        file["empty"] = np.array([0, 4], "u8")
        file["empty"].attrs["MATLAB_class"], file["empty"].attrs["MATLAB_empty"] = np.bytes_("double"), np.uint8(1)
        file["note"] = np.array([[97], [98]], "u2")
        file["note"].attrs["MATLAB_class"] = np.bytes_("char")


def _matlab() -> dict[str, object]:
    sparse = scipy.sparse.csc_matrix(_values(3, 24) * (np.arange(72).reshape(3, 24) % 5 == 0))
    return {
        "S": _values(3, 24),
        "note": "a",
        "SM": {"S": _values(3, 24)},
        "sparse": sparse,
        "c": np.array([1, "a"], object),
    }


def _netcdf3(form: str) -> Callable[[Path], object]:
    def save(path: Path) -> None:
        data = xr.Dataset({"S": (("row", "voxel"), _values(3, 24).real, {"units": "V"})}, {"row": [1.0, 2.0, 3.0]})
        data.assign_attrs(title="text", number=1.5).to_netcdf(path, engine="netcdf4", format=form)

    return save


def _foreign_netcdf(path: Path) -> None:
    data = xr.Dataset({"S": (("row", "voxel"), _values(3, 24).real), "w": ("row", ["a", "bc", "d"])})
    data.to_netcdf(path, engine="netcdf4", encoding={"S": {"zlib": True, "chunksizes": (1, 24)}})


def _field_map() -> mpisim.FieldMap:
    axis = np.linspace(-0.01, 0.01, 4)
    x, y, z = axis, axis[:3], axis[:2]
    return mpisim.FieldMap(tuple(x), tuple(y), tuple(z), np.random.default_rng(1).random((2, 3, 4, 3)), "T")


def _npz_map(path: Path) -> None:
    field = _field_map()
    axes = {name: np.array(getattr(field, name)) for name in "xyz"}
    np.savez_compressed(path, values=field.array(), unit=np.array("T"), **axes)


def _weights(path: Path) -> None:
    about = json.dumps({"model": {"method": "transms", "factor": 4}, "steps": [1, 2]})
    tensors = {"a.weight": np.ones((2, 3), np.float32), "b": np.arange(4, dtype=np.int64)}
    safetensors.numpy.save_file(tensors, path, {"kind": "weights", "about": about})


def _scanner(name: str) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(packaged_file(name).read_bytes())


def _read_scanner(path: str) -> object:
    return mpisim.read_scanner(path, *(() if "mild" in path else (0.5, 25e-9)))


def _csv(path: Path) -> None:
    write_positions(np.random.default_rng(0).random((6, 4)) * 0.01, path)


def _schema(path: Path, **more: object) -> None:
    mpisim.write(sample_matrix(noise_std=0.1, note={"a": [1, {"b": 2}]}, **more), path)


def _measurement(path: Path) -> None:
    rows = {"angle": np.array([0.0, 1.0]), "frequency": np.arange(1.0, 5.0) * 1e4}
    y = mpisim.data.schema.build("measurement", _values(2, 4), tuple(rows), rows, noise_std=0.1, origin="measured")
    mpisim.write(y, path)


def specimens() -> tuple[Specimen, ...]:
    """Return all specimens; their files are written in no time."""
    return (
        Specimen("matrix.mdf", _mdf_matrix, (*MDF, ("pair", "FILE", "raw.mdf"))),
        Specimen("packed.mdf", lambda p: _mdf_matrix(p, compression="gzip", chunks=(1, 1, 3, 9)), MDF),
        Specimen("raw.mdf", _mdf_raw, (*MDF, ("pair", "matrix.mdf", "FILE"))),
        Specimen("sparse.mdf", _mdf_sparse, MDF),
        Specimen("image.mdf", _mdf_image, MDF[:-1]),
        Specimen("angles.mdf", _mdf_angles, MDF),
        Specimen("matrix.nc", _schema, NETCDF),
        Specimen("measurement.nc", _measurement, NETCDF),
        Specimen("foreign.nc", _foreign_netcdf, ARRAY),
        Specimen("classic.nc", _netcdf3("NETCDF3_CLASSIC"), CLASSIC),
        Specimen("offset.nc", _netcdf3("NETCDF3_64BIT_OFFSET"), CLASSIC),
        Specimen("wide.nc", _netcdf3("NETCDF3_64BIT_DATA"), CLASSIC),
        Specimen("map.nc", lambda p: write_field_map(_field_map(), p), (*INFO, read_field_map)),
        Specimen("map.npz", _npz_map, (*INFO, read_field_map)),
        Specimen("v4.mat", lambda p: scipy.io.savemat(p, {"S": _values(3, 24), "note": "a"}, format="4"), ARRAY),
        Specimen("v5.mat", lambda p: scipy.io.savemat(p, _matlab()), ARRAY),
        Specimen("packed.mat", lambda p: scipy.io.savemat(p, _matlab(), do_compression=True), ARRAY),
        Specimen("v73.mat", _v73, ARRAY),
        Specimen("all.h5", _hdf5, ARRAY),
        Specimen(
            "S.npy",
            lambda p: np.save(p, _values(3, 24)),
            ARRAY[:-1] + (("convert", "FILE", "OUT.nc", "--grid", "6x4"),),
        ),
        Specimen("S.npz", lambda p: np.savez_compressed(p, S=_values(3, 24), note=np.array(["a"])), ARRAY),
        Specimen("w.safetensors", _weights, INFO),
        Specimen("mild.toml", _scanner("mild"), (*INFO, _read_scanner)),
        Specimen("ffl.toml", _scanner("open-sided-ffl"), (*INFO, _read_scanner)),
        Specimen("positions.csv", _csv, (read_positions,)),
    )
