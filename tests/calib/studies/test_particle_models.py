"""The study of cheaper models of the tracer: best times and gains, and its files."""

import numpy as np

from calib.studies import particle_models as study
from calib.studies.harness.study import studies


def test_the_best_time_is_found():
    omega = 2e5 * np.arange(2, 6)
    rows = np.random.default_rng(0).normal(size=(4, 6)) + 0j
    relaxed = rows / (1 + 1j * omega[:, None] * study._TIMES[300])
    assert study._percent(study._best_debye(rows, relaxed, omega), relaxed) < 1e-10
    assert study._percent(rows, relaxed) > 1
    assert study._percent(study._with_gains(rows, relaxed), relaxed) < 1e-10
    assert np.isclose(study._percent(rows, 2 * rows), 50)


def test_the_files_and_figures(tmp_path, monkeypatch):
    few = [study._Case("neel", 15.0, 0.0, 25.0), study._Case("brown", 15.0, 0.0, 25.0)]
    monkeypatch.setattr(study, "_cases", lambda quick: iter(few))
    result = studies()["particle-models"](tmp_path, quick=True)
    names = ["particle_models_quick.nc", "particle_models_quick.csv", "particle_models_quick.png"]
    assert all((tmp_path / name).is_file() for name in [*names, "particle_models_brown_quick.png"])
    found = {(row["rotation"], row["model"]): row["percent"] for row in result["table"]}
    assert found["neel", "langevin"] == found["neel", "easy-axis"]
    assert 0 < found["neel", "langevin+debye"] < found["neel", "langevin"] < 1 < found["brown", "langevin"]
    assert found["brown", "langevin+debye"] < found["brown", "langevin"]
