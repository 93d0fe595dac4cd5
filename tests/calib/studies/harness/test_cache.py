"""The cache of results: what a key consists of, damage, and entries of version 0.1.0."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mpisim
from calib.recovery import METHODS
from calib.studies.harness.cache import ResultCache
from calib.studies.harness.protocol import Protocol
from calib.studies.harness.recovery import Patches, Recovery
from calib.studies.harness.study import StudyOptions, studies
from mpisim.data.downsampling import downsample
from mpisim.io.digest import digest
from tests.small import CASES, NET, SMALL, SPEC, Report, entries, short

OLD = Path(__file__).parents[3] / "data" / "v0.1.0"
NUMBERS = json.loads((OLD / "numbers.json").read_text())
OLD_METHODS = ("bicubic", "ridge", "profile", NET)


def test_a_row_is_computed_once_for_its_key(tmp_path):
    rows, computed = ResultCache(tmp_path), []

    def row(**key):
        return rows.row("r", key, lambda: computed.append(key) or {"value": 0.1 + len(computed)})

    first = row(a=1, b=(2, 3))
    assert row(b=[2, 3], a=1) == first and len(computed) == 1
    assert row(a=2, b=(2, 3)) != first and len(computed) == 2
    assert ResultCache(tmp_path).row("r", {"a": 1, "b": (2, 3)}, dict) == first


def test_digests_differ_by_type_shape_and_content():
    zeros = np.zeros(4)
    kinds = [zeros, zeros.reshape(2, 2), zeros.astype(np.float32), np.zeros(8, np.float32), [0, 0], {"a": 1}]
    assert len({digest(kind) for kind in kinds}) == len(kinds)
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest(zeros.reshape(2, 2).T) == digest(np.zeros((2, 2)))


def test_a_damaged_row_is_reported_and_computed_again(tmp_path):
    whole = short("table3", tmp_path, methods=("bicubic",))
    (file,) = (tmp_path / "cache" / "rows").glob("recovery_bicubic_4x_noisy_*.json")
    entry = json.loads(file.read_text())
    other = {**entry, "row": {**entry["row"], "nrmse": [10 * e for e in entry["row"]["nrmse"]]}}  # with a wrong digest
    for content in ("", "[]", json.dumps({"key": {}, "row": {"nrmse": [1.0]}}), json.dumps(other)):
        file.write_text(content)
        report = Report()
        again = short("table3", tmp_path, methods=("bicubic",), report=report)
        assert f"the cached row {file} is damaged" in report[0] and again["table"] == whole["table"]


# -- what results depend on -------------------------------------------------------------------------------------------


def recovery(out, report, **options):
    return Recovery(StudyOptions(out, quick=True, protocol=SMALL, report=report, **options))


def test_the_key_of_an_error_holds_what_it_depends_on_and_no_code(tmp_path):
    """So that comments, renames and moves of code compute nothing again."""
    recovery(tmp_path, Report()).errors("bicubic", 4, "noisy")
    (file,) = (tmp_path / "cache" / "rows").iterdir()
    key = json.loads(file.read_text())["key"]
    assert key == {
        "method": "bicubic",
        "version": METHODS["bicubic"].version,
        "factor": 4,
        "snr": 33.7,
        "scheme": "box",
        "seed": "number of the matrix",
        "matrices": digest(*(SMALL.simulate(case)["system_matrix"].values for case in SMALL.of("test"))),
        "weights": None,
    }
    assert file.name == f"recovery_bicubic_4x_noisy_{digest(key)}.json"


@pytest.mark.parametrize("patches", [None, Patches(4, 2, True)])
def test_the_key_of_a_matrix_holds_what_it_depends_on_and_no_code(tmp_path, patches):
    coarse = downsample(SMALL.simulate(SMALL.figure_case()), 2, snr=None)
    recovery(tmp_path, Report()).recovered(coarse, "bicubic", 2, patches)
    key = {"method": "bicubic", "version": 1, "coarse": digest(coarse["system_matrix"].values), "weights": None}
    how = {"how": "recover"}
    if patches is not None:
        how = {"how": "recover_by_patches", "patch": 4, "overlap": 2, "consistency": True}
    (file,) = (tmp_path / "cache" / "rows").iterdir()
    assert file.name == f"matrix_bicubic_2x_{digest({**key, **how})}.nc"


def test_other_data_compute_again(tmp_path):
    report = Report()
    first = recovery(tmp_path, report).errors("bicubic", 4, "noisy")
    assert recovery(tmp_path, report).errors("bicubic", 4, "noisy") == first and len(report) == 1
    other = Recovery(StudyOptions(tmp_path, quick=True, protocol=Protocol(SMALL.cases[:-1], SPEC), report=report))
    assert other.errors("bicubic", 4, "noisy").nrmse == first.nrmse[:2] and len(report) == 2


def test_other_noise_or_factor_compute_again(tmp_path):
    report = Report()
    for factor, noise in ((4, "noisy"), (4, "noiseless"), (2, "noisy"), (4, "noisy")):
        recovery(tmp_path, report).errors("bicubic", factor, noise)
    assert len(report) == 3


def test_other_weights_compute_again(tmp_path):
    for steps in (3, 4):
        short("weights", tmp_path, methods=(NET,), steps=steps)
    report, found = Report(), []
    for steps in (3, 4, 3):
        own = recovery(tmp_path, report, steps=steps, train=True)
        found.append(own.errors(NET, 4, "noisy", own.weights(NET, 4)))
    assert len(report) == 2 and found[0] == found[2] != found[1]


def test_a_raised_version_of_the_method_computes_again(tmp_path):
    report = Report()
    for version in (1, 2, 1):
        METHODS.register("bicubic-again", replace(METHODS["bicubic"], version=version))
        try:
            recovery(tmp_path, report).errors("bicubic-again", 4, "noisy")
        finally:
            METHODS.unregister("bicubic-again")
    assert len(report) == 2


# -- version 0.1.0 ----------------------------------------------------------------------------------------------------


@pytest.fixture
def old_cache(tmp_path):
    """A copy of a cache that version 0.1.0 wrote (`tests/data/v0.1.0/make.py`)."""
    return Path(shutil.copytree(OLD / "cache", tmp_path / "cache"))


def run_old(name, cache, report, methods=OLD_METHODS):
    """Run a study as version 0.1.0 did when it wrote the cache."""
    options = {"methods": methods, "train": True, "protocol": Protocol(CASES, SPEC), "report": report}
    return studies()[name](cache.parent, quick=True, data=OLD / "data", cache=cache, **options)


def by_row(result, column):
    return {f"{row['method']} {row.get('noise', 'noisy')}": row[column] for row in result["table"]}


def changed(cache, kind, change):
    """Change the numbers of the rows of 0.1.0, with a right digest."""
    for file in (cache / "rows").glob(f"{kind}_*.json"):
        entry = json.loads(file.read_text())
        entry["row"] = change(entry["row"])
        entry.pop("digest")
        file.write_text(json.dumps({**entry, "digest": digest(entry)}))


def doubled(row):
    return {**row, "nrmse": [2 * e for e in row["nrmse"]]}


def one_decibel_more(row):
    return {key: [v + 1 for v in values] if key == "psnr" else values for key, values in row.items()}


UNCHANGED = tuple(name for name in OLD_METHODS if METHODS[name].version == 1)
"""Methods that compute what they did in 0.1.0; rows of others are computed again."""


def of_unchanged(numbers):
    return {key: value for key, value in numbers.items() if key.split()[0] in UNCHANGED}


@pytest.mark.parametrize(("name", "column"), [("table3", "nrmse_percent"), ("table4", "psnr_db")])
def test_a_cache_of_0_1_0_gives_its_numbers(old_cache, name, column):
    found = by_row(run_old(name, old_cache, Report()), column)
    assert of_unchanged(found) == of_unchanged(NUMBERS[name]) and "bicubic" in UNCHANGED
    assert found == pytest.approx(NUMBERS[name], rel=1e-3)  # computed again, but for rounding the same


@pytest.mark.parametrize(
    ("name", "kind", "column", "change", "expected"),
    [
        ("table3", "recovery", "nrmse_percent", doubled, lambda v: 2 * v),
        ("table4", "image", "psnr_db", one_decibel_more, lambda v: v + 1),
    ],
)
def test_a_cache_of_0_1_0_is_read_and_not_computed(old_cache, name, kind, column, change, expected):
    """Other numbers in the cache appear in the table; the second run reads entries of today."""
    changed(old_cache, kind, change)
    wanted = {key: pytest.approx(expected(value), rel=1e-12) for key, value in of_unchanged(NUMBERS[name]).items()}
    report = Report()
    assert by_row(run_old(name, old_cache, report, UNCHANGED), column) == wanted
    for file in (OLD / "cache" / "rows").iterdir():
        (old_cache / "rows" / file.name).unlink()
    assert by_row(run_old(name, old_cache, report, UNCHANGED), column) == wanted
    assert report == []  # nothing is computed, nothing is trained
    assert [entry.name for entry in entries(old_cache)] == [entry.name for entry in entries(OLD / "cache")]


def test_a_cache_of_0_1_0_does_not_serve_a_newer_version_of_a_method(old_cache):
    cache = ResultCache(old_cache)
    old = json.loads(next((old_cache / "rows").glob("recovery_bicubic_4x_noisy_*.json")).read_text())
    key = {**{k: v for k, v in old["key"].items() if k not in ("software", "code")}, "version": 1}
    name = "recovery_bicubic_4x_noisy"
    assert cache.row(name, key, lambda: {"nrmse": "computed"}) == old["row"]
    assert cache.row(name, {**key, "version": 2}, lambda: {"nrmse": "computed"}) == {"nrmse": "computed"}


def test_a_matrix_of_0_1_0_is_read_and_not_computed(tmp_path):
    coarse = downsample(SMALL.simulate(SMALL.figure_case()), 2, snr=None)
    own = recovery(tmp_path, Report())
    found = own.recovered(coarse, "bicubic", 2)
    (file,) = (tmp_path / "cache" / "rows").iterdir()
    key = {"method": "bicubic", "coarse": digest(coarse["system_matrix"].values), "weights": None, "how": "recover"}
    old = file.with_name(f"matrix_bicubic_2x_{digest({**key, 'software': '0.1.0', 'code': '33abdcbcc6b61562'})}.nc")
    mpisim.write(found.assign(system_matrix=2 * found["system_matrix"]), old)
    file.unlink()
    again = own.recovered(coarse, "bicubic", 2)
    assert np.array_equal(again["system_matrix"].values, 2 * found["system_matrix"].values)
