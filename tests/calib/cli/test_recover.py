"""Options of `mpisim recover` that cannot be taken are refused in one sentence, before anything is written."""

import re

import pytest

import calib
import mpisim
from mpisim.cli.main import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A coarse matrix, one of other harmonics, one without angles, a fit, and files that are wrong in some way."""
    folder = tmp_path_factory.mktemp("recover")
    grid, particle = mpisim.Grid((8, 8)), mpisim.Particle(24e-9)
    for name, harmonics in (("coarse", (2, 3)), ("other", (3, 4))):
        fine = mpisim.simulate(mpisim.open_sided_ffl(0.8, angles=4, harmonics=harmonics), particle, grid)
        mpisim.write(calib.downsample(fine, 2, snr=33.7, seed=1), folder / f"{name}.nc")
    mpisim.write(fine, folder / "fine.nc")
    mpisim.write(mpisim.read(folder / "coarse.nc").drop_vars("angle"), folder / "no_angles.nc")
    files = [str(folder / name) for name in ("coarse.nc", "fit.nc", "fit.toml")]
    assert not main(
        ["recover", files[0], "--method", "physical", "--out", files[1], "--scanner-out", files[2]]
        + ["--sf-gradient", "0.8"]
    )
    text = (folder / "fit.toml").read_text()
    table = text.index("[fit]")
    (folder / "without.toml").write_text(text[:table])
    (folder / "words.toml").write_text(re.sub(r"(?m)^values = .*$", 'values = ["a"]', text))
    (folder / "fewer.toml").write_text(text[:table] + re.sub(r"(?m)^angles = .*$", "angles = [0.1]", text[table:]))
    (folder / "broken.nc").write_bytes(b"CDF\x01broken")
    (folder / "empty").mkdir()
    (folder / "page.html").mkdir()
    return folder


REFUSED = {
    "no earlier fit": ("coarse.nc", "--prior-scanner nothing.nc", "must be an existing file"),
    "broken": ("coarse.nc", "--prior-scanner broken.nc", "broken.nc must be a readable NetCDF file"),
    "not fitted": ("coarse.nc", "--prior-scanner fine.nc", "--prior-scanner must be a matrix that physical recovered"),
    "no table": ("coarse.nc", "--prior-scanner without.toml", "--prior-scanner must be a scanner file with the table"),
    "words": ("coarse.nc", "--prior-scanner words.toml", "--prior-scanner must be a scanner file whose table fit is"),
    "fewer angles": ("coarse.nc", "--prior-scanner fewer.toml", "--prior-scanner must be a scanner file whose table"),
    "another scanner": ("other.nc", "--prior-scanner fit.nc", "--prior-scanner must be a fit of the harmonics"),
    "no prior": ("coarse.nc", "--prior nothing", "--prior must be a file of `mpisim prior` or a folder"),
    "no matrices": ("coarse.nc", "--prior empty", "--prior must be a folder with fine matrices"),
    "no scanner": ("no_angles.nc", "--angles 8", "--angles must be left out, since no scanner can be fitted without"),
    "not by ridge": ("coarse.nc", "--angles 8 --method ridge", "--angles must be left out for the method ridge"),
    "no number": ("coarse.nc", "--angles 2.5", "--angles must be a whole number"),
    "no .toml": ("coarse.nc", "--scanner-out coarse.nc", "--scanner-out must be a .toml file"),
    "not fitting": ("coarse.nc", "--scanner-out s.toml --method ridge", "--method must be physical or auto"),
    "below a file": ("coarse.nc", "--scanner-out coarse.nc/s.toml", "--scanner-out must be in a folder that can"),
    "page below a file": ("coarse.nc", "--diagnostics coarse.nc/d.html", "--diagnostics must be in a folder that can"),
    "a folder": ("coarse.nc", "--diagnostics page.html", "must be a file name; instead received the folder"),
}


OF_PHYSICAL = {
    f"{name}, physical": (case[0], f"{case[1]} --method physical", case[2])
    for name, case in REFUSED.items()
    if case[1].startswith("--prior-scanner")
}


@pytest.mark.parametrize(("matrix", "options", "sentence"), (REFUSED | OF_PHYSICAL).values(), ids=REFUSED | OF_PHYSICAL)
def test_what_cannot_be_taken_is_refused(folder, monkeypatch, capsys, matrix, options, sentence):
    monkeypatch.chdir(folder)
    assert main(["recover", matrix, *options.split(), "--out", "out.nc"]) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1 and "; instead received" in said
    assert not (folder / "out.nc").exists() and not (folder / "s.toml").exists()


@pytest.mark.filterwarnings("ignore:The method is")
def test_a_scanner_that_was_not_fitted_is_not_written(folder, monkeypatch, capsys):
    """Only the result tells: the matrix is there, the scanner is not."""
    monkeypatch.chdir(folder)
    assert main(["recover", "no_angles.nc", "--method", "auto", "--scanner-out", "s.toml", "--out", "left.nc"]) == 2
    words = r"--scanner-out must be left out, since no scanner could be fitted: left.nc was recovered by \S+; instead"
    assert re.search(words, capsys.readouterr().err)
    assert not (folder / "s.toml").exists()
