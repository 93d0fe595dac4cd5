"""Bundled weights: their description, the errors that the README states, and how runs are bundled."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import calib
import mpisim
from calib.learned.apply import apply_model
from calib.learned.bundled import bundle, bundled_weights, realistic_weights
from calib.learned.checkpoint import load_model, save_model
from calib.recovery import recover_usually
from calib.training.recipe import recipe
from calib.training.train import train
from mpisim.data.views import as_images
from mpisim.dataset.cases import transms_cases
from mpisim.dataset.realistic import realistic_cases
from mpisim.errors import DataWarning, InputError


def trained(data, out, **options):
    """Train TranSMS at 4x for a few steps; return the folder."""
    train(recipe(batch=8, **options), data["train"], data["validation"], out)
    return out


def test_they_state_how_they_were_made():
    model, metadata = load_model(bundled_weights("transms", 4))
    assert model.config.factor == 4
    assert metadata["step"] == metadata["train"]["steps"]
    assert metadata["train"]["factor"] == 4 and metadata["validation_nrmse"] < 0.03


@pytest.mark.parametrize(
    ("factor", "snr", "percent"),
    [(2, 33.7, 0.40), (2, None, 0.045), (4, 33.7, 0.62), (4, None, 0.145), (8, 33.7, 2.8), (8, None, 0.38)],
)
def test_error_on_unseen_matrices(factor, snr, percent):
    """Five test matrices, none of which is a training matrix: errors at most a tenth above those of the README."""
    cases = transms_cases()
    assert not {c.name for c in cases if c.split == "train"} & {c.name for c in cases if c.split != "train"}
    errors = []
    for i, case in enumerate([c for c in cases if c.split == "test"][::7]):
        scanner = mpisim.open_sided_ffl(case.sf_gradient, angles=12)  # a fifth of those of the README
        fine = mpisim.simulate(scanner, mpisim.Particle(case.particle_diameter))
        errors.append(calib.nrmse(recover_usually(calib.downsample(fine, factor, snr=snr, seed=i)), fine))
    assert 100 * np.mean(errors) < percent


@pytest.fixture(scope="module")
def imperfect():
    """Fine matrices of four scanners of no training: the first of each level and of those outside, at three angles."""
    cases = {case.attributes["scanner_level"]: case for case in reversed(realistic_cases(splits=("test", "outside")))}
    assert set(cases) == {"mild", "medium", "strong", "outside"}
    setups = [case.setup for case in cases.values()]
    few = [replace(s, scanner=replace(s.scanner, angles=s.scanner.angles[::20], harmonics=(2, 4, 7))) for s in setups]
    return [setup.simulate() for setup in few]


@pytest.mark.filterwarnings("ignore:The weights")  # angles of no training, and physics outside of the levels
@pytest.mark.parametrize(("method", "factor"), [("transms", 2), ("transms", 4), ("vdsr", 2), ("vdsr", 4)])
def test_weights_of_imperfect_scanners_beat_those_of_ideal_ones(imperfect, method, factor):
    errors = {}
    for file in (bundled_weights(method, factor), realistic_weights(method, factor)):
        coarse = [calib.downsample(fine, factor, snr=33.7, seed=i) for i, fine in enumerate(imperfect)]
        found = [calib.recover(c, method, weights=file) for c in coarse]
        errors[file.stem] = [calib.nrmse(a, b) for a, b in zip(found, imperfect, strict=True)]
    ideal, realistic = errors.values()
    assert np.mean(realistic) < np.mean(ideal)


def test_rectangular_grids_and_other_scanners():
    """A grid and angles of no training matrix, which is said: far better than interpolation all the same."""
    fine = mpisim.simulate(
        mpisim.open_sided_ffl(0.7, fov=0.032, angles=[0.1, 0.7]),
        mpisim.Particle(22e-9),
        mpisim.Grid((48, 32), (0.048, 0.032)),
    )
    coarse = calib.downsample(fine, 4, snr=33.7)
    with pytest.warns(DataWarning, match=r"transms_4x.* were trained on .* has 48 x 32 fine voxels \(not 32 x 32\)"):
        found = calib.recover(coarse, "transms")
    assert calib.nrmse(found, fine) < 0.5 * calib.nrmse(calib.recover(coarse, "bicubic-dc"), fine)


@pytest.mark.filterwarnings("ignore:The weights transms")  # trained on 32 x 32 voxels
@pytest.mark.parametrize(("snr", "name"), [(33.7, "transms_4x"), (None, "transms_4x_noiseless")])
def test_exact_data_are_recovered_with_weights_for_exact_data(data, snr, name):
    fine = calib.recover(calib.downsample(data["validation"][0], 4, snr=snr, seed=0), "transms")
    assert fine.attrs["recovery"]["weights"] == f"{name}.safetensors"


def test_weights_for_exact_data_are_preferred_where_there_are_any(data, tmp_path):
    noisy = bundle(trained(data, tmp_path / "noisy", steps=1, noiseless_fraction=0.5), tmp_path)
    assert bundled_weights("transms", 4, True, tmp_path) == noisy
    exact = bundle(trained(data, tmp_path / "exact", steps=1, noiseless_fraction=1.0), tmp_path)
    assert exact.name == "transms_4x_noiseless.safetensors"
    assert bundled_weights("transms", 4, True, tmp_path) == exact
    assert bundled_weights("transms", 4, False, tmp_path) == noisy


def test_bundled_weights_are_those_of_the_run_in_half_precision(data, tmp_path):
    """They recover as the run's weights do to 1e-3 of the rows, with half the bytes and the same description."""
    run = trained(data, tmp_path / "run", steps=10)
    file, source = bundle(run, tmp_path), run / "weights.safetensors"
    (halved, stated), (whole, metadata) = load_model(file), load_model(source)
    assert stated == metadata and file.name == "transms_4x.safetensors"
    assert file.stat().st_size < 0.55 * source.stat().st_size
    assert file.with_suffix(".csv").read_text() == (run / "log.csv").read_text()
    coarse = calib.downsample(data["validation"][0], 4, snr=33.7, seed=0)
    a, b = (as_images(apply_model(model, coarse)) for model in (halved, whole))
    assert np.linalg.norm(a - b) < 1e-3 * np.linalg.norm(b)


def test_weights_beyond_half_precision_are_refused(data, tmp_path):
    """Counts of batches, which grow with every training, are integers and may exceed it."""
    run = trained(data, tmp_path / "run", steps=1)
    model, metadata = load_model(run / "weights.safetensors")
    for name, value in model.net.state_dict().items():
        if name.endswith("num_batches_tracked"):
            value.fill_(100_000)
    save_model(run / "weights.safetensors", model, {"train": metadata["train"]})
    halved, _ = load_model(bundle(run, tmp_path / "bundled"))
    assert 100_000 in [int(v) for k, v in halved.state_dict().items() if k.endswith("num_batches_tracked")]
    with torch.no_grad():
        model.net.last.bias[0] = 1e5
    save_model(run / "weights.safetensors", model, {"train": metadata["train"]})
    with pytest.raises(InputError, match=r"Input weights must be within half precision; instead received 1e\+05"):
        bundle(run, tmp_path)
