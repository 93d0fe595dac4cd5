"""`mpisim dataset` with imperfect scanners: cases of a scanner file, and what is refused before work starts."""

import json

import pytest

import mpisim
from mpisim.cli.main import main
from mpisim.dataset.realistic import fixed_setup

SMALL = ["--grid", "4", "--angle-step", "90", "--sample-size", "1", "--harmonics", "2,3"]


@pytest.fixture
def scanner(tmp_path):
    """File of an imperfect scanner that leaves gradient and diameter to the command line."""
    tables = "[scanner]\nclass = 'ImperfectFFL'\n[scanner.line]\noffset = 1e-4\n"
    text = f"{tables}[particle]\nclass = 'LogNormal'\nspread = 0.1\n"
    (tmp_path / "mine.toml").write_text(text)
    return str(tmp_path / "mine.toml")


def test_gradients_and_diameters_of_a_scanner_file(scanner, tmp_path, capsys):
    out = tmp_path / "data"
    ranges = ["--sf-gradient", "0.5,0.7", "--particle-diameter", "20"]
    command = ["dataset", "--scanner", scanner, *ranges, *SMALL, "--factor", "2", "--split", "train", "--out", str(out)]
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"out": str(out), "matrices": 2, "factors": [2]}
    matrix = mpisim.read(out / "train" / "g0.5000_d20.000.nc")
    assert matrix.attrs["scanner"]["line"]["offset"] == 1e-4 and matrix.attrs["particle"]["spread"] == 0.1
    assert float(matrix["sf_gradient"]) == 0.5 and float(matrix["particle_diameter"]) == 20e-9
    before = (out / "train" / "dataset.json").read_bytes()
    assert main(command) == 0  # resumes
    assert (out / "train" / "dataset.json").read_bytes() == before


def test_coarse_files_of_another_noise_are_refused_by_their_flags(scanner, tmp_path, capsys):
    ranges = ["--sf-gradient", "0.5", "--particle-diameter", "20"]
    command = ["dataset", "--scanner", scanner, *ranges, *SMALL, "--factor", "2", "--out", str(tmp_path / "data")]
    assert main(command) == 0
    capsys.readouterr()
    assert main([*command, "--snr", "20"]) == 2
    assert "mpisim: Input --snr and --seed must be those of the coarse files" in capsys.readouterr().err


def test_a_scanner_with_its_own_gradient_and_diameter_is_one_matrix(tmp_path):
    mpisim.write_scanner(fixed_setup("mild"), tmp_path / "own.toml")
    grid = ["--grid", "4", "--sample-size", "1", "--angle-step", "90"]
    assert main(["dataset", "--scanner", str(tmp_path / "own.toml"), *grid, "--out", str(tmp_path / "data")]) == 0
    assert [f.name for f in sorted((tmp_path / "data").glob("*.nc"))] == ["g0.7000_d25.000.nc"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--preset", "realistic", "--grid", "16"], "preset realistic must be without options of the scanner"),
        (["--preset", "realistic", "--thick"], "preset realistic must be without options of the scanner"),
        (["--preset", "realistic", "--split", "trian"], "split must be one of train, validation, test, outside"),
        (["--preset", "realistic", "--scanners", "0"], "--scanners must be"),
        (
            ["--preset", "realistic", "--factor", "3"],
            "factor must be a divisor of the grid 32 x 32 where --edge is",
        ),
        (["--preset", "realistic", "--factor", "3", "--edge", "cut"], "edge must be one of fill, crop"),
        (["--preset", "transms", "--split", "outside"], "split must be one of train"),
        (["--preset", "transms", "--scanners", "4"], "--scanners must be left out unless the preset is realistic"),
        (["--scanner", "MINE", "--sf-gradient", "0.5"], "--particle-diameter must be given, since"),
        (["--scanner", "MINE", "--particle-diameter", "20"], "--sf-gradient must be given, since"),
    ],
)
def test_what_is_refused(scanner, tmp_path, capsys, options, words):
    options = [scanner if o == "MINE" else o for o in options]
    assert main(["dataset", *options, "--out", str(tmp_path / "data")]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
    assert not (tmp_path / "data").exists()
