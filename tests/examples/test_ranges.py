"""The examples with ranges as options: `how_coarse.py` and `gradient.py`, each small."""

import importlib.util
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import calib
import mpisim
from recon import point_spread

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name):
    """Import an example as a module."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_how_coarse_gives_errors_and_answers(tmp_path, capsys):
    words = ["--grid", "16", "--angle-step", "45", "--methods", "bicubic,bicubic-dc", "--factors", "2,4"]
    words += ["--gradients", "0.8,0.5", "--diameters", "22", "--target", "20", "--out", str(tmp_path / "a.png")]
    errors = example("how_coarse").main(words)
    printed = capsys.readouterr().out
    assert errors.shape == (2, 2, 2) and np.all(errors[:, 1] <= errors[:, 0])
    scanner = mpisim.open_sided_ffl(0.5, angles=4)
    fine = mpisim.simulate(scanner, mpisim.Particle(22e-9), mpisim.Grid((16, 16)))
    found = calib.recover(calib.downsample(fine, factor=4, snr=33.7, seed=0), "bicubic")
    assert errors[1, 0, 1] == pytest.approx(100 * calib.nrmse(found, fine))
    worst = errors[:, 0, 0].max()
    assert re.search(rf"bicubic .*\({worst:.2f}\)", printed)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    answers = printed.split("for 20 %:")[1].splitlines()
    for line, method in zip(answers[1:3], errors.transpose(1, 0, 2), strict=True):
        good = [f for k, f in enumerate((2, 4)) if method[:, k].max() <= 20]
        assert (f"{max(good)} x {max(good)} voxels" if good else "no sample") in line


def test_resolution_and_noise_follow_the_laws(tmp_path, capsys):
    gradient = example("gradient")
    words = ["--gradients", "0.3,0.6", "--diameters", "25", "--harmonics", "2:9", "--out", str(tmp_path / "g.png")]
    loud = gradient.main([*words, "--noise-density", "1e-8"])
    quiet = gradient.main([*words, "--noise-density", "1e-9"])
    assert np.allclose(quiet[2] - loud[2], 20)  # ten times less noise
    assert np.all(quiet[0] < loud[0]) and quiet[0, 0, 1] < quiet[0, 0, 0]
    assert np.allclose(quiet[1, 0, 0], 2 * quiet[1, 0, 1])  # the response narrows as the gradient grows
    particle = mpisim.Particle(25e-9)
    assert quiet[1, 0, 0] == pytest.approx(4.16 / (particle.beta * 0.3), rel=2e-3)  # Goodwill and Conolly 2010
    assert "resolution  response     SNR" in capsys.readouterr().out
    assert (tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")


def test_the_width_of_a_triangle_is_that_at_half_its_height():
    full_width = point_spread.full_width
    triangle = np.maximum(0, 1 - np.abs(np.arange(-10, 11)) / 7.0)
    assert full_width(triangle, 0.5) == pytest.approx(3.5)
    assert np.isnan(full_width(np.ones(21), 0.5))


def test_noise_of_a_harmonic_is_the_density_over_the_root_of_twice_the_time():
    """E|n|^2 = S / (2 t) for the Fourier coefficient of white noise over the time t, by simulation."""
    density, seconds, rate = 2e-9, 0.01, 1e5
    count = round(seconds * rate)
    samples = np.random.default_rng(0).standard_normal((4000, count)) * density * np.sqrt(rate / 2)
    harmonic = np.exp(-2j * np.pi * 100 * np.arange(count) / count)
    measured = np.sqrt(np.mean(np.abs(samples @ harmonic / count) ** 2))
    assert measured == pytest.approx(example("gradient").noise_level(density, seconds), rel=0.05)


def test_how_coarse_takes_an_imperfect_scanner(tmp_path):
    words = ["--grid", "16", "--angle-step", "60", "--methods", "bicubic-dc", "--factors", "2"]
    errors = example("how_coarse").main([*words, "--scanner", "mild", "--out", str(tmp_path / "a.png")])
    setup = mpisim.read_scanner("mild")
    scanner = replace(setup.scanner, angles=mpisim.open_sided_ffl(0.7, angles=3).angles)
    fine = replace(setup, scanner=scanner, grid=mpisim.Grid((16, 16))).simulate()
    found = calib.recover(calib.downsample(fine, factor=2, snr=33.7, seed=0), "bicubic-dc")
    assert errors.shape == (1, 1, 1) and errors[0, 0, 0] == pytest.approx(100 * calib.nrmse(found, fine))


CONTRADICTIONS = {
    "mild": "Input sf_gradient must be 0.7 T/m, as mild says, or left out; instead received 0.6.",
    "milt": "did you mean mild?",
}


@pytest.mark.parametrize("scanner", CONTRADICTIONS)
@pytest.mark.parametrize("name", ["how_coarse", "gradient"])
def test_a_scanner_that_does_not_fit_is_refused(name, scanner, capsys):
    words = ["--gradients", "0.6", "--diameters", "25", "--scanner", scanner]
    with pytest.raises(SystemExit) as done:
        example(name).main([*words, *(["--harmonics", "2:3"] if name == "gradient" else [])])
    assert done.value.code == 2 and CONTRADICTIONS[scanner] in capsys.readouterr().err


@pytest.mark.parametrize("name", ["how_coarse", "gradient"])
def test_help_names_the_ranges(name, capsys):
    with pytest.raises(SystemExit) as done:
        example(name).main(["--help"])
    assert done.value.code == 0 and "first:last:count" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["how_coarse", "gradient"])
def test_bad_input_gets_its_sentence(name, capsys):
    with pytest.raises(SystemExit) as done:
        example(name).main(["--gradients", "500"])
    assert done.value.code == 2
    assert "Input --gradients must be from 0.01 to 50 T/m; instead received 500." in capsys.readouterr().err
