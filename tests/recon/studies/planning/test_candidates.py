import pytest

import mpisim
from mpisim.errors import InputError
from recon.studies.planning.candidates import AVERAGES, ScanTime, candidates_of

PAPER = ScanTime()


def kinds(found):
    return {(c.factor, c.angles) for c in found}


def test_a_plane_of_the_paper_takes_22_and_a_half_minutes():
    (plane,) = (c for c in candidates_of(mpisim.Grid(), 60, PAPER, (1,)) if c.averages == 1)
    assert plane.positions == 1024 and plane.seconds / 60 == pytest.approx(22.528)


def test_the_quickest_comes_first_and_factors_divide_the_grid():
    found = candidates_of(mpisim.Grid((24, 48)), 12, PAPER)
    assert [c.seconds for c in found] == sorted(c.seconds for c in found)
    assert kinds(found) == {(f, n) for f in (2, 4, 8) for n in (12, 6)}
    assert len(found) == 6 * len(AVERAGES)


def test_four_positions_are_the_least():
    assert kinds(candidates_of(mpisim.Grid((16, 32)), 7, PAPER)) == {(2, 7), (4, 7), (8, 7)}
    with pytest.raises(InputError, match="grid must be with sides that one of the factors 2, 4, 8, 16 divides"):
        candidates_of(mpisim.Grid((5, 5)), 12, PAPER)


def test_half_of_the_angles_take_half_of_the_record_and_the_same_move():
    found = {(c.angles, c.averages): c.seconds for c in candidates_of(mpisim.Grid(), 20, ScanTime(1.0, 0.4), (4,))}
    assert found[10, 2] == pytest.approx(found[20, 1]) and found[10, 1] == pytest.approx(64 * 1.2)


@pytest.mark.parametrize("every", [0, 3])
def test_the_time_of_a_receive_chain_is_that_of_what_it_records(every):
    recording = mpisim.Recording(
        time=0.02, averages=4, duty_cycle=0.1, move_time=2.0, background_every=every, background_frames=2
    )
    chain = mpisim.ReceiveChain(noise=mpisim.ReceiveNoise(voltage_noise=1e-9), recording=recording)
    line = mpisim.open_sided_ffl(0.7, angles=6, harmonics=(2, 3))
    scanner = mpisim.ImperfectFFL.of(line, receive=chain)
    recorded = mpisim.record(mpisim.simulate(scanner, mpisim.Particle(25e-9), mpisim.Grid((8, 4))))
    time, notes = ScanTime.of(recording, 6, None, None)
    assert time.seconds(32, 4, 1.0) == pytest.approx(recorded.attrs["recorded"]["time"]) and not notes


def test_what_is_given_counts_before_what_is_stated_and_that_before_the_paper():
    stated = mpisim.Recording(time=0.01, duty_cycle=0.5)
    assert (ScanTime.of(None, 60, None, None)[0].move, ScanTime.of(None, 60, None, None)[0].record) == (1.0, 0.32)
    assert len(ScanTime.of(None, 60, None, None)[1]) == 2
    found, notes = ScanTime.of(stated, 60, None, None)
    assert (found.move, found.record) == (1.0, pytest.approx(1.2)) and len(notes) == 1
    assert ScanTime.of(stated, 60, 3.0, 4.0)[0].record == 4.0
    with pytest.raises(InputError, match="record must be a positive number"):
        ScanTime.of(None, 60, None, 0.0)
