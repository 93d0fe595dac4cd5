"""Methods with each of their bundled weights."""

import shutil

from calib.learned.bundled import BUNDLED, bundled_weights
from calib.studies.harness.recovery import Recovery
from calib.studies.harness.study import StudyOptions
from calib.studies.harness.variants import ready_variants
from tests.small import SMALL


def variants(tmp_path, bundled, **options):
    recovery = Recovery(StudyOptions(tmp_path / "out", protocol=SMALL, bundled=bundled, **options))
    return ready_variants(recovery, 4)


def test_weights_for_imperfect_scanners_are_a_variant_of_their_own(tmp_path):
    bundled = tmp_path / "bundled"
    bundled.mkdir()
    own = bundled_weights("srcnn", 4)
    shutil.copy(own, bundled / own.name)
    shutil.copy(own, bundled / "srcnn_4x_realistic.safetensors")
    found, status = variants(tmp_path, bundled, methods=("bicubic", "srcnn", "vdsr"))
    assert [(v.name, v.method) for v in found] == [
        ("bicubic", "bicubic"),
        ("srcnn", "srcnn"),
        ("srcnn, realistic", "srcnn"),
    ]
    assert found[0].weights is None and found[2].weights.weights.name == "srcnn_4x_realistic.safetensors"
    assert [row["status"] for row in status] == ["made", "made", "missing"]


def test_without_a_choice_all_that_have_weights_or_need_none_are_taken(tmp_path):
    names = {v.name for v in variants(tmp_path, BUNDLED)[0]}
    assert {"bicubic-dc", "bicubic-strided", "cs", "ridge", "profile", "srcnn", "vdsr", "transms"} <= names
    assert "smrnet" not in names


def test_no_network_at_a_factor_that_none_is_made_for(tmp_path):
    found, status = ready_variants(Recovery(StudyOptions(tmp_path / "out", protocol=SMALL)), 16)
    assert {"physical", "ridge"} <= {v.name for v in found} and not any(v.weights for v in found)
    assert {row["status"] for row in status} == {"made"}
