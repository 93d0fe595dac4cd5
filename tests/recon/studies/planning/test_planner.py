"""Plans of a small ideal scanner by a method that takes no time, checked against trials of all its calibrations."""

import numpy as np
import pytest

import mpisim
import recon
from mpisim.errors import InputError
from recon.studies.planning.candidates import Candidate
from recon.studies.planning.figure import plan_figure
from recon.studies.planning.noise import StatedNoise
from recon.studies.planning.planner import _few
from recon.studies.planning.trials import Trial, run_trial
from recon.studies.planning.words import as_text

LINE = mpisim.open_sided_ffl(0.5, angles=12, harmonics=tuple(range(2, 8)))
SETUP = mpisim.Setup(LINE, mpisim.Particle(18e-9), mpisim.Grid((16, 16)))
OPTIONS = {"imperfections": "ideal", "method": "bicubic-dc", "compared": ("bicubic-dc", "profile"), "draws": 2}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("plans")


@pytest.fixture(scope="module")
def planned(cache):
    return recon.plan(SETUP, error=0.06, snr=20.0, **OPTIONS, cache=cache)


def found(candidate, cache):
    """The error of a calibration with noise that the plan has not seen."""
    row = run_trial(Trial(0, SETUP, candidate, "bicubic-dc", StatedNoise(20.0), 77), cache)
    return row["nrmse"]


def test_the_plan_reaches_the_error_and_one_step_coarser_does_not(planned, cache):
    assert found(planned.chosen, cache) <= 1.05 * 0.06
    assert found(planned.coarser, cache) > 0.06
    assert planned.nrmse == pytest.approx(found(planned.chosen, cache), rel=0.1)
    assert planned.interval[0] < planned.nrmse < planned.interval[1]


def test_sample_time_and_noise_belong_to_the_calibration(planned):
    c = planned.chosen
    assert planned.sample == (pytest.approx(c.factor * 2e-3), pytest.approx(c.factor * 2e-3))
    assert c.positions == 256 / c.factor**2 and c.seconds == pytest.approx(c.positions * (1 + 0.32 * c.averages))
    assert planned.snr == pytest.approx(20 + 10 * np.log10(c.averages), abs=0.3)  # that of one draw


def test_the_table_has_every_calibration_of_every_method(planned):
    table = planned.candidates
    assert set(table["method"]) == {"bicubic-dc", "profile", "none"}
    assert set(table.loc[table["method"] == "bicubic-dc", "factor"]) == {2, 4, 8}
    single = table[(table["method"] == "none") & (table["averages"] == 4)].iloc[0]
    assert single["nrmse"] == pytest.approx(0.05, rel=0.05) and single["positions"] == 256
    assert (table["low"] < table["nrmse"]).all() and (table["nrmse"] < table["high"]).all()


def test_the_image_is_better_the_smaller_the_error(planned, cache):
    fine = recon.plan(SETUP, hours=1.0, snr=60.0, factors=(2,), **OPTIONS, cache=cache)
    assert fine.image.psnr > planned.image.psnr > 0
    assert fine.image.psnr_phantom_reference == pytest.approx(planned.image.psnr_phantom_reference)


def test_within_a_time_the_least_error_is_planned(cache):
    options = {**OPTIONS, "compared": (), "image": False, "cache": cache}
    slow, quick = (recon.plan(SETUP, hours=h, snr=20.0, **options) for h in (0.5, 0.01))
    assert quick.chosen.seconds <= 36 < slow.chosen.seconds <= 1800
    assert slow.nrmse < quick.nrmse


def test_a_finished_plan_is_read_from_its_cache(planned, cache, monkeypatch):
    monkeypatch.setattr("recon.studies.planning.trials._computed", None)
    again = recon.plan(SETUP, error=0.06, snr=20.0, **{**OPTIONS, "image": False}, cache=cache)
    assert again.chosen == planned.chosen and again.nrmse == planned.nrmse


def test_words_and_figure_say_what_is_planned(planned):
    text = as_text(planned)
    assert f"{planned.chosen.positions} positions" in text and "one step coarser" in text and "profile" in text
    figure = plan_figure(planned)
    (ax,) = figure.axes
    star = next(line for line in ax.get_lines() if line.get_label() == "plan")
    assert star.get_xdata()[0] == pytest.approx(planned.chosen.seconds / 60)
    assert star.get_ydata()[0] == pytest.approx(100 * planned.nrmse)
    assert ax.get_xlabel() == "time of the scanner in minutes" and ax.get_ylabel() == "nRMSE of the matrix in %"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "Input error must be given, or hours; instead received neither."),
        ({"error": 2.0}, r"Input error must be from 1e-06 to 1 \(a fraction\)"),
        (
            {"hours": 1e-5},
            r"Input hours must be at least 0.00\d+, the time of the quickest calibration \(8x, 1 average",
        ),
        (
            {"error": 1e-4},
            r"Input error must be at least .* %, the best that is possible \(2x, .*; instead received 0.01",
        ),
        ({"error": 0.05, "hours": 0.003}, r"the best that is possible within 0.003 h \(.* would reach it\)"),
        ({"error": 0.1, "method": "magic"}, "Input method must be one of"),
        ({"error": 0.1, "compared": ("magic",)}, "Input compared must be one of"),
        ({"error": 0.1, "imperfections": "weak"}, "Input imperfections must be one of"),
        ({"error": 0.1, "draws": 0}, "Input draws must be a whole number of at least 1"),
        ({"error": 0.1, "factors": (3,)}, "Input grid must be with sides that one of the factors 3 divides"),
    ],
)
def test_what_is_impossible_or_wrong_is_one_sentence(given, sentence, cache):
    options = {**OPTIONS, "compared": (), "image": False, "snr": 20.0, "cache": cache, **given}
    with pytest.raises(InputError, match=sentence):
        recon.plan(SETUP, **options)


def test_errors_of_position_are_a_floor_that_averages_do_not_lower(cache):
    from dataclasses import replace

    misplaced = replace(SETUP, sample=mpisim.Sample(jitter=3e-4))
    options = {**OPTIONS, "compared": (), "image": False, "factors": (2,), "hours": 10.0, "snr": 60.0, "cache": cache}
    exact, moved = (recon.plan(s, **options).nrmse for s in (SETUP, misplaced))
    assert moved > 1.2 * exact


def test_a_method_that_cannot_recover_the_scanner_is_refused(cache):
    few = mpisim.Setup(mpisim.open_sided_ffl(0.5, angles=1, harmonics=(2,)), SETUP.particle, SETUP.grid)
    with pytest.raises(InputError, match="method must be one that recovers such a calibration; instead received phys"):
        recon.plan(few, error=0.05, compared=(), imperfections="ideal", image=False, cache=cache)


@pytest.mark.parametrize(("factor", "method", "notes"), [(16, "physical", 1), (8, "physical", 0), (16, "ridge", 0)])
def test_a_plan_says_that_four_positions_are_few_for_a_fit(factor, method, notes):
    chosen = Candidate(factor, 1, 12, 1.0, 1024 // factor**2, 5.0)
    found = _few(chosen, method)
    assert len(found) == notes and all(note.startswith("4 positions") for note in found)


def test_another_scanner_is_refused():
    from mpisim.io.scanner_file import open_scanner

    with pytest.raises(InputError, match="Input scanner must be an open-sided FFL"):
        recon.plan(open_scanner("lissajous-2d").setup(), error=0.1)


def test_a_receive_chain_gives_noise_and_time_and_what_its_background_leaves(cache):
    def planned(**feedthrough):
        chain = mpisim.ReceiveChain(
            gain=5.0,
            filters=(mpisim.BandPass(10e3, 300e3),),
            noise=mpisim.ReceiveNoise(voltage_noise=4e-9),
            feedthrough=mpisim.Feedthrough(((2, 1e-3, 0.0), (3, 1e-3, 0.0)), **feedthrough),
            recording=mpisim.Recording(time=0.01, duty_cycle=0.1, move_time=2.0, background_every=4),
        )
        setup = mpisim.Setup(mpisim.ImperfectFFL.of(LINE, receive=chain), SETUP.particle, SETUP.grid)
        options = {**OPTIONS, "compared": (), "image": False, "factors": (2,), "cache": cache}
        return recon.plan(setup, hours=0.5, **options)

    steady, wandering = planned(), planned(wander=0.05)
    assert steady.time.move == 2.0 and steady.time.record == pytest.approx(1.2) and "receive chain" in steady.noise
    assert steady.notes == () and steady.chosen.seconds == pytest.approx(81 * (2 + 1.2 * steady.chosen.averages))
    assert wandering.nrmse > 1.5 * steady.nrmse and wandering.snr < steady.snr - 10
    assert wandering.chosen.averages < steady.chosen.averages  # more take longer, and drift goes on
    assert steady.sensitivity.averaging == float("inf") > wandering.sensitivity.averaging > 0
