"""The example of a noise floor in volts."""

import importlib.util
from pathlib import Path

import numpy as np

EXAMPLE = Path(__file__).parents[2] / "examples" / "noise_floor.py"


def example():
    spec = importlib.util.spec_from_file_location("example_noise_floor", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_averages_lower_the_noise_and_the_figure_is_drawn(tmp_path, capsys, monkeypatch):
    module = example()
    monkeypatch.setattr(module, "GRID", module.mpisim.Grid((4, 4), (0.032, 0.032)))
    monkeypatch.setattr(module, "ANGLES", 2)
    (tmp_path / "noise.csv").write_text("1e3 1e-7\n1e6 1e-8\n")
    words = ["--averages", "4", "--out", str(tmp_path / "a.png")]
    rms, noise = module.main(words)
    assert rms.shape == noise.shape == (50,) and np.all(rms[2::5] > 10 * noise[2::5])
    assert np.all(np.abs(np.delete(rms / noise, np.arange(2, 50, 5)) - 1) < 0.5)
    _, louder = module.main([*words, "--spectrum", str(tmp_path / "noise.csv")])
    assert np.all(louder > noise) and "SNR in dB" in capsys.readouterr().out
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
