"""Configurations of trainings: their flat form, what is refused, and learning rates."""

import json

import pytest

from calib.learned.config import ModelConfig
from calib.training.recipe import TrainConfig, learning_rate, names_of_0_1_0, published, recipe
from mpisim.errors import InputError

OLD = {"method": "transms", "factor": 8, "border": 0.3, "between": 0.8, "steps": 5}


def test_the_defaults_are_the_recipe_at_4x():
    assert TrainConfig() == recipe()


@pytest.mark.parametrize("config", [recipe(), recipe("smrnet", 8, steps=3), published("vdsr", 2)])
def test_the_flat_mapping_holds_everything(config):
    """It survives JSON, and its keys have the types of `types`."""
    values = json.loads(json.dumps(config.as_mapping()))
    assert TrainConfig.from_mapping(values) == config and not config.differences(values)
    assert {key: type(value) for key, value in values.items()} == TrainConfig.types()


def test_keys_of_the_model_stand_beside_the_others():
    config = TrainConfig.from_mapping({"factor": 2, "steps": 3, "skip": "none"})
    assert config == TrainConfig(ModelConfig(factor=2, skip="none"), steps=3)


def test_keys_of_version_0_1_0_are_accepted():
    config = recipe(**OLD)
    assert (config.model.flip_threshold, config.interpolated_fraction) == (0.3, 0.8)
    assert TrainConfig.from_mapping(OLD) == TrainConfig.from_mapping(
        {"method": "transms", "factor": 8, "flip_threshold": 0.3, "interpolated_fraction": 0.8, "steps": 5}
    )
    assert published(**OLD | {"border": 0.0}).interpolated_fraction == 0.8


def test_names_of_version_0_1_0():
    """Written under its keys, a configuration can be read again."""
    config = recipe(**OLD)
    values = names_of_0_1_0(config.as_mapping())
    assert {"border", "between"} <= set(values) and len(values) == len(config.as_mapping())
    assert TrainConfig.from_mapping(values) == config


def test_differences():
    config = recipe(steps=7)
    stored = names_of_0_1_0(config.as_mapping())
    assert config.differences(stored) == []
    assert config.differences({k: v for k, v in stored.items() if k != "between"}) == []  # absent: its default
    assert config.differences({**stored, "between": 0.5, "momentum": 0.5}) == ["interpolated_fraction", "momentum"]
    assert config.differences({}) == ["steps"]


def test_schedules():
    cycle, halving = recipe(steps=100), recipe(steps=100, schedule="halving")
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
        (dict(method="magic"), "Input method must be one of srcnn"),
        (dict(factor=3), "Input factor must be one of 2, 4, 8"),
        (dict(average=2.0), "Input average must be between 0 and 1"),
        (dict(interpolated_fraction=1.5), "Input interpolated_fraction must be between 0 and 1; instead received 1.5"),
        (dict(between=1.5), "Input interpolated_fraction must be between 0 and 1; instead received 1.5"),
        (dict(draw="errors"), "Input draw must be one of detail, error, uniform; instead received 'errors'"),
        (dict(loss="l2"), "Input loss must be one of detail, norm, l1; instead received 'l2'"),
        (dict(snr=float("nan")), "Input snr must be a finite number"),
        (dict(heads=8), r"Input configuration must be made of the keys method, .*; instead received also heads"),
        (dict(border=0.1, flip_threshold=0.1), "Input flip_threshold must be given under one name"),
    ],
)
def test_refused_configurations(options, message):
    with pytest.raises(InputError, match=message):
        recipe(**options)
