"""Mutations of HDF5 files that know the format: types, shapes, attributes, links and storage are replaced.

The file stays sound HDF5, so that readers get past the library, and meet fields that are not what they expect.
"""

import random
import shutil
from pathlib import Path

import h5py
import numpy as np

__all__ = ["mutate_hdf5"]

NAMES = ("a\x1b[2Jb", "a\nb", "a\x07", "\u202eabc", "a" * 5000, "..", " ", "é", "a\x7f", "#refs#", "_x")
HUGE = (2**31, 2**40, 2**62)


def mutate_hdf5(source: Path, target: Path, outside: Path, seed: int) -> None:
    """Write a copy of an HDF5 file with one to three fields that are not as they were.

    `outside` is a named pipe: whatever follows a link or a storage that leads out of the file hangs.
    """
    rng = random.Random(seed)
    shutil.copy(source, target)
    with h5py.File(target, "r+") as file:
        for _ in range(rng.choice((1, 1, 2, 3))):
            places = _places(file)
            if places:
                try:
                    rng.choice(_WAYS)(file, rng.choice(places), outside, rng)
                except (ValueError, OSError, RuntimeError, TypeError, LookupError, OverflowError, AttributeError):
                    continue  # what the library itself refuses to write


def _places(file: h5py.File) -> list[str]:
    found: list[str] = []
    file.visit(found.append)
    return found


def _values(item: object) -> np.ndarray:
    small = isinstance(item, h5py.Dataset) and item.shape is not None and item.size < 10_000
    if not small or item.external or item.is_virtual:
        return np.zeros(3)
    return np.asarray(item[()])


def _replace(file: h5py.File, place: str, values: object, **how: object) -> None:
    attributes = dict(file[place].attrs)
    del file[place]
    item = file.create_dataset(place, data=values, **how)
    for name, value in attributes.items():
        if name not in ("DIMENSION_LIST", "REFERENCE_LIST"):
            item.attrs[name] = value


def _type(file: h5py.File, place: str, outside: Path, rng: random.Random) -> None:
    values = _values(file[place])
    kind = rng.choice(
        ["i1", "u1", "i8", "u8", ">i4", "f2", "f4", ">f8", "g", "c8", "c16", "S3", "V5", "?", "str", "vlen", "enum",
         "record", "array", "objref", "regref", "b8"]
    )  # fmt: skip
    numbers = values.real if values.dtype.kind in "fciub" else np.arange(values.size).reshape(values.shape)
    if kind == "str":
        _replace(file, place, np.full(values.shape, rng.choice(NAMES), dtype=object), dtype=h5py.string_dtype())
    elif kind == "vlen":
        del file[place]
        file.create_dataset(place, values.shape or (1,), dtype=h5py.vlen_dtype(np.float64))[...] = [1.0]
    elif kind == "enum":
        _replace(file, place, np.zeros(values.shape, "i4"), dtype=h5py.enum_dtype({"A": 0, "B": 7}, "i4"))
    elif kind == "record":
        names = rng.choice((("r", "i"), ("real", "imag"), ("i", "r"), ("r", "r2")))
        parts = [(n, rng.choice(("f8", "f4", "i2", "S2"))) for n in names]
        _replace(file, place, np.zeros(values.shape, parts))
    elif kind == "array":
        _replace(file, place, np.zeros(values.shape, np.dtype(("f8", (2,)))))
    elif kind in ("objref", "regref"):
        reference = h5py.ref_dtype if kind == "objref" else h5py.regionref_dtype
        del file[place]
        file.create_dataset(place, values.shape, dtype=reference)
    elif kind == "b8":
        del file[place]
        h5py.h5d.create(file.id, place.encode(), h5py.h5t.NATIVE_B8, h5py.h5s.create_simple(values.shape or (1,)))
    else:
        with np.errstate(all="ignore"):
            _replace(file, place, numbers.astype(kind))


def _shape(file: h5py.File, place: str, outside: Path, rng: random.Random) -> None:
    values = _values(file[place])
    ways = [
        lambda: values.T,
        lambda: values.ravel(),
        lambda: values.ravel()[0],
        lambda: values[None],
        lambda: values[..., None],
        lambda: values[:0],
        lambda: values[:-1],
        lambda: np.concatenate([values, values], axis=-1),
        lambda: values.reshape((1,) * 31 + values.shape[:1]),
        lambda: h5py.Empty("f8"),
    ]
    _replace(file, place, rng.choice(ways)())


def _claim(file: h5py.File, place: str, outside: Path, rng: random.Random) -> None:
    """Claim a size that is not stored."""
    item = file[place]
    values = _values(item)
    ndim = max(values.ndim, 1)
    shape = tuple(rng.choice(HUGE) if i == rng.randrange(ndim) else n or 1 for i, n in enumerate(values.shape or (1,)))
    dtype = values.dtype if values.dtype.kind in "fciu" else np.dtype("f8")
    how = rng.choice(({}, {"compression": "gzip"}, {"scaleoffset": 2}, {"fletcher32": True}, {"compression": "lzf"}))
    del file[place]
    file.create_dataset(place, shape, dtype, chunks=tuple(min(n, 1000) for n in shape), **how)


def _storage(file: h5py.File, place: str, outside: Path, rng: random.Random) -> None:
    """Let the data lie in another file."""
    values = _values(file[place])
    shape, dtype = values.shape or (1,), values.dtype if values.dtype.kind in "fciu" else np.dtype("f8")
    if rng.random() < 0.5:
        del file[place]
        file.create_dataset(place, shape, dtype, external=[(str(outside), 0, h5py.h5f.UNLIMITED)])
    else:
        layout = h5py.VirtualLayout(shape, dtype)
        name = rng.choice((str(outside), ".", Path(file.filename).name))
        layout[...] = h5py.VirtualSource(name, place, shape, dtype)
        del file[place]
        file.create_virtual_dataset(place, layout)


def _link(file: h5py.File, place: str, outside: Path, rng: random.Random) -> None:
    where = rng.choice(_places(file))
    links = [
        lambda: h5py.SoftLink("/" + place),
        lambda: h5py.SoftLink("/" + where),
        lambda: h5py.SoftLink("/nowhere\x1b[2J"),
        lambda: h5py.ExternalLink(str(outside), "/" + place),
        lambda: h5py.ExternalLink("missing.h5", "/" + place),
        lambda: file["/"],
        lambda: file[where],
        lambda: file[place].parent,
    ]
    link = rng.choice(links)()
    del file[place]
    file[place] = link


def _name(file: h5py.File, place: str, outside: Path, rng: random.Random) -> None:
    file.move(place, place.rpartition("/")[0] + "/" + rng.choice(NAMES))


def _number(file: h5py.File, place: str, outside: Path, rng: random.Random) -> None:
    values = _values(file[place])
    if values.dtype.kind == "f":
        new: list[float] = [np.nan, np.inf, -1.0, 0.0, 1e300, 1e-300, 0.5, 2.0**53]
    else:
        new = [0, 1, -1, 2, 3, 127, 2**15, 2**31 - 1, 2**62]
    value = rng.choice(new)
    if values.dtype.kind in "fiu":
        kept = values.dtype if values.dtype.kind == "f" or value < np.iinfo(values.dtype).max else np.dtype("i8")
        changed = np.array(values, dtype=kept if values.dtype.kind == "f" else np.int64)
        if changed.ndim and rng.random() < 0.5:
            changed.ravel()[rng.randrange(changed.size)] = value
        else:
            changed[...] = value
        _replace(file, place, changed)
    else:
        _replace(file, place, rng.choice(("", "2.1.0", "1.0", "n.a.", "\x1b]0;x\x07", "json:[[[", "DCT-IX", "xyx")))


def _delete(file: h5py.File, place: str, outside: Path, rng: random.Random) -> None:
    is_group = isinstance(file[place], h5py.Group)
    del file[place]
    if not is_group and rng.random() < 0.5:
        file.create_group(place)


def _attribute(file: h5py.File, place: str, outside: Path, rng: random.Random) -> None:
    """Change, add or remove an attribute of an object or of the file."""
    item = rng.choice((file, file[place]))
    names = [*item.attrs, *item.attrs, "units", "_FillValue", "scale_factor", "MATLAB_class", "MATLAB_sparse", "dtype"]
    names += ["MATLAB_empty", "kind", "format_version", "_NCProperties", "coordinates", "calendar", rng.choice(NAMES)]
    name = rng.choice(names)
    values = [
        *(
            0,
            -1,
            2**62,
            1.5,
            np.nan,
            "",
            "text",
            "json:[[",
            'json:{"a": 1}',
            b"\xff\xfe",
            np.zeros(0),
            np.zeros((2, 2)),
        ),
        *(np.arange(5), h5py.Empty("f8"), np.zeros(3, [("x", "f4")]), ["a", "b\x1b"], "days since 0", True),
        *("system_matrix", "measurement", "image", "struct", "cell", np.float16(1), "x" * 60_000, "timedelta64[ns]"),
    ]
    if name in item.attrs and rng.random() < 0.2:
        del item.attrs[name]
    else:
        item.attrs[name] = rng.choice(values)


_WAYS = (
    *(_type, _type, _shape, _shape, _claim, _storage, _link, _name),
    *(_number, _number, _delete, _attribute, _attribute),
)
