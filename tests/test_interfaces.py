"""What outsiders rely on: the calls of the documentation, subcommands and options, and files of version 0.1.0.

`data/v0.1.0/make.py` wrote the files with that version, `numbers.json` holds the figures that it gave, `options.json`
the options of its command line and `config.toml` a configuration of a training with the keys of that time.
"""

import inspect
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import calib
import mpisim
import recon
from mpisim.cli.command import parser_of, table
from mpisim.cli.main import main
from mpisim.dataset.generation import generate
from tests.small import CASES, SPEC

OLD = Path(__file__).parent / "data" / "v0.1.0"
NUMBERS = json.loads((OLD / "numbers.json").read_text())
OPTIONS = json.loads((OLD / "options.json").read_text())
FINE = OLD / "data" / "test" / "g0.6000_d24.000.nc"

CALLS = {  # the documented calls and the names of their first arguments
    mpisim.open_sided_ffl: ("sf_gradient", "fov", "angles", "drive_amplitude"),
    mpisim.Particle: ("diameter", "saturation_magnetisation", "temperature"),
    mpisim.Grid: ("shape", "fov", "center"),
    mpisim.Sample: ("size", "height", "concentration", "thick", "points"),
    mpisim.simulate: ("scanner", "particle", "grid", "sample", "path"),
    mpisim.read: ("path", "variable", "grid", "coarse"),
    mpisim.write: ("data", "path"),
    calib.downsample: ("fine", "factor", "sampling", "snr", "seed"),
    calib.recover: ("coarse", "method", "weights", "unit"),
    calib.recover_by_patches: ("coarse", "method", "weights", "patch", "overlap", "consistency"),
    calib.recover_file: ("coarse", "out", "method", "weights", "values_at_once"),
    calib.nrmse: ("found", "reference", "axis"),
    calib.load_original_checkpoint: ("state_dict",),
    recon.measure: ("fine", "phantom", "snr", "seed", "refine", "same_grid", "noiseless"),
    recon.reconstruct: ("matrix", "y", "method", "eps", "noise_db", "non_negative"),
    recon.admm: ("matrix", "y", "eps", "shape"),
    recon.psnr: ("x", "reference"),
    recon.ssim: ("x", "reference"),
}


@pytest.mark.parametrize("call", CALLS, ids=lambda c: c.__qualname__)
def test_calls_keep_their_arguments(call):
    names = tuple(inspect.signature(call).parameters)
    assert names[: len(CALLS[call])] == CALLS[call]


@pytest.mark.parametrize("name", OPTIONS)
def test_subcommands_keep_their_options(name):
    found = {s for a in parser_of(table()[name])._actions for s in (a.option_strings or [a.dest])}
    assert set(OPTIONS[name]) <= found


@pytest.mark.filterwarnings("ignore:The weights")  # which were trained on 32 x 32 voxels
@pytest.mark.parametrize("scheme", ["box", "strided", "random"])
def test_old_coarse_files_are_recovered_to_the_same_error(scheme):
    coarse, fine = mpisim.read(OLD / f"{scheme}.nc"), mpisim.read(FINE)
    known = {key.split()[1]: value for key, value in NUMBERS.items() if key.startswith(f"{scheme} ")}
    assert known
    for method, error in known.items():
        assert calib.nrmse(calib.recover(coarse, method), fine) == pytest.approx(error, rel=1e-6), method


def test_the_simulation_gives_the_same_matrix():
    old = mpisim.read(FINE)
    scanner = mpisim.open_sided_ffl(0.6, angles=4, harmonics=(2, 3, 5, 8))
    for path in ("auto", "ridge", "general", "line_profile", "equilibrium"):
        new = mpisim.simulate(scanner, mpisim.Particle(24e-9), mpisim.Grid((16, 16)), path=path)
        assert mpisim.nrmse(new, old) < 1e-6, path
        assert new.attrs["scanner"] == old.attrs["scanner"] and new.attrs["particle"] == old.attrs["particle"]


def test_sampling_and_measurement_draw_the_same_numbers():
    fine = mpisim.read(FINE)
    for scheme in ("box", "strided", "random"):
        assert (
            mpisim.nrmse(calib.downsample(fine, 2, scheme, snr=33.7, seed=3), mpisim.read(OLD / f"{scheme}.nc")) < 1e-7
        )
    y = recon.measure(fine, recon.phantoms.tubes(), snr=30, seed=1)
    old = mpisim.read(OLD / "measurement.nc")
    assert mpisim.nrmse(y, old) < 1e-6 and np.allclose(y["phantom"], old["phantom"])


def test_old_measurements_give_the_same_images():
    fine, y, image = (mpisim.read(f) for f in (FINE, OLD / "measurement.nc", OLD / "image.nc"))
    former = {"tikhonov": {"regularisation": 1e-3}, "kaczmarz": {"regularisation": 1e-3}, "admm": {"preset": "transms"}}
    assert recon.nrmse(recon.reconstruct(fine, y, "tikhonov", **former["tikhonov"]), image) < 1e-6
    for method, error in NUMBERS["image"].items():
        found = recon.reconstruct(fine, y, method, **former[method])
        assert recon.nrmse(found, image) == pytest.approx(error, rel=1e-4)


def test_recovered_files_read_and_open_with_xarray():
    data = mpisim.read(OLD / "recovered.nc")
    assert data.attrs["recovery"]["method"] == "ridge" and data.attrs["origin"] == "recovered"
    assert xr.open_dataset(OLD / "recovered.nc", engine="mpisim").identical(data)


def test_a_data_set_goes_on(tmp_path):
    """A folder of version 0.1.0 is taken for the same data set: only what is missing is simulated."""
    shutil.copytree(OLD / "data", tmp_path / "data")
    missing = tmp_path / "data" / "train" / "g0.5000_d26.000.nc"
    missing.unlink()
    before = {f: f.stat().st_mtime_ns for f in (tmp_path / "data").rglob("*.nc")}
    files = generate(CASES, SPEC, tmp_path / "data")
    assert len(files) == 8 and missing.is_file()
    assert all(f.stat().st_mtime_ns == stamp for f, stamp in before.items())


def test_configurations_with_the_keys_of_0_1_0_train(tmp_path, capsys):
    words = [
        "--data",
        str(OLD / "data"),
        "--config",
        str(OLD / "config.toml"),
        "--out",
        str(tmp_path / "run"),
        "--json",
    ]
    assert main(["train", *words]) == 0
    assert json.loads(capsys.readouterr().out)["step"] == 2
