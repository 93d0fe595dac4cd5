"""Files of field maps."""

import numpy as np
import pytest
import xarray as xr

import mpisim
from mpisim import FieldMap, InputError, read_field_map, write_field_map
from mpisim.constants import MU_0

X, Y, Z = np.linspace(-0.02, 0.02, 7), np.linspace(-0.01, 0.01, 5), np.array([-1e-3, 1e-3])
VALUES = np.random.default_rng(0).standard_normal((2, 5, 7, 3))
MAP = FieldMap(tuple(X), tuple(Y), tuple(Z), VALUES, reference=0.01, radius=0.02, turning=True)


def stored(units="mT", order=("z", "y", "x", "component"), x_units="m", **coords):
    """A data set as other programs write one."""
    known = {"x": ("x", X * (1e3 if x_units == "mm" else 1), {"units": x_units}), "y": Y, "z": Z, **coords}
    variable = xr.Variable(("z", "y", "x", "component"), VALUES, {"units": units}).transpose(*order)
    return xr.Dataset({"b": variable}, coords=known)


def read_again(data, path):
    data.to_netcdf(path)
    return read_field_map(path)


def test_a_map_is_written_and_read_by_value(tmp_path):
    write_field_map(MAP, tmp_path / "m.nc")
    assert read_field_map(tmp_path / "m.nc") == MAP
    sensitivity = FieldMap(MAP.x, MAP.y, MAP.z, VALUES, unit="1/m")
    mpisim.write_field_map(sensitivity, tmp_path / "p.nc")
    assert mpisim.read_field_map(tmp_path / "p.nc") == sensitivity


def test_axes_in_any_order_and_unit_and_named_components(tmp_path):
    data = stored("uT", ("component", "x", "z", "y"), "mm", component=["z", "x", "y"])
    found = read_again(data.isel(y=slice(None, None, -1)), tmp_path / "m.nc")
    assert np.allclose(found.x, X, rtol=1e-15) and found.y == tuple(Y) and found.unit == "T"
    assert np.allclose(found.array(), 1e-6 * VALUES[..., [1, 2, 0]], rtol=1e-14)


def test_a_file_without_z_is_one_plane(tmp_path):
    flat = stored().isel(z=0)
    assert read_again(flat, tmp_path / "m.nc").z == (-1e-3,)
    assert read_again(flat.drop_vars("z"), tmp_path / "m.nc").z == (0.0,)


@pytest.mark.parametrize(
    ("units", "unit", "factor"),
    [
        ("T", "T", 1),
        ("mT", "T", 1e-3),
        ("1/m", "1/m", 1),
        ("T/A", "1/m", 1 / MU_0),
        ("uT/A", "1/m", 1e-6 / MU_0),
        ("1", "1", 1),
    ],
)
def test_units_are_converted(tmp_path, units, unit, factor):
    found = read_again(stored(units), tmp_path / "m.nc")
    np.savez(tmp_path / "m.npz", x=X, y=Y, z=Z, values=VALUES, unit=units)
    assert found.unit == unit and np.allclose(found.array(), factor * VALUES, rtol=1e-14)
    assert read_field_map(tmp_path / "m.npz") == found


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (stored("V"), "unit of .*m.nc must be T, 1/m, T/A or 1, or a multiple of T or T/A; instead received 'V'"),
        (stored(None), "unit of .*m.nc must be .*; instead received None"),
        (stored().drop_vars("y"), "must be a field map with the coordinate y"),
        (
            stored().rename(component="part"),
            "one variable over x, y, z and component; instead received the variables b",
        ),
        (
            stored().assign(c=stored().b),
            "one variable over x, y, z and component; instead received the variables b .*, c",
        ),
        (stored(component=["a", "b", "c"]), "component of .*m.nc must be x, y and z; instead received a, b, c"),
        (stored().isel(component=[0, 1]), r"of the shape \(z, y, x, 3\)"),
        (stored(x_units="kg"), "unit of the coordinate x of .*m.nc must be m or a multiple of it"),
        (stored().assign(b=stored().b.where(stored().b > 0)), "finite everywhere"),
        (stored().assign_coords(x=1e3 * X), "x of the field map must be from 0 to 2 m; instead received 20"),
        (stored().assign_coords(x=X[[0, 2, 1, 3, 4, 5, 6]]), "x of the field map must be one or more ascending"),
    ],
)
def test_malformed_files_get_one_sentence(tmp_path, data, message):
    data.b.attrs = {k: v for k, v in data.b.attrs.items() if v is not None}
    with pytest.raises(InputError, match=message) as caught:
        read_again(data, tmp_path / "m.nc")
    assert "\n" not in str(caught.value)


def test_archives_and_other_files_get_one_sentence(tmp_path):
    arrays = {"x": X, "y": Y, "z": Z, "values": VALUES, "unit": "T"}
    wrong = {
        "lacks": ({k: v for k, v in arrays.items() if k != "unit"}, "none called unit"),
        "number": ({**arrays, "unit": 3}, "unit of .* instead received None"),
        "complex": (
            {**arrays, "values": VALUES + 0j},
            "values of .* must be real numbers; instead received complex128",
        ),
        "short": ({**arrays, "values": VALUES[:, :3]}, r"of the shape \(z, y, x, 3\)"),
    }
    for name, (content, message) in wrong.items():
        np.savez(tmp_path / f"{name}.npz", **content)
        with pytest.raises(InputError, match=message):
            read_field_map(tmp_path / f"{name}.npz")
    np.savez(tmp_path / "whole.npz", **arrays)
    write_field_map(MAP, tmp_path / "whole.nc")
    for name, size in (("whole.npz", 900), ("whole.nc", 3000)):
        (tmp_path / f"cut_{name}").write_bytes((tmp_path / name).read_bytes()[:size])
        with pytest.raises(InputError, match="must be a readable"):
            read_field_map(tmp_path / f"cut_{name}")
    (tmp_path / "notes.txt").write_text("no map")
    with pytest.raises(InputError, match="a field map: a NetCDF file or an archive of NumPy"):
        read_field_map(tmp_path / "notes.txt")
    with pytest.raises(InputError, match="field map must be an existing file"):
        read_field_map(tmp_path / "missing.nc")


def test_only_maps_are_written_and_only_to_netcdf(tmp_path):
    with pytest.raises(InputError, match=r"field map must be a mpisim\.FieldMap; instead received ndarray"):
        write_field_map(VALUES, tmp_path / "m.nc")
    with pytest.raises(InputError, match=r"a \.nc file"):
        write_field_map(MAP, tmp_path / "m.npz")
    assert not list(tmp_path.iterdir())
