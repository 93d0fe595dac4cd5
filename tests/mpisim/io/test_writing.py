"""Files are written whole or not at all."""

import numpy as np
import pytest
import xarray as xr

from mpisim import InputError, read, write
from mpisim.io.atomic import output_folder, replacing, write_text
from tests.mpisim.io.matrices import assert_same, sample_matrix


def test_only_netcdf_and_mdf_are_written(tmp_path):
    with pytest.raises(InputError, match=r"output file must be a \.nc or \.mdf file"):
        write(sample_matrix(), tmp_path / "sm.mat")


def test_a_broken_dataset_is_not_written(tmp_path):
    data = sample_matrix()
    data.system_matrix.values[0, 0, 0, 0] = np.nan
    with pytest.raises(InputError, match="finite"):
        write(data, tmp_path / "sm.nc")
    assert not list(tmp_path.iterdir())


def test_a_folder_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for target in (tmp_path / "file" / "sm.nc", tmp_path / "file" / "deeper" / "sm.nc"):
        with pytest.raises(InputError, match="Input output file must be in a folder that can be made"):
            write(sample_matrix(), target)
    with pytest.raises(InputError, match="output folder"):
        output_folder(tmp_path / "file" / "x")


def test_a_folder_in_place_of_the_file(tmp_path):
    (tmp_path / "sm.nc").mkdir()
    with pytest.raises(InputError, match="a file name; instead received the folder"):
        write(sample_matrix(), tmp_path / "sm.nc")


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_interrupted_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, error):
    path, old = tmp_path / "sm.nc", sample_matrix()
    write(old, path)

    def stop_half_way(self, target, **options):
        target.write_bytes(b"half a file")
        raise error("stopped")

    expected = InputError if error is RuntimeError else error  # what NetCDF raises on a full disk
    with monkeypatch.context() as patch, pytest.raises(expected, match="stopped"):
        patch.setattr(xr.Dataset, "to_netcdf", stop_half_way)
        write(sample_matrix(), path)
    assert [p.name for p in tmp_path.iterdir()] == ["sm.nc"]
    assert_same(read(path), old)


def test_text_is_replaced_whole(tmp_path):
    path = tmp_path / "page.html"
    write_text(path, "µ old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("new")
        raise RuntimeError
    assert path.read_text(encoding="utf-8") == "µ old"
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]
