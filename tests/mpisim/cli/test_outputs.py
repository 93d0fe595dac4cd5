"""No command writes over a file that it reads, and a side output has the suffix of what it is."""

import shutil

import pytest

import calib
import mpisim
from tests.commands import run


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outputs")
    scanner = mpisim.open_sided_ffl(0.9, angles=2, harmonics=(2, 3))
    fine = mpisim.simulate(scanner, mpisim.Particle(24e-9), mpisim.Grid((8, 8)))
    mpisim.write(fine, folder / "sm.nc")
    mpisim.write(calib.downsample(fine, 2), folder / "fine_bicubic.nc")
    shutil.copy(folder / "sm.nc", folder / "f.csv")
    shutil.copy(folder / "sm.nc", folder / "sm.png")
    (folder / "link.csv").symlink_to(folder / "f.csv")
    (folder / "weights.safetensors").write_bytes(b"weights")
    return folder


LINES = {
    "evaluate {f}/sm.nc --reference {f}/sm.nc --rows {f}/sm.nc": "--rows must be a .csv file",
    "evaluate {f}/f.csv --reference {f}/sm.nc --rows {f}/f.csv": "--rows must be another file than the input",
    "evaluate {f}/sm.nc --reference {f}/f.csv --rows {f}/link.csv": "--rows must be another file than the input",
    "plot {f}/sm.png": "--out must be another file than the input",
    "plot {f}/sm.nc --out {f}/sm.nc": "--out must be a .png file",
    "compare {f}/fine_bicubic.nc --reference {f}/sm.nc --keep --out {f}": "--out must be another file than the input",
    "train --data {f} --start {f}/weights.safetensors --out {f}": "--out must be another file than the input",
    "reconstruct {f}/sm.nc {f}/sm.nc --row-mask {f}/sm.nc --out {f}/sm.nc": "output file must be another file than",
}


@pytest.mark.parametrize("line", LINES)
def test_an_output_is_no_input(files, capsys, line):
    before = {file: file.read_bytes() for file in files.iterdir()}
    code, out, err = run(capsys, *line.format(f=files).split())
    assert (code, out) == (2, "") and LINES[line] in err
    assert {file: file.read_bytes() for file in files.iterdir()} == before
