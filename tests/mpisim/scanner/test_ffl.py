"""Laws of the open-sided scanner's fields, its line profile, and what bad descriptions get."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from mpisim import OpenSidedFFL, open_sided_ffl
from tests.mpisim.bad_input import NOT_POSITIVE, assert_refused, each

RNG = np.random.default_rng(0)
POINTS = RNG.uniform(-0.018, 0.018, (12, 3)) * [1, 1, 0.1]


def scanner(angles=(0.7,)):
    return open_sided_ffl(0.8, angles=angles, sensitivity=(300.0, -200.0, 800.0))


def test_selection_field_has_neither_curl_nor_divergence():
    """By central differences at random points, to 1e-9 of the gradient; the gradient itself is there."""
    machine, step = scanner((1.1,)), 1e-4
    points = RNG.uniform(-0.02, 0.02, (50, 3))
    jacobian = np.stack(
        [
            (machine.selection_field(points + e, 1.1) - machine.selection_field(points - e, 1.1)) / (2 * step)
            for e in step * np.eye(3)
        ],
        axis=-1,
    )  # (point, component, direction)
    gradient = machine.sf_gradient
    curl = jacobian - jacobian.transpose(0, 2, 1)
    assert np.abs(curl).max() < 1e-9 * gradient
    assert np.abs(np.trace(jacobian, axis1=1, axis2=2)).max() < 1e-9 * gradient
    assert np.allclose(np.linalg.svd(jacobian)[1], [gradient, gradient, 0], atol=1e-9)


def test_drive_field_and_sensitivity_are_the_same_everywhere():
    machine = scanner()
    assert np.ptp(machine.drive_field(POINTS), axis=0).max() == 0
    assert machine.drive_field(POINTS)[0].tolist() == [0, 0, 0.8 * 0.016]
    assert machine.receive_sensitivity(POINTS)[0].tolist() == [300, -200, 800]


def test_field_free_line_follows_the_drive():
    """Selection and drive field cancel at u = -(A/G) sin, to 1e-15 T."""
    machine, phase, angle = scanner(), 0.3, 0.7
    u = -machine.drive_amplitude / machine.sf_gradient * math.sin(phase)
    point = u * np.array([math.cos(angle), math.sin(angle), 0]) + 0.01 * np.array(
        [-math.sin(angle), math.cos(angle), 0]
    )
    total = machine.selection_field(point, angle) + machine.drive_field(point) * math.sin(phase)
    assert np.abs(total).max() < 1e-15


def test_the_protocol_sees_one_tone_and_one_coil():
    """Its arrays are those of the three methods that a subclass may override, with one leading axis."""
    machine = scanner()
    assert np.array_equal(machine.drive_fields(POINTS, 0.7), machine.drive_field(POINTS)[None])
    assert np.array_equal(machine.receive_sensitivities(POINTS, 0.7), machine.receive_sensitivity(POINTS)[None])
    sequence = machine.sequence
    assert sequence.base_frequency == machine.drive_frequency
    assert sequence.tones == ((1, 0.0),)
    for name in ("angles", "harmonics", "samples_per_period"):
        assert getattr(sequence, name) == getattr(machine, name)


# -- the line profile -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Labelled(OpenSidedFFL):
    """The same fields under another name."""

    label: str = "second"


class Tilted(OpenSidedFFL):
    def selection_field(self, points, angle):
        return super().selection_field(points, angle + 0.1)


class Weaker(OpenSidedFFL):
    def drive_field(self, points):
        return super().drive_field(points) / 2


class Uneven(OpenSidedFFL):
    def receive_sensitivity(self, points):
        return super().receive_sensitivity(points) * (1 + points[..., :1])


class Shifted(OpenSidedFFL):
    @property
    def sequence(self):
        return replace(super().sequence, tones=((1, 0.5),))


def test_the_line_profile_holds_gradient_amplitude_and_sensitivity():
    profile = scanner().line_profile
    assert (profile.gradient, profile.sensitivity) == (0.8, 800.0)
    assert profile.drive_amplitude == pytest.approx(0.8 * 0.016)


def test_a_subclass_with_the_same_fields_keeps_the_line_profile():
    assert Labelled(0.6, 0.01).line_profile == OpenSidedFFL(0.6, 0.01).line_profile is not None


@pytest.mark.parametrize("kind", [Tilted, Weaker, Uneven, Shifted])
def test_a_subclass_with_other_fields_has_no_line_profile(kind):
    assert kind(0.6, 0.01).line_profile is None


# -- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "value"),
    [
        *each(lambda v: open_sided_ffl(v), NOT_POSITIVE),
        *each(lambda v: OpenSidedFFL(v, 0.01), NOT_POSITIVE),
        *each(lambda v: OpenSidedFFL(0.5, v), NOT_POSITIVE),
        *each(lambda v: open_sided_ffl(0.5, fov=v), NOT_POSITIVE),
        *each(lambda v: open_sided_ffl(0.5, drive_amplitude=v), NOT_POSITIVE[:-1]),  # None is the default
        *each(lambda v: open_sided_ffl(0.5, drive_frequency=v), NOT_POSITIVE),
        *each(lambda v: open_sided_ffl(0.5, angles=v), (0, -2, 1.5, (), (0.1, math.nan), "all")),
        *each(lambda v: open_sided_ffl(0.5, harmonics=v), ((), (0,), (2, 2), (2.5,), (math.nan,), 3)),
        *each(lambda v: open_sided_ffl(0.5, samples_per_period=v), (215, 18, 0, math.nan)),
        *each(lambda v: open_sided_ffl(0.5, sensitivity=v), ((0, 0, 0), (1, 2), (0, 0, math.nan))),
        *each(lambda v: open_sided_ffl(0.5, **v), ({"gradient": 1}, {"tilt": 3, "angles": 4})),
    ],
)
def test_bad_input_gets_one_sentence(make, value):
    assert_refused(make, value)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: open_sided_ffl(-0.5), "sf_gradient"),
        (lambda: open_sided_ffl(0.5, tilt=1), "tilt"),
        (lambda: open_sided_ffl(0.5, harmonics=(2, 200), samples_per_period=216), "samples_per_period"),
    ],
)
def test_the_sentence_names_the_argument(make, named):
    with pytest.raises(ValueError, match=named):
        make()


def test_angles_may_be_an_array():
    assert open_sided_ffl(0.5, angles=np.array([0.0, 1.0])).angles == (0.0, 1.0)


@pytest.mark.parametrize("harmonics", [(2, 3), range(2, 31), [1, 40]])
def test_samples_follow_the_highest_harmonic(harmonics):
    assert open_sided_ffl(0.5, harmonics=harmonics).samples_per_period == max(216, 24 * max(harmonics))
