"""Studies of recovery: their short forms, the cache of weights and rows, interruptions, damage, bad input."""

import csv
import json
import shlex

import numpy as np
import pytest
import xarray as xr

import calib.train
from calib.checkpoint import load_tensors
from calib.recover import METHODS, recover
from calib.sampling import downsample
from calib.studies import STUDIES, budgets, recovery, training
from calib.studies.table2 import PUBLISHED as TABLE2
from calib.studies.table3 import PUBLISHED, published
from calib.studies.table3 import test_matrices as matrices_of_the_test_split
from mpisim import InputError
from mpisim.command import parser_of, table
from mpisim.metrics import nrmse
from mpisim.studies import StudyOptions
from tests.small import SMALL

NET = "srcnn"  # the smallest


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache that the short forms share."""
    return tmp_path_factory.mktemp("cache")


def short(name, out, cache, **options):
    return STUDIES[name](out, quick=True, train=True, cache=cache, protocol=SMALL, **options)


def rows_of(file):
    with file.open() as lines:
        return list(csv.DictReader(lines))


def entries(cache):
    return sorted(p for p in cache.iterdir() if p.name != "rows")


# -- short forms ------------------------------------------------------------------------------------------------------


def test_table3(tmp_path, cache):
    result = short("table3", tmp_path, cache, methods=("bicubic-strided", "bicubic", NET), factors=(2, 4))
    assert result["quick"] and result["matrices"] == 3
    kept = rows_of(tmp_path / "table3_quick.csv")
    assert [(r["method"], r["factor"], r["noise"]) for r in kept][::4] == [("bicubic", "2", "noiseless"),
        ("bicubic-strided", "2", "noiseless"), (NET, "2", "noiseless")]  # fmt: skip
    assert {r["published_percent"] for r in kept} == {""} and "short form" in result["text"]
    assert {(r["steps"], r["parameters"], r["weights"]) for r in kept} == {("", "", ""), ("4", "14114", "cache")}
    stored = xr.open_dataset(tmp_path / "table3_quick.nc")
    assert stored["nrmse"].dims == ("method", "factor", "noise", "matrix") and stored.attrs["quick"] == 1
    fine = SMALL.simulate(SMALL.of("test")[1])
    for method, scheme in (("bicubic", "box"), ("bicubic-strided", "strided")):  # the seed is the matrix's place
        by_hand = nrmse(recover(downsample(fine, 4, scheme, snr=33.7, seed=1), method), fine)
        assert float(stored["nrmse"].sel(method=method, factor=4, noise="noisy")[1]) == by_hand
    noisy, noiseless = (stored["nrmse"].sel(method="bicubic-strided", noise=n) for n in ("noisy", "noiseless"))
    assert (noisy > noiseless).all()
    assert (tmp_path / "table3_quick.png").read_bytes().startswith(b"\x89PNG")


def test_table2_and_fig4_share_their_trainings(tmp_path, cache):
    result = short("table2", tmp_path, cache, methods=("transms", "rdsr"))
    assert [row["method"] for row in result["table"]] == ["rdsr", "transms"]
    assert {row["status"] for row in result["table"]} == {"trained"}
    before = len(entries(cache))
    found = short("fig4", tmp_path, cache)
    assert len(entries(cache)) == before + 1  # without data consistency
    curve = [row for row in found["table"] if row["method"] == "transms"]
    assert [row["step"] for row in curve] == [1, 2, 3, 4]
    assert [row["epoch"] for row in curve] == [s * 32 / (4 * 16) for s in (1, 2, 3, 4)]
    trained = next(row for row in result["table"] if row["method"] == "transms")
    assert curve[-1]["nrmse_percent"] == pytest.approx(trained["validation_percent"], abs=1e-9)
    assert (tmp_path / "fig4_quick.png").is_file()
    assert set(TABLE2) <= set(METHODS)


def test_fig5_grows_one_set(tmp_path, cache):
    short("weights", tmp_path, cache, methods=("transms",))
    before = len(entries(cache))
    result = short("fig5", tmp_path, cache)
    assert [(r["set"], r["size"]) for r in result["table"]] == [("random", 2), ("random", 4), ("narrow", 6)]
    assert len(entries(cache)) == before + 2  # the whole training split is that of the other studies
    assert all(row["nrmse_percent"] > 0 for row in result["table"]) and result["six"] == {}
    assert (tmp_path / "fig5_quick.png").is_file() and len(rows_of(tmp_path / "fig5_quick.csv")) == 3


def test_fig6(tmp_path, cache):
    result = short("fig6", tmp_path, cache, methods=("bicubic", "bicubic-dc", NET))
    assert result["matrix"] == "g1.0000_d24.000"
    of = {row["method"]: row for row in result["table"]}
    assert of["bicubic-dc"]["whole matrix"] < of["bicubic"]["whole matrix"]
    stored = xr.open_dataset(tmp_path / "fig6_quick.nc")
    found, wanted = stored["bicubic"].values, stored["reference"].values
    title = str(stored["shown"].values[0])
    assert 100 * np.linalg.norm(found[0] - wanted[0]) / np.linalg.norm(wanted[0]) == pytest.approx(of["bicubic"][title])
    assert (tmp_path / "fig6_quick.png").is_file()


def test_fig8(tmp_path, cache):
    result = short("fig8", tmp_path, cache)
    of = {(r["grid"], r["method"], r["by"]): r for r in result["table"]}
    assert len(of) == 8
    for grid in ("finer voxels", "larger field"):
        blended, aside = (of[grid, "transms", by] for by in ("blended patches", "patches side by side"))
        assert blended["seam"] < 1.1 < aside["seam"] and blended["nrmse_percent"] < aside["nrmse_percent"]
    stored = xr.open_dataset(tmp_path / "fig8_quick.nc")
    assert stored["finer_voxels_reference"].shape == (4, 32, 32, 2)
    assert (tmp_path / "fig8_quick.png").is_file()


def test_results_have_a_place_beside_published_ones_only_when_complete(tmp_path, cache, monkeypatch):
    monkeypatch.setattr(recovery.Recovery, "complete", property(lambda self: True))
    result = short("table3", tmp_path, cache, methods=("bicubic",))
    row = result["table"][0]
    assert row["published_percent"] == published("bicubic", 4, "noiseless") == 14.82
    assert row["difference_percent"] == pytest.approx(100 * (row["nrmse_percent"] / 14.82 - 1))
    assert f"{row['difference_percent']:+.0f}%" in result["text"]


# -- weights ----------------------------------------------------------------------------------------------------------


def test_missing_weights_are_marked_and_the_command_that_makes_them_is_told(tmp_path):
    result = STUDIES["table3"](tmp_path / "out put", protocol=SMALL, methods=("bicubic", "vdsr"), factors=(2, 8))
    assert {r["status"] for r in result["table"] if r["method"] == "vdsr"} == {"missing"}
    assert all(r["nrmse_percent"] is None for r in result["table"] if r["method"] == "vdsr")
    assert "missing" in result["text"]
    words = shlex.split(result["text"].splitlines()[-1])
    parsed = parser_of(table()["study"]).parse_args(words[2:])
    assert (parsed.name, parsed.methods, parsed.factors, parsed.train) == ("weights", "vdsr", "2,8", True)
    assert (parsed.out, parsed.cache) == (str(tmp_path / "out put"), str(tmp_path / "out put" / "cache"))


def test_weights_are_trained_once(tmp_path, monkeypatch):
    first = short("weights", tmp_path, None, methods=(NET,))["table"][0]
    monkeypatch.setattr(calib.train, "train", None)  # cannot be called
    again = short("weights", tmp_path, None, methods=(NET,))["table"][0]
    assert again == first and first["weights"] == "cache" and first["converged"] == "unknown"
    untrained = STUDIES["weights"](tmp_path, protocol=SMALL, methods=(NET,), factors=(4,), steps=5)["table"][0]
    assert untrained["status"] == "missing"  # of other data and steps


def test_shipped_weights_are_used_without_training_if_they_are_the_same(tmp_path, monkeypatch):
    made = short("weights", tmp_path / "a", None, methods=(NET,))["table"][0]
    monkeypatch.setattr(training, "shipped_weights", lambda method, factor: made["file"] and _path(made["file"]))
    used = short("weights", tmp_path / "b", None, methods=(NET,))["table"][0]
    assert (used["weights"], used["digest"]) == ("shipped", made["digest"])
    assert not entries(tmp_path / "b" / "cache")
    other = short("weights", tmp_path / "b", None, methods=(NET,), steps=3)["table"][0]
    assert (other["weights"], other["steps"]) == ("cache", 3)
    taken = STUDIES["weights"](tmp_path / "c", protocol=SMALL, methods=(NET,), factors=(4,))["table"][0]
    assert (taken["weights"], taken["steps"]) == ("shipped", 4)  # without --train: what there is


def _path(text):
    from pathlib import Path

    return Path(text)


def test_convergence_is_told_from_a_run_of_half_the_steps(tmp_path):
    half = short("weights", tmp_path, None, methods=(NET,), steps=4)["table"][0]
    whole = short("weights", tmp_path, None, methods=(NET,), steps=8)["table"][0]
    assert half["converged"] == "unknown"
    gained = 100 * (1 - whole["validation_percent"] / half["validation_percent"])
    assert whole["gain_percent"] == pytest.approx(gained)
    assert whole["converged"] == ("yes" if gained < 2 else "no")


def test_budgets_are_whole_trainings():
    config = budgets.study_config("transms", 4)
    assert config.steps == budgets.STEPS["transms", 4]
    assert config.steps // config.validate_every >= 10 >= config.steps / 100 / config.checkpoint_every
    assert budgets.study_config("transms", 4, 7).steps == 7
    assert not budgets.study_config("transms-nodc", 4).consistency


# -- interruptions and damage -----------------------------------------------------------------------------------------


def options_of(out, **options):
    return dict(out=out, quick=True, train=True, protocol=SMALL, methods=("bicubic", NET), **options)


def test_an_interrupted_study_ends_with_the_same_numbers(tmp_path, monkeypatch):
    """Ctrl-C in the training and, later, between rows; what was finished is not made again."""
    whole = STUDIES["table3"](**options_of(tmp_path / "whole"))
    real_step, real_recover, calls = calib.train.Run.advance, recovery.recover, []

    def interrupted_step(run):
        if run.step == 2:
            raise KeyboardInterrupt
        real_step(run)

    def interrupted_recover(coarse, method, weights):
        calls.append(method)
        if calls.count(NET) == 5:  # the second row of the net, three matrices each
            raise KeyboardInterrupt
        return real_recover(coarse, method, weights)

    monkeypatch.setattr(recovery, "recover", interrupted_recover)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(calib.train.Run, "advance", interrupted_step)
        STUDIES["table3"](**options_of(tmp_path / "halves"))
    assert calls == ["bicubic"] * 6
    entry = entries(tmp_path / "halves" / "cache")[0]
    assert load_tensors(entry / "checkpoint.safetensors", "checkpoint")[1]["step"] == 2
    with pytest.raises(KeyboardInterrupt):
        STUDIES["table3"](**options_of(tmp_path / "halves"))
    assert calls == ["bicubic"] * 6 + [NET] * 5
    found = STUDIES["table3"](**options_of(tmp_path / "halves"))
    assert len(calls) == 6 + 5 + 3
    for a, b in zip(found["table"], whole["table"], strict=True):
        assert {k: v for k, v in a.items() if k != "minutes"} == {k: v for k, v in b.items() if k != "minutes"}


def damaged_weights(entry):
    file = entry / "weights.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def no_json(entry):
    (entry / "entry.json").write_text("{")


def of_another_training(entry):
    file = entry / "entry.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "data": 16 * "0"}))


def no_weights(entry):
    (entry / "weights.safetensors").unlink()


@pytest.mark.parametrize("damage", [damaged_weights, no_json, of_another_training, no_weights])
def test_a_damaged_training_is_told_set_aside_and_made_anew(tmp_path, capsys, damage):
    first = short("weights", tmp_path, None, methods=(NET,))["table"][0]
    entry = entries(tmp_path / "cache")[0]
    damage(entry)
    capsys.readouterr()
    again = short("weights", tmp_path, None, methods=(NET,))["table"][0]
    assert f"the cached training {entry} is damaged and is set aside as {entry.name}.damaged" in capsys.readouterr().err
    assert [p.name for p in entries(tmp_path / "cache")] == [entry.name, f"{entry.name}.damaged"]
    with_same = [load_tensors(row["file"], "weights")[0] for row in (first, again)]
    assert all(np.array_equal(with_same[0][k], with_same[1][k]) for k in with_same[0])
    capsys.readouterr()
    short("weights", tmp_path, None, methods=(NET,))
    assert "damaged" not in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"no safetensors", None])
def test_a_damaged_checkpoint_is_told_and_the_training_starts_anew(tmp_path, capsys, monkeypatch, content):
    def stop(run):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(calib.train.Run, "validate", stop)
        short("weights", tmp_path, None, methods=(NET,))
    entry = entries(tmp_path / "cache")[0]
    if content is None:  # of another configuration
        other = short("weights", tmp_path, None, methods=(NET,), steps=3)["table"][0]
        content = _path(other["file"]).read_bytes()
    (entry / "checkpoint.safetensors").write_bytes(content)
    row = short("weights", tmp_path, None, methods=(NET,))["table"][0]
    assert (row["status"], row["steps"]) == ("trained", 4)
    assert "is damaged and is set aside" in capsys.readouterr().err


def test_a_damaged_row_is_told_and_made_anew(tmp_path, capsys):
    whole = short("table3", tmp_path, None, methods=("bicubic",))
    file = sorted((tmp_path / "cache" / "rows").glob("recovery_bicubic_4x_noisy_*.json"))[0]
    for content in ("", "[]", json.dumps({"key": {}, "row": {"nrmse": [1.0]}})):
        file.write_text(content)
        capsys.readouterr()
        again = short("table3", tmp_path, None, methods=("bicubic",))
        assert f"the cached row {file} is damaged" in capsys.readouterr().err
        assert again["table"] == whole["table"]


# -- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("table3", dict(methods=("none",)), "Input methods must be one of bicubic.*; instead received 'none'"),
        ("table2", dict(methods=("bicubic",)), "Input methods must be one of rdsr"),
        ("fig5", dict(methods=("vdsr",)), "Input methods must be one of transms"),
        ("fig8", dict(methods=("cs",)), "Input methods must be one of bicubic"),
        ("table3", dict(factors=(3,)), "Input factors must be one of 2, 4, 8; instead received 3"),
        ("fig8", dict(factors=(4,)), "Input factors must be one of 2; instead received 4"),
        ("table3", dict(steps=0), "Input steps must be a whole number of at least 1"),
        ("table3", dict(data="no/such/folder"), "Input --data must be an existing folder"),
    ],
)
def test_bad_input(tmp_path, name, options, message):
    with pytest.raises(InputError, match=message):
        STUDIES[name](tmp_path / "out", quick=True, protocol=SMALL, **options)


def test_an_output_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("kept")
    for folders in (dict(out=tmp_path / "file"), dict(out=tmp_path / "out", cache=tmp_path / "file")):
        with pytest.raises(InputError, match="Input output folder must be a folder that can be made"):
            STUDIES["table3"](quick=True, protocol=SMALL, **folders)
    assert (tmp_path / "file").read_text() == "kept"


def test_an_unknown_device_is_refused_before_anything_is_kept(tmp_path):
    with pytest.raises(InputError, match="Input device must be one that torch can use here"):
        short("weights", tmp_path, None, methods=(NET,), device="abacus")


# -- against the paper ------------------------------------------------------------------------------------------------


def test_published_figures_are_of_methods_that_there_are():
    assert set(PUBLISHED) <= set(METHODS)
    assert published("transms", 8, "noisy") == 3.71 and published("bicubic-dc", 2, "noisy") is None


@pytest.mark.slow
def test_agreement_with_the_paper(tmp_path):
    """Mean over the 34 test matrices within 10 % of the published figure."""
    classical = ("bicubic", "bicubic-strided")
    rows = STUDIES["table3"](tmp_path, methods=classical)["table"]
    assert len(rows) == 12
    for row in rows:
        if (row["method"], row["factor"], row["noise"]) == ("bicubic-strided", 8, "noisy"):
            continue  # published +13 points of noise cannot be reproduced, see the README
        assert row["nrmse_percent"] == pytest.approx(row["published_percent"], rel=0.1), row


def test_the_test_split_can_be_had_alone():
    names = [round(float(m["sf_gradient"]), 4) for m in matrices_of_the_test_split(None, 3)]
    assert len(names) == 3 and len(StudyOptions(".").matrices("test")) == 34
