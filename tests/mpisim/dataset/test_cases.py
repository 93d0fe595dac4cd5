"""The cases of data sets, and the splits of the preset."""

import pytest

from mpisim.dataset.cases import transms_cases


def test_the_presets_split():
    cases = transms_cases()
    by_split = {s: [c for c in cases if c.split == s] for s in ("train", "validation", "test")}
    assert {s: len(c) for s, c in by_split.items()} == {"train": 66, "validation": 30, "test": 34}
    assert len({c.name for c in cases}) == 130
    reserved = [
        c
        for c in cases
        if c.split != "validation" and (abs(c.sf_gradient - 1) < 1e-9 or abs(c.particle_diameter - 33.405e-9) < 1e-13)
    ]
    assert len(reserved) == 19 and {c.split for c in reserved} == {"test"}
    assert sorted({round(c.sf_gradient, 3) for c in by_split["validation"]}) == [0.7, 0.865, 1.03]
    assert max(c.particle_diameter for c in by_split["validation"]) == pytest.approx(34.475e-9)
    assert transms_cases() == cases
