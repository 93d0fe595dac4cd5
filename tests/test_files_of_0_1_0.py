"""Files that version 0.1.0 wrote still read, and give the same numbers; `data/v0.1.0/make.py` made them."""

import json
import shutil
from pathlib import Path

import pytest

from calib.studies.harness.protocol import Protocol
from calib.studies.harness.study import studies
from tests.small import CASES, FAMILY

OLD = Path(__file__).parent / "data" / "v0.1.0"
NUMBERS = json.loads((OLD / "numbers.json").read_text())
METHODS = ("bicubic", "ridge", "profile", "srcnn")


@pytest.mark.parametrize(("name", "figure"), [("table3", "nrmse_percent"), ("table4", "psnr_db")])
def test_a_study_cache_is_read_without_computing(tmp_path, name, figure):
    shutil.copytree(OLD / "cache", tmp_path / "cache")
    before = {f.name for f in (tmp_path / "cache" / "rows").iterdir()}
    options = {"methods": METHODS, "train": True, "protocol": Protocol(CASES, FAMILY)}
    result = studies()[name](tmp_path, quick=True, data=OLD / "data", cache=tmp_path / "cache", **options)
    found = {f"{r['method']} {r.get('noise', 'noisy')}": r[figure] for r in result["table"]}
    assert found == NUMBERS[name]
    after = {f.name for f in (tmp_path / "cache" / "rows").iterdir()}
    assert before < after  # stored again under today's keys
    assert all(json.loads((tmp_path / "cache" / "rows" / f).read_text())["seconds"] > -1 for f in after)
