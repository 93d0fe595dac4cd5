"""The training loop: it learns, resumes to the same weights, draws the same rows, and refuses what does not fit."""

import numpy as np
import pytest
import torch

import calib
import mpisim
from calib.learned.bundled import ship
from calib.learned.checkpoint import load_model, load_tensors, save_model, save_tensors
from calib.recovery import apply_model
from calib.training.recipe import TrainConfig, learning_rate, published, recipe
from calib.training.rows import TrainingRows
from calib.training.train import Run, train
from mpisim.data.grid import Grid
from mpisim.data.views import as_images
from mpisim.dataset.reader import read_split
from mpisim.errors import DivergenceError, InputError

SMALL = dict(factor=4, batch=8, snr=33.7, validate_every=10, checkpoint_every=10)


def weights(path):
    return load_tensors(path / "weights.safetensors", "weights")[0]


def test_resumed_equals_uninterrupted(data, tmp_path):
    config = TrainConfig(steps=20, **SMALL)
    train(config, data["train"], data["validation"], tmp_path / "whole")

    class StopError(Exception):
        """What interrupts."""

    def stop(line):
        raise StopError

    interrupted = tmp_path / "halves"
    config_ten = TrainConfig(steps=20, **SMALL | dict(checkpoint_every=5))
    whole_five = tmp_path / "whole_five"
    train(config_ten, data["train"], data["validation"], whole_five)
    with pytest.raises(StopError):
        train(config_ten, data["train"], data["validation"], interrupted, report=stop)
    with pytest.raises(InputError, match="resumed with --resume"):
        train(config_ten, data["train"], data["validation"], interrupted)
    with pytest.raises(InputError, match="instead received another learning_rate"):
        other = TrainConfig(steps=20, learning_rate=1e-3, **SMALL | dict(checkpoint_every=5))
        train(other, data["train"], data["validation"], interrupted, resume=True)
    train(config_ten, data["train"], data["validation"], interrupted, resume=True)
    a, b, c = weights(tmp_path / "whole"), weights(interrupted), weights(whole_five)
    assert all(torch.equal(a[k], b[k]) and torch.equal(a[k], c[k]) for k in a)
    (interrupted / "weights.safetensors").unlink()  # what a finished run has lost is written anew
    train(config_ten, data["train"], data["validation"], interrupted, resume=True)
    assert all(torch.equal(a[k], v) for k, v in weights(interrupted).items())
    log = (interrupted / "log.csv").read_text().splitlines()
    assert log[0] == "step,minutes,learning_rate,validation_nrmse"
    assert [line.split(",")[0] for line in log[1:]] == ["10", "20"]


def test_errors_noted_are_resumed(data, tmp_path):
    """Where rows are drawn by their last error, a resumed run knows the errors of the first half."""
    config = TrainConfig(steps=6, draw="error", loss="norm", **SMALL | dict(checkpoint_every=3))
    whole = Run(config, data["train"], data["validation"], tmp_path / "whole", False, "cpu")
    half = Run(config, data["train"], data["validation"], tmp_path / "half", False, "cpu")
    for run, steps in ((whole, 6), (half, 3)):
        for _ in range(steps):
            run.advance()
    half.save()
    resumed = Run(config, data["train"], data["validation"], tmp_path / "half", True, "cpu")
    assert torch.equal(resumed.rows.share, half.rows.share)
    assert not torch.equal(resumed.rows.share, resumed.rows.detail)
    for _ in range(3):
        resumed.advance()
    assert torch.equal(resumed.rows.share, whole.rows.share)


def test_resuming_on_other_data_is_refused(data, tmp_path):
    config = TrainConfig(steps=2, **SMALL | dict(validate_every=2))
    train(config, data["train"], data["validation"], tmp_path)
    with pytest.raises(InputError, match=r"Input data must be what .* was trained on; instead received other matrices"):
        train(config, data["train"][:1], data["validation"], tmp_path, resume=True)


def test_without_matrices(data, tmp_path):
    config = TrainConfig(steps=2, **SMALL)
    for given, name in ((([], data["validation"]), "training"), ((data["train"], []), "validation")):
        with pytest.raises(InputError, match=f"Input {name} must be at least one matrix; instead received none"):
            train(config, *given, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_kill_while_saving_loses_no_step(data, tmp_path, monkeypatch):
    """The checkpoint is written last: whatever it claims is also in the weights and the log."""
    import calib.training.train as module

    config = TrainConfig(steps=4, **SMALL | dict(validate_every=2, checkpoint_every=2))
    train(config, data["train"], data["validation"], tmp_path / "whole")
    real, calls = module.save_model, []

    def fail_the_second(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(*arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "save_model", fail_the_second)
        train(config, data["train"], data["validation"], tmp_path / "killed")
    result = train(config, data["train"], data["validation"], tmp_path / "killed", resume=True)
    assert result["step"] == 4
    a, b = weights(tmp_path / "whole"), weights(tmp_path / "killed")
    assert all(torch.equal(a[k], b[k]) for k in a)


def test_it_learns_and_the_file_gives_what_was_validated(data, tmp_path):
    """80 steps beat the interpolant they start from, and the kept weights give the validated figure."""
    config = TrainConfig(steps=80, average=0.9, **SMALL | dict(factor=2, validate_every=80, batch=16))
    result = train(config, data["train"], data["validation"], tmp_path)
    fine = data["validation"][0]
    coarse = calib.downsample(fine, 2, snr=33.7, seed=0)
    start = calib.nrmse(calib.recover(coarse, "bicubic-dc"), fine)
    assert result["validation_nrmse"] < 0.9 * start
    model, about = load_model(tmp_path / "weights.safetensors")
    assert calib.nrmse(apply_model(model, coarse), fine) == pytest.approx(result["validation_nrmse"], rel=1e-5)
    assert about["train"]["seed"] == 0 and about["step"] == 80
    found = calib.recover(coarse, "transms", tmp_path / "weights.safetensors")
    assert calib.nrmse(found, fine) == pytest.approx(result["validation_nrmse"], rel=1e-5)


@pytest.mark.parametrize("loss", ["detail", "norm", "l1"])
def test_loss_of_a_batch(data, tmp_path, loss):
    """The loss is the mean of row errors: RMS over the row's or the batch's detail, or absolute over the coarse RMS."""
    run = Run(TrainConfig(steps=1, loss=loss, **SMALL), data["train"], data["train"], tmp_path, False, "cpu")
    batch = run.rows.batch(0, 8)
    with torch.no_grad():
        found, value = run.model(batch.coarse, batch.sigma), float(run._loss(batch))
    error = (found - batch.fine).numpy()
    size = np.sqrt((error**2).sum(1).mean((1, 2)))
    scale = np.sqrt((batch.coarse.numpy() ** 2).mean((1, 2, 3)))
    mean = np.abs(error / scale[:, None, None, None]).mean()
    detail = batch.detail.numpy()
    wanted = {"detail": np.mean(size / detail), "norm": np.mean(size) / np.mean(detail), "l1": mean}
    assert value == pytest.approx(wanted[loss], rel=1e-3)


def test_loss_in_units_of_the_matrix_is_the_sum_of_row_errors(data):
    """Drawn by detail and divided by it, the mean of any row error is its sum over rows times a constant."""
    source = TrainingRows(data["train"], 4, snr=None)
    batch = source.batch(3, 40000)
    energy = batch.fine.square().sum(1).mean((1, 2)).sqrt() / batch.detail
    whole = source.fine.square().sum(1).mean((1, 2)).sqrt().sum() / source.detail.sum()
    assert float(energy.mean()) == pytest.approx(float(whole), rel=0.03)


def test_schedules():
    cycle, halving = TrainConfig(steps=100), TrainConfig(steps=100, schedule="halving")
    rates = [learning_rate(cycle, s) for s in range(100)]
    assert max(rates) == pytest.approx(0.01) and rates.index(max(rates)) in (4, 5)
    assert rates[-1] < 1e-5
    assert {learning_rate(halving, s) / 0.01 for s in range(100)} == {1, 0.5, 0.25, 0.125, 0.0625}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(steps=0), "Input steps must be a whole number of at least 1"),
        (dict(learning_rate=-1.0), "Input learning_rate must be a positive number"),
        (dict(schedule="linear"), "Input schedule must be one of one-cycle, halving"),
        (dict(method="magic"), "Input method must be one of transms"),
        (dict(average=2.0), "Input average must be between 0 and 1"),
        (dict(between=1.5), "Input between must be between 0 and 1; instead received 1.5"),
        (dict(border=2.0), "Input border must be between 0 and 1; instead received 2.0"),
        (dict(border=-0.3), "Input border must be a number of zero or more; instead received -0.3"),
        (dict(border=0.3, canonical=False), "Input border must be 0 where canonical is off; instead received 0.3"),
        (dict(draw="errors"), "Input draw must be one of detail, error, uniform; instead received 'errors'"),
        (dict(loss="l2"), "Input loss must be one of detail, norm, l1; instead received 'l2'"),
        (dict(snr=float("nan")), "Input snr must be a finite number"),
    ],
)
def test_bad_configuration(options, message):
    with pytest.raises(InputError, match=message):
        TrainConfig(**options)


def test_data_that_do_not_fit_are_refused_before_work(data, tmp_path):
    with pytest.raises(InputError, match="multiples of 16 for factor 8; instead received 12 x 12"):
        small = mpisim.simulate(mpisim.open_sided_ffl(0.5, angles=2), mpisim.Particle(24e-9), Grid((12, 12)))
        train(TrainConfig(steps=1, factor=8), [small], [small], tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError, match="data set with the split train"):
        read_split(tmp_path, "train")
    with pytest.raises(InputError, match="Input device must be one that torch can use here"):
        train(TrainConfig(steps=1), data["train"], data["validation"], tmp_path / "run", device="cuda:7")


def test_published_options_and_half_precision(data, tmp_path):
    """The paper's model (no interpolant, rows scaled to [0.15, 0.85], halved rates) and bfloat16 stay finite."""
    config = published(steps=2, precision="bfloat16", **SMALL | dict(validate_every=2))
    result = train(config, data["train"], data["validation"], tmp_path)
    assert np.isfinite(result["validation_nrmse"])
    assert all(torch.isfinite(v).all() for v in weights(tmp_path).values())
    model, _ = load_model(tmp_path / "weights.safetensors")
    assert (model.config.skip, model.config.scaling) == ("none", "minmax")


def test_shipped_weights_are_those_of_the_run_in_half_precision(data, tmp_path):
    """What ships recovers as the run's weights do to 1e-3 of the row, in half the bytes, and tells how it was made."""
    train(TrainConfig(steps=10, **SMALL), data["train"], data["validation"], tmp_path / "run")
    file = ship(tmp_path / "run", tmp_path)
    source = tmp_path / "run" / "weights.safetensors"
    (found, told), (wanted, about) = load_model(file), load_model(source)
    assert told == about and file.name == "transms_4x.safetensors"
    assert file.stat().st_size < 0.55 * source.stat().st_size
    assert file.with_suffix(".csv").read_text() == (tmp_path / "run" / "log.csv").read_text()
    coarse = calib.downsample(data["validation"][0], 4, snr=33.7, seed=0)
    a, b = (as_images(apply_model(model, coarse)) for model in (found, wanted))
    assert np.linalg.norm(a - b) < 1e-3 * np.linalg.norm(b)


def test_weights_beyond_half_precision_do_not_ship(data, tmp_path):
    """Counts of batches, which grow over trainings, are whole numbers and may."""
    train(TrainConfig(steps=1, **SMALL), data["train"], data["validation"], tmp_path)
    model, about = load_model(tmp_path / "weights.safetensors")
    for name, value in model.net.state_dict().items():
        if name.endswith("num_batches_tracked"):
            value.fill_(100_000)
    save_model(tmp_path / "weights.safetensors", model, {"train": about["train"]})
    found, _ = load_model(ship(tmp_path, tmp_path / "shipped"))
    assert 100_000 in [int(v) for k, v in found.state_dict().items() if k.endswith("num_batches_tracked")]
    with torch.no_grad():
        model.net.last.bias[0] = 1e5
    save_model(tmp_path / "weights.safetensors", model, {"train": about["train"]})
    with pytest.raises(InputError, match="Input weights must be within half precision; instead received 1e\\+05"):
        ship(tmp_path, tmp_path)


def test_start_from_other_weights(data, tmp_path):
    """Tiny steps from other weights stay at them; those of another model, or other ones later, are refused."""
    train(TrainConfig(steps=10, **SMALL), data["train"], data["validation"], tmp_path / "first")
    file = tmp_path / "first" / "weights.safetensors"
    config = TrainConfig(steps=2, learning_rate=1e-9, average=0.0, **SMALL)
    train(config, data["train"], data["validation"], tmp_path / "second", start=file)
    before, after = weights(tmp_path / "first"), weights(tmp_path / "second")
    train(config, data["train"], data["validation"], tmp_path / "chain", start=tmp_path / "second/weights.safetensors")
    told = [load_model(tmp_path / name / "weights.safetensors")[1] for name in ("first", "second", "chain")]
    assert [t["start"] and t["start"]["steps"] for t in told] == [None, 10, 12]
    assert told[2]["start"]["minutes"] == pytest.approx(told[0]["minutes"] + told[1]["minutes"])
    kept = [k for k in before if "running" not in k and "num_batches" not in k]
    assert all(torch.allclose(before[k], after[k], atol=1e-6) for k in kept)
    with pytest.raises(InputError, match=r"Input start must be weights of ctsr at 4x; .* of transms at 4x"):
        other = TrainConfig(method="ctsr", steps=2, **SMALL)
        train(other, data["train"], data["validation"], tmp_path / "third", start=file)
    with pytest.raises(InputError, match=r"Input start must be what .* started from; instead received other weights"):
        train(config, data["train"], data["validation"], tmp_path / "second", resume=True)


def test_divergence_is_told_and_the_last_checkpoint_kept(data, tmp_path, monkeypatch):
    config = TrainConfig(steps=20, **SMALL)
    original = Run._loss

    def loss(run, batch):
        return original(run, batch) * (float("nan") if run.step == 12 else 1.0)

    monkeypatch.setattr(Run, "_loss", loss)
    wanted = "Input learning_rate must be small enough .* received 0.01, with a loss of nan at step 13"
    with pytest.raises(DivergenceError, match=wanted):
        train(config, data["train"], data["validation"], tmp_path)
    _, about = load_tensors(tmp_path / "checkpoint.safetensors", "checkpoint")
    assert about["step"] == 10


def test_resuming_from_other_keys_or_tensors_names_them(data, tmp_path):
    """Checkpoints of another version: a key of the configuration too many, a tensor missing."""
    config = TrainConfig(steps=1, **SMALL)
    train(config, data["train"], data["validation"], tmp_path)
    file = tmp_path / "checkpoint.safetensors"
    tensors, about = load_tensors(file, "checkpoint")
    about.pop("software")
    save_tensors(file, tensors, "checkpoint", {**about, "train": {**about["train"], "momentum": 0.5}})
    with pytest.raises(InputError, match="instead received another momentum"):
        train(config, data["train"], data["validation"], tmp_path, resume=True)
    del tensors["model.net.last.bias"]
    save_tensors(file, tensors, "checkpoint", about)
    with pytest.raises(InputError, match=r"a checkpoint of transms; instead received one without net\.last\.bias"):
        train(config, data["train"], data["validation"], tmp_path, resume=True)


def test_weights_for_exact_data_are_taken_for_exact_data(data, tmp_path, monkeypatch):
    monkeypatch.setattr("calib.learned.bundled._FOLDER", tmp_path)
    for share in (0.5, 1.0):
        config = TrainConfig(steps=1, noiseless_fraction=share, **SMALL)
        train(config, data["train"], data["validation"], tmp_path / f"run_{share}")
        ship(tmp_path / f"run_{share}", tmp_path)
    for snr, name in ((33.7, "transms_4x.safetensors"), (None, "transms_4x_noiseless.safetensors")):
        found = calib.recover(calib.downsample(data["validation"][0], 4, snr=snr, seed=0))
        assert found.attrs["recovery"]["weights"] == name


def test_what_is_not_given_is_the_recipe():
    assert TrainConfig() == recipe()
