"""The examples about imperfect scanners: `coil_inhomogeneity.py`, `angles.py` and `jitter.py`, each small."""

import re

import numpy as np
import pytest

import mpisim
from tests.examples.test_ranges import example

NAMES = ("coil_inhomogeneity", "angles", "jitter")


def test_a_coil_of_twice_the_distance_in_radius_is_nearly_homogeneous(tmp_path, capsys):
    """A loop's field on its plane is flattest where its radius is about twice the distance."""
    words = ["--radii", "20,50", "--height", "25", "--angles", "3", "--methods", "bicubic-dc"]
    coil = example("coil_inhomogeneity")
    coil.GRID = grid = mpisim.Grid((12, 12))
    errors, quality = coil.main([*words, "--out", str(tmp_path / "c.png")])
    assert errors.shape == quality.shape == (2, 2)
    assert errors[0, 0] > 20 > 1 > errors[1, 0] and quality[0, 0] < quality[1, 0]
    printed = capsys.readouterr().out
    off = [float(v) for v in re.findall(r"inhomogeneity ([\d.]+) %", printed)]
    assert off[0] > 50 and off[1] < 3
    x, y = grid.centers()[0, :2]
    corner = mpisim.WoundCoil((mpisim.Loop((0, 0, -0.025), (0, 0, 1), 0.02),)).sensitivity(
        np.array([[x, y, 0], [0, 0, 0]]), 0.0
    )[:, 2]
    assert off[0] == pytest.approx(100 * (1 - corner[0] / corner[1]), abs=0.06)
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


def test_more_angles_have_more_elements_until_the_noise_limits_them(tmp_path, capsys):
    words = ["--angles", "1,2,8", "--scanners", "ideal", "--grid", "10", "--snr", "20"]
    quality, elements = example("angles").main([*words, "--out", str(tmp_path / "a.png")])
    assert elements[0, :2].tolist() == [8, 16]  # the harmonics 2 to 9 of each angle
    assert 16 < elements[0, 2] < 64
    assert quality[0, 0] < quality[0, 1] < quality[0, 2]
    assert "8 elements" in capsys.readouterr().out
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.filterwarnings("ignore::mpisim.errors.DataWarning")  # rows with jitter fit no profile
def test_the_error_of_jitter_grows_in_proportion_and_is_smaller_for_large_samples(tmp_path, capsys):
    words = ["--jitter", "0,0.05,0.1", "--angles", "3", "--draws", "1", "--methods", "profile"]
    errors, quality = example("jitter").main([*words, "--out", str(tmp_path / "j.png")])
    assert errors[0, 0] == 0 and 0.8 < errors[1, 0] < 2
    assert errors[2, 0] == pytest.approx(2 * errors[1, 0], rel=0.02)
    assert quality[2, 0] < quality[1, 0]
    assert np.hypot(errors[0, 1], errors[2, 0]) > errors[2, 1] > errors[0, 1]
    assert "0.05 mm" in capsys.readouterr().out
    assert (tmp_path / "j.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", NAMES)
def test_help_and_bad_input(name, capsys):
    with pytest.raises(SystemExit) as done:
        example(name).main(["--help"])
    assert done.value.code == 0 and "(default" in capsys.readouterr().out
    with pytest.raises(SystemExit) as done:
        example(name).main(["--radii" if name == "coil_inhomogeneity" else f"--{name}", "x"])
    assert done.value.code == 2 and "; instead received 'x'" in capsys.readouterr().err
