"""The training loop: it learns, resumes to the same weights, draws the same rows, and refuses what does not fit."""

import numpy as np
import pytest
import torch

import calib
import mpisim
from calib.checkpoint import load_model, load_tensors, save_model, save_tensors
from calib.data import TrainingRows, read_folder
from calib.recipe import TrainConfig, learning_rate, published
from calib.recover import apply_model
from calib.sampling import block_mean
from calib.shipped import ship
from calib.train import Run, train
from mpisim.cells import grid_cells
from mpisim.dataset import Family, generate
from mpisim.errors import DivergenceError, InputError
from mpisim.grid import Grid
from mpisim.system_matrix import rows

SMALL = dict(factor=4, batch=8, snr=33.7, validate_every=10, checkpoint_every=10)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two training and one validation matrix of 16 x 16 voxels, 4 angles."""
    out = tmp_path_factory.mktemp("data")
    cells = grid_cells((0.5, 0.9), (24e-9,), "train") + grid_cells((0.7,), (24e-9,), "validation")
    generate(cells, Family(grid=Grid((16, 16)), scanner={"angles": 4}), out)
    return {split: read_folder(out, split) for split in ("train", "validation")}


def weights(path):
    return load_tensors(path / "weights.safetensors", "weights")[0]


def test_resumed_equals_uninterrupted(data, tmp_path):
    config = TrainConfig(steps=20, **SMALL)
    train(config, data["train"], data["validation"], tmp_path / "whole")

    class StopError(Exception):
        pass

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
    log = (interrupted / "log.csv").read_text().splitlines()
    assert log[0] == "step,minutes,learning_rate,validation_nrmse"
    assert [line.split(",")[0] for line in log[1:]] == ["10", "20"]


def test_resuming_on_other_data_is_refused(data, tmp_path):
    config = TrainConfig(steps=2, **SMALL | dict(validate_every=2))
    train(config, data["train"], data["validation"], tmp_path)
    with pytest.raises(InputError, match=r"Input data must be what .* was trained on; instead received other matrices"):
        train(config, data["train"][:1], data["validation"], tmp_path, resume=True)


def test_a_kill_while_saving_loses_no_step(data, tmp_path, monkeypatch):
    """The checkpoint is written last: whatever it claims is also in the weights and the log."""
    import calib.train as module

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


def test_batches_depend_on_seed_and_step_alone(data):
    one, two, other = (TrainingRows(data["train"], 4, snr=30, seed=s) for s in (0, 0, 1))
    one.batch(3, 8)
    a, b, c = one.batch(5, 8), two.batch(5, 8), other.batch(5, 8)
    assert torch.equal(a.fine, b.fine) and torch.equal(a.coarse, b.coarse)
    assert not torch.equal(a.fine, c.fine)


def test_noise_of_a_batch(data):
    """Quiet rows are exact; the others deviate by sigma (over 2000 rows of 16 values, to 3 %)."""
    batch = TrainingRows(data["train"], 4, snr=20, noiseless_fraction=0.5).batch(0, 2000)
    difference = (batch.coarse - block_mean(batch.fine, 4)).square().sum((1, 2, 3)).numpy()
    quiet = batch.sigma.numpy() == 0
    assert 0.45 < quiet.mean() < 0.55
    assert difference[quiet].max() < 1e-10
    assert np.mean(difference[~quiet] / batch.sigma.numpy()[~quiet] ** 2) == pytest.approx(16, rel=0.03)


def test_rows_are_drawn_by_energy(data):
    """The mean share of a row's energy among the drawn is that of drawing by energy, sum p^2 (to 10 %)."""
    source = TrainingRows(data["train"], 4, snr=None, draw="energy", augment=False)
    energy = source.fine.square().sum((1, 2, 3)).numpy()
    share = energy / energy.sum()
    drawn = source.batch(0, 20000).fine.square().sum((1, 2, 3)).numpy() / energy.sum()
    by_matrix = energy.reshape(2, -1)
    chance = (by_matrix / by_matrix.sum(1, keepdims=True) / 2).ravel()
    assert drawn.mean() == pytest.approx(float(chance @ share), rel=0.1)


def test_rows_are_drawn_by_their_detail(data):
    """Rows of which bicubic interpolation misses more, over the RMS of their matrix, are drawn more often."""
    source = TrainingRows(data["train"], 4, snr=None, augment=False)
    detail = [_detail(matrix) for matrix in data["train"]]
    assert np.sum(detail[1]) > 1.2 * np.sum(detail[0])  # the stronger gradient has more
    fine, chance = source.fine.flatten(1), np.concatenate(detail)
    drawn = torch.cdist(source.batch(0, 20000).fine.flatten(1), fine).argmin(1)
    share = np.bincount(drawn.numpy(), minlength=len(fine)) / 20000
    distinct = torch.cdist(fine, fine).fill_diagonal_(1).min(1).values.numpy() > 1e-3
    assert distinct.sum() > 10
    assert share[distinct] == pytest.approx((chance / chance.sum())[distinct], abs=0.01)
    batch = source.batch(0, 100)
    kinds = torch.cdist(batch.fine.flatten(1), fine).argmin(1).numpy()
    sure = distinct[kinds]
    assert batch.detail.numpy()[sure] == pytest.approx(chance[kinds][sure], rel=1e-4)


def _detail(matrix):
    """RMS of what bicubic interpolation misses of rows, and 2 % of theirs, over the RMS of the matrix."""
    fine = rows(matrix)
    missed = rows(calib.recover(calib.downsample(matrix, 4), "bicubic")) - fine
    rms = [np.sqrt(np.mean(np.abs(a) ** 2, axis=(1, 2))) for a in (missed, fine)]
    return (rms[0] + 0.02 * rms[1]) / np.sqrt(np.mean(np.abs(fine) ** 2))


@pytest.mark.parametrize("loss", ["detail", "l1"])
def test_loss_of_a_batch(data, tmp_path, loss):
    """The loss is the mean of row errors: RMS over the row's detail, or absolute and scaled by the coarse RMS."""
    run = Run(TrainConfig(steps=1, loss=loss, **SMALL), data["train"], data["train"], tmp_path, False, "cpu")
    batch = run.rows.batch(0, 8)
    with torch.no_grad():
        found, value = run.model(batch.coarse, batch.sigma), float(run._loss(batch))
    error = (found - batch.fine).numpy()
    size = np.sqrt((error**2).sum(1).mean((1, 2)))
    scale = np.sqrt((batch.coarse.numpy() ** 2).mean((1, 2, 3)))
    mean = np.abs(error / scale[:, None, None, None]).mean()
    assert value == pytest.approx(np.mean(size / batch.detail.numpy()) if loss == "detail" else mean, rel=1e-3)


def test_loss_in_units_of_the_matrix_is_the_sum_of_row_errors(data):
    """Drawn by detail and divided by it, the mean of any row error is its sum over rows times a constant."""
    source = TrainingRows(data["train"], 4, snr=None)
    batch = source.batch(3, 40000)
    energy = batch.fine.square().sum(1).mean((1, 2)).sqrt() / batch.detail
    whole = source.fine.square().sum(1).mean((1, 2)).sqrt().sum() / source.detail.sum()
    assert float(energy.mean()) == pytest.approx(float(whole), rel=0.03)


def test_strided_rows(data):
    """Strided samples are voxels of the fine row, with S^2 the noise of block means."""
    quiet = TrainingRows(data["train"], 4, snr=None, scheme="strided").batch(0, 50)
    assert torch.equal(quiet.coarse, quiet.fine[..., ::4, ::4])
    noisy = [TrainingRows(data["train"], 4, snr=20, scheme=s).batch(0, 50).sigma for s in ("strided", "box")]
    assert torch.allclose(noisy[0], 16 * noisy[1])


def test_augmentation_is_exact_on_ideal_rows(data):
    """Every augmented row is a symmetry of a drawn one: norms and sorted moduli agree."""
    plain = TrainingRows(data["train"], 4, snr=None, augment=False).batch(0, 64).fine
    turned = TrainingRows(data["train"], 4, snr=None, augment=True).batch(0, 64).fine
    moduli = [t.square().sum(1).flatten(1).sort().values for t in (plain, turned)]
    assert torch.allclose(*moduli, rtol=1e-5)
    assert not torch.allclose(plain, turned)


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
        read_folder(tmp_path, "train")
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
    a, b = (rows(apply_model(model, coarse)) for model in (found, wanted))
    assert np.linalg.norm(a - b) < 1e-3 * np.linalg.norm(b)


def test_weights_beyond_half_precision_do_not_ship(data, tmp_path):
    train(TrainConfig(steps=1, **SMALL), data["train"], data["validation"], tmp_path)
    model, about = load_model(tmp_path / "weights.safetensors")
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
    monkeypatch.setattr("calib.shipped._FOLDER", tmp_path)
    for share in (0.5, 1.0):
        config = TrainConfig(steps=1, noiseless_fraction=share, **SMALL)
        train(config, data["train"], data["validation"], tmp_path / f"run_{share}")
        ship(tmp_path / f"run_{share}", tmp_path)
    for snr, name in ((33.7, "transms_4x.safetensors"), (None, "transms_4x_noiseless.safetensors")):
        found = calib.recover(calib.downsample(data["validation"][0], 4, snr=snr, seed=0))
        assert found.attrs["recovery"]["weights"] == name
