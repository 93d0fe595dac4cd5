"""Files for the tests of the command line, and how they run it."""

from pathlib import Path

import numpy as np
import xarray as xr

import mpisim
from calib.learned.checkpoint import save_model
from calib.learned.config import ModelConfig
from calib.learned.model import RecoveryModel
from mpisim.cli.main import main
from mpisim.io.netcdf_encoding import encode

SMALL = ["--sf-gradient", "0.9", "--particle-diameter", "24", "--angle-step", "60", "--harmonics", "2:3"]


def run(capsys, *words):
    """Run a command; return its exit code and what it wrote to stdout and stderr."""
    code = main([str(w) for w in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def write_matrices(out: Path) -> None:
    """Write a fine matrix and its coarse one."""
    assert main(["simulate", *SMALL, "--grid", "8", "--out", str(out / "sm.nc")]) == 0
    assert main(["downsample", str(out / "sm.nc"), "--factor", "2", "--out", str(out / "coarse.nc")]) == 0


def write_bad(out: Path) -> None:
    """Write, beside good matrices, what the commands have to refuse."""
    assert main(["simulate", *SMALL, "--grid", "16", "--out", str(out / "large.nc")]) == 0
    assert main(["measure", str(out / "sm.nc"), "--phantom", "tubes", "--out", str(out / "y.nc")]) == 0
    content = (out / "sm.nc").read_bytes()
    (out / "truncated.nc").write_bytes(content[: len(content) // 2])
    (out / "text.nc").write_text("not a matrix")
    (out / "folder.nc").mkdir()
    xr.Dataset({"temperature": ("t", np.arange(3.0))}).to_netcdf(out / "foreign.nc")
    data = mpisim.read(out / "sm.nc")
    values = data["system_matrix"].values.copy()
    values[0, 0, 0, 0] = np.nan
    encode(data.assign(system_matrix=(data["system_matrix"].dims, values))).to_netcdf(out / "nan.nc")
    save_model(out / "w4.safetensors", RecoveryModel(ModelConfig(factor=4)), {})
    (out / "config.toml").write_text("steps = 3\nheads = 8\n")
    (out / "scanner.toml").write_text("drive_frequncy = 25e3\n")
    (out / "types.toml").write_text('angles = ["a"]\n')
    (out / "degrees.toml").write_text("angles = [0, 45, 90, 135]\n")
    (out / "khz.toml").write_text("drive_frequency = 25.0\n")
