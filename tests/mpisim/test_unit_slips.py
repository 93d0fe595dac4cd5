"""Numbers that can only be in another unit are refused from Python; real and textbook machines are not."""

import math

import pytest

import mpisim
from mpisim.scanner.sequences import PeriodicSequence, Tone
from tests.mpisim.bad_input import assert_refused, each

ffl = mpisim.open_sided_ffl
Particle, Grid, Sample = mpisim.Particle, mpisim.Grid, mpisim.Sample


@pytest.mark.parametrize(
    ("make", "value"),
    [
        *each(Particle, (25, 25e-6, 25e-3, 2.5e-17)),  # nm, mm; um for nm
        *each(lambda v: Particle(25e-9, v), (0.55, 446.0, 446e6)),  # T/mu_0, kA/m
        *each(lambda v: Particle(25e-9, temperature=v), (25, 37, 36.9)),  # degrees Celsius
        *each(ffl, (500, 500e-6)),  # mT/m, T/um
        *each(lambda v: ffl(0.5, fov=v), (32, 32e3)),  # mm, um
        *each(lambda v: ffl(0.5, drive_amplitude=v), (8, 8e-9, 20e3)),  # mT, GT, uT
        *each(lambda v: ffl(0.5, drive_frequency=v), (23.2, 23.2e6, 0.0232)),  # kHz, mHz, MHz
        *each(lambda v: ffl(0.5, angles=v), ([0, 45, 90, 135], range(0, 180, 3))),  # degrees
        *each(lambda v: ffl(0.5, harmonics=v, samples_per_period=10**7), ([46400],)),  # Hz
        *each(lambda v: ffl(0.5, sensitivity=(0, 0, v)), (1e-3, 1e9)),  # T/A
        *each(lambda v: Grid((8, 8), (v, v)), (32, 32e3)),
        *each(lambda v: Grid((8, 8), center=(v, 0, 0)), (8, -8, math.inf)),
        *each(lambda v: Sample(size=(v, v)), (2, 3e-9)),
        *each(lambda v: Sample(height=v), (1,)),
        *each(lambda v: PeriodicSequence(v, (Tone(1),)), (23.2, 23.2e6)),
        *each(lambda v: PeriodicSequence(v, (Tone(16), Tone(17)), samples_per_period=432), (1.53, 1.53e6)),
        *each(lambda v: PeriodicSequence(25e3, (Tone(1, v),)), (90.0, 180.0, -45)),  # degrees
    ],
)
def test_a_slip_of_the_unit_is_refused(make, value):
    assert_refused(make, value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ffl(0.1, fov=0.2, drive_frequency=26e3),  # a human head
        lambda: ffl(0.01, fov=0.5),
        lambda: ffl(10, fov=0.01, drive_frequency=150e3),  # mice, strong permanent magnets
        lambda: ffl(7, fov=0.005, drive_amplitude=1e-4),
        lambda: ffl(2.5, drive_frequency=1050.0),  # a travelling wave
        lambda: Particle(1.5e-9),
        lambda: Particle(500e-9, 1.7e6, 310.0),
        lambda: Particle(20e-9, temperature=77.4),
        lambda: Grid((5, 5), (1.0, 1.0)),
        lambda: Grid((2000, 2), (0.002, 2e-6)),
        lambda: Sample(concentration=1.0),
        lambda: PeriodicSequence(2.5e6 / 1632, (Tone(16), Tone(17)), samples_per_period=432),
        lambda: PeriodicSequence(2.5e6 / 53856, (Tone(528), Tone(544), Tone(561)), samples_per_period=2000),
        lambda: PeriodicSequence(10.0, (Tone(1), Tone(2320)), (4640,), samples_per_period=10**4),  # a slow tone beside
    ],
)
def test_real_machines_and_tracers_are_taken(make):
    make()


def test_the_sentence_states_the_range():
    with pytest.raises(mpisim.InputError) as caught:
        Particle(25)
    assert str(caught.value) == "Input particle diameter must be from 1e-09 to 1e-06 m; instead received 25."
