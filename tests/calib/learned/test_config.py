"""Definitions of models: what is refused, and keys of version 0.1.0."""

import pytest

from calib.learned.config import ModelConfig, current_keys
from mpisim.errors import InputError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(factor=3), "Input factor must be one of 2, 4, 8"),
        (dict(factor=16), "Input factor must be one of 2, 4, 8"),
        (dict(method="magic"), "Input method must be one of srcnn"),
        (dict(scaling="minmax"), "Input scaling must be rms or amplitude where rows are denoised"),
        (dict(method="smrnet"), "Input model of smrnet must be without canonical, denoise and consistency"),
        (dict(denoise="wavelets"), "Input denoise must be one of ridge, none"),
        (dict(flip_threshold=2.0), "Input flip_threshold must be between 0 and 1; instead received 2.0"),
        (dict(flip_threshold=-0.3), "Input flip_threshold must be a number of zero or more; instead received -0.3"),
        (dict(flip_threshold=0.3, canonical=False), "Input flip_threshold must be 0 without canonical"),
    ],
)
def test_refused_models(options, message):
    with pytest.raises(InputError, match=message):
        ModelConfig(**options)


def test_keys_of_version_0_1_0_are_accepted():
    assert ModelConfig.from_mapping({"factor": 8, "border": 0.3}) == ModelConfig(factor=8, flip_threshold=0.3)
    assert ModelConfig.from_mapping({}) == ModelConfig()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (dict(border=0.3, flip_threshold=0.3), "Input flip_threshold must be given under one name"),
        (dict(heads=8), "Input configuration must be made of the keys method, .*; instead received also heads"),
    ],
)
def test_refused_keys(values, message):
    with pytest.raises(InputError, match=message):
        ModelConfig.from_mapping(values)


def test_current_keys_preserve_order_and_values():
    assert list(current_keys({"b": 1, "a": 2}, ("a", "c"), {"b": "c"}).items()) == [("c", 1), ("a", 2)]
