"""Budgets of trainings."""

from calib.studies.harness.budgets import STEPS, study_config
from calib.studies.harness.recovery import Recovery
from calib.studies.harness.study import StudyOptions


def test_a_fraction_of_the_budget(tmp_path):
    """It scales every method's own budget, down to one step."""
    assert Recovery(StudyOptions(tmp_path, budget_fraction=0.25)).config("vdsr", 2).steps == STEPS["vdsr", 2] // 4
    assert StudyOptions(tmp_path, steps=7).steps_of(1000) == 7
    assert StudyOptions(tmp_path, budget_fraction=1e-9).steps_of(1000) == 1


def test_variants_of_transms_have_equal_budgets():
    variants = ("transms", "rdsr", "ctsr", "cnn-vit", "rd-vit", "cnn-ct", "transms-nodc")
    assert len({STEPS[method, 4] for method in variants}) == 1


def test_a_budget_sets_validations_and_checkpoints():
    config = study_config("transms", 4)
    assert config.steps == STEPS["transms", 4]
    assert config.steps // config.validate_every >= 10 >= config.steps / 100 / config.checkpoint_every
    assert study_config("transms", 4, 7).steps == 7
    assert not study_config("transms-nodc", 4).model.consistency
