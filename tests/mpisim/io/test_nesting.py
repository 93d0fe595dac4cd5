"""JSON and TOML that nest without end."""

import json
import struct

import numpy as np
import pytest
import xarray as xr

from mpisim import InputError, read
from mpisim.cli.options import read_toml
from mpisim.io.contents import contents_of
from mpisim.io.nesting import DEEPEST, load_toml, parse_json
from mpisim.io.netcdf_encoding import encode
from tests.mpisim.data.matrices import sample_matrix


@pytest.mark.parametrize("levels", [DEEPEST + 1, 5_000, 500_000])
def test_nesting_without_end_gets_one_sentence(tmp_path, levels):
    deep = "[" * levels + "]" * levels
    with pytest.raises(InputError, match="Input header must be nested in at most 100 levels"):
        parse_json(deep, "header")
    (tmp_path / "s.toml").write_text(f"a = {deep}\n")
    for load in (load_toml, lambda path: read_toml(path, ["a"], "scanner")):
        with pytest.raises(InputError, match="at most 100 levels"):
            load(tmp_path / "s.toml")
    header = f'{{"__metadata__": {{"about": {json.dumps(deep)}}}}}'.encode()
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(InputError, match=r"about of .* must be nested in at most"):
        contents_of(tmp_path / "w.safetensors")


def test_a_deep_attribute_gets_one_sentence(tmp_path):
    disk = encode(sample_matrix())
    disk.attrs["scanner"] = "json:" + "[" * 5000 + "]" * 5000
    disk.to_netcdf(tmp_path / "s.nc", engine="netcdf4")
    with pytest.raises(InputError, match=r"scanner of .*s\.nc must be nested in at most 100 levels"):
        read(tmp_path / "s.nc")


def test_levels_that_are_allowed(tmp_path):
    value: object = 1
    for _ in range(DEEPEST):
        value = [value]
    assert parse_json(json.dumps(value), "header") == value
    assert parse_json('{"a": [1, {"b": null}]}', "header") == {"a": [1, {"b": None}]}


@pytest.mark.parametrize("text", ["{", b"\xff", "[1,]", ""])
def test_no_json(text):
    with pytest.raises(InputError, match="Input header must be JSON; instead received text that fails with"):
        parse_json(text, "header")


def test_safetensors_that_claim_more_than_they_hold(tmp_path):
    header = json.dumps({"a": {"dtype": "F32", "shape": [1000, 1000], "data_offsets": [0, 4_000_000]}}).encode()
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    (tensor,) = contents_of(tmp_path / "w.safetensors").arrays
    assert tensor.shape == (1000, 1000) and "does not fit the file" in tensor.problem
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", 2**40) + b"{" + bytes(8))
    with pytest.raises(InputError, match="of another format"):
        contents_of(tmp_path / "w.safetensors")


def test_an_array_attribute_of_netcdf_is_a_list(tmp_path):
    disk = encode(sample_matrix())
    xr.Dataset.to_netcdf(disk.assign_attrs(gain=np.array([1.0, 2.0])), tmp_path / "s.nc", engine="netcdf4")
    assert read(tmp_path / "s.nc").attrs["gain"] == [1.0, 2.0]
