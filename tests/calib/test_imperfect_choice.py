"""Which weights `recover` takes where there are some for imperfect scanners: by what a file states, or by misfit."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

import calib
import mpisim
from calib.choice import Choice, settle
from calib.files import recover_file
from calib.learned.apply import apply_model
from calib.learned.bundled import BUNDLED, bundle, realistic_weights
from calib.learned.checkpoint import load_model, save_model
from calib.learned.facts import Facts
from calib.learned.scope import stated_scope
from calib.recovery import recover_usually
from calib.training.recipe import recipe
from calib.training.train import train
from mpisim.errors import DataWarning

ANGLES = (0.0, np.pi / 3, np.pi / 2)


def matrix(phases=0.0):
    """A matrix of an ideal scanner but for the receive chain, which gives every harmonic a phase in rad."""
    gains = np.exp(1j * phases * np.arange(1, 9))
    gain = mpisim.ReceiveGain(tuple((k, g.real, g.imag) for k, g in zip(range(2, 10), gains, strict=True)))
    ideal = mpisim.open_sided_ffl(0.7, angles=ANGLES)
    scanner = mpisim.ImperfectFFL.of(ideal, gain=gain) if phases else ideal
    return mpisim.simulate(scanner, mpisim.Particle(22e-9))


def measured(fine, snr=33.7):
    """A coarse matrix that does not state its scanner."""
    coarse = calib.downsample(fine.drop_vars(["sf_gradient", "particle_diameter"]), 4, snr=snr)
    coarse.attrs = {k: v for k, v in coarse.attrs.items() if k not in ("scanner", "particle")}
    return coarse


@pytest.fixture
def realistic(tmp_path, monkeypatch):
    """Stand-in for weights of imperfect scanners: the bundled ones, on rows with the phases of ideal scanners."""
    model, metadata = load_model(BUNDLED / "transms_4x.safetensors")
    model.config = replace(model.config, phase="ideal")
    file, scope = tmp_path / "transms_4x_realistic.safetensors", stated_scope(metadata)
    save_model(file, model, {"train": metadata["train"], "scope": replace(scope, imperfect=True).as_mapping()})
    monkeypatch.setattr(
        "calib.choice.realistic_weights", lambda method, factor: tmp_path / f"{method}_{factor}x_realistic.safetensors"
    )
    return file


def weights(found):
    return found.attrs["recovery"]["weights"], found.attrs["recovery"].get("reason", "")


def test_a_file_that_states_an_imperfect_scanner_gets_weights_of_such_scanners(realistic, tmp_path):
    fine = matrix(0.7)
    coarse = calib.downsample(fine, 4, snr=33.7)
    found = recover_usually(coarse)
    assert weights(found) == (
        realistic.name,
        "its weights were trained on imperfect scanners, such as this file states",
    )
    named = calib.recover(coarse, "transms")
    assert weights(named) == (realistic.name, "") and named["system_matrix"].equals(found["system_matrix"])
    mpisim.write(coarse, tmp_path / "coarse.nc")
    recover_file(tmp_path / "coarse.nc", tmp_path / "fine.nc", values_at_once=640)  # in blocks of some angles
    assert mpisim.read(tmp_path / "fine.nc").attrs["recovery"]["weights"] == realistic.name


def test_an_ideal_scanner_keeps_its_weights(realistic):
    for coarse in (calib.downsample(matrix(), 4, snr=33.7), measured(matrix())):
        assert weights(recover_usually(coarse)) == (
            "transms_4x.safetensors",
            "its weights were trained on such matrices",
        )


def test_weights_of_ideal_scanners_see_the_phases_of_ideal_ones():
    """The phases of the receive chain cost nothing, and an ideal matrix is recovered as if nobody looked at them."""
    errors = []
    for fine in (matrix(), matrix(0.7)):
        found = calib.recover(measured(fine), "transms", weights=BUNDLED / "transms_4x.safetensors")
        errors.append(calib.nrmse(found, fine))
    assert errors[1] < 1.1 * errors[0]
    model, _ = load_model(BUNDLED / "transms_4x.safetensors")
    coarse = measured(matrix())
    untouched = apply_model(model, coarse)["system_matrix"]
    assert calib.recover(coarse, "transms")["system_matrix"].equals(untouched)


def test_of_a_measured_matrix_the_misfit_tells(realistic, monkeypatch):
    """Here the weights of ideal scanners are kept from turning rows, so that these are strange to them."""
    monkeypatch.setattr("calib.learned.apply._knows_ideal_rows", lambda metadata: False)
    fine = matrix(0.7)
    name, reason = weights(recover_usually(measured(fine)))
    assert name == realistic.name
    assert "unexplained in a tenth of the rows with the weights of ideal scanners, and less with those of" in reason


def test_without_noise_the_reason_says_that_it_is_not_known(realistic):
    name, reason = weights(recover_usually(measured(matrix(), snr=None)))
    assert name == "transms_4x_noiseless.safetensors"
    assert reason == "its weights were trained on such matrices, if the scanner is ideal, which is not known"


def test_without_such_weights_a_warning_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("calib.choice.realistic_weights", lambda method, factor: tmp_path / "none.safetensors")
    coarse = calib.downsample(matrix(0.05), 4, snr=33.7)
    words = "The method is transms, because no other is known to be better, although transms was trained on ideal"
    with pytest.warns(DataWarning, match=words):
        assert weights(recover_usually(coarse))[0] == "transms_4x.safetensors"


def test_imperfect_is_what_info_lists():
    """A class without any switch is ideal; the shape of the sample, or its shift, is not."""
    ideal, particle, small = mpisim.open_sided_ffl(0.7, angles=2), mpisim.Particle(22e-9), mpisim.Grid((8, 8))
    samples = mpisim.Sample(), mpisim.Sample(offset=(1e-3, 0, 0)), mpisim.Sample(shape="cylinder")
    scanner = mpisim.ImperfectFFL.of(ideal)
    stated = [Facts.of(mpisim.simulate(scanner, particle, small, sample)).imperfect for sample in samples]
    assert stated == [False, True, True]
    assert Facts.of(measured(mpisim.simulate(ideal, particle, small))).imperfect is None


def test_a_training_on_imperfect_scanners_is_bundled_as_such(tmp_path):
    small = mpisim.Grid((16, 16))
    scanner = mpisim.ImperfectFFL.of(
        mpisim.open_sided_ffl(0.7, angles=2, harmonics=(2, 3)), line=mpisim.AngleErrors(offset=1e-4)
    )
    data = [mpisim.simulate(scanner, mpisim.Particle(22e-9), small)] * 2
    config = recipe("srcnn", 4, steps=1, batch=2, phase="ideal", denoise="none")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        train(config, data[:1], data[1:], tmp_path / "run")
    file = bundle(tmp_path / "run", tmp_path)
    assert file.name == "srcnn_4x_realistic.safetensors"
    assert realistic_weights("srcnn", 4, tmp_path) == file
    model, metadata = load_model(file)
    assert model.config.phase == "ideal" and stated_scope(metadata).imperfect is True


QUADRATIC = {"recipe": mpisim.QuadraticRecipe(0.1, 0.1, 0.1)}
GROWING = {"selection": (mpisim.Polynomial(((3, 0, 0, 0.12),), turning=True),)}
ASKEW = {"selection": (mpisim.SolidHarmonics(((2, 1, 0.12),)),)}


@pytest.mark.parametrize(
    ("switches", "method"),
    [(QUADRATIC, "bicubic-dc"), (ASKEW, "bicubic-dc"), (GROWING, "profile")],
    ids=["quadratic", "askew", "growing"],
)
def test_profiles_count_where_they_predict_what_is_held_out(switches, method):
    """Profiles take any gradient along the normal, if it is that of all angles; else they may err by 166 %."""
    angles = tuple(np.radians(np.arange(0, 180, 15)))
    ideal = mpisim.open_sided_ffl(0.7, angles=angles, harmonics=(2, 5, 9))
    fine = mpisim.simulate(mpisim.ImperfectFFL.of(ideal, **switches), mpisim.Particle(22e-9))
    coarse = calib.downsample(fine, 8, snr=33.7, seed=1)
    taken = settle(coarse, Choice("profile", "of a reason", usual=False))
    assert taken.method == method
    assert ("at block means that were held out of their fits" in taken.reason) == (method != "profile")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        errors = [calib.nrmse(calib.recover(coarse, m), fine) for m in (method, "bicubic-dc")]
    assert errors[0] <= errors[1]


def test_a_misfit_of_the_network_is_no_reason_for_profiles():
    """A measured matrix of strong quadratic changes: the misfit is large, and profiles do not predict it either."""
    recipe = mpisim.QuadraticRecipe(0.3, 0.3, 0.3)
    ideal = mpisim.open_sided_ffl(0.7, angles=tuple(np.radians(np.arange(0, 180, 15))), harmonics=(2, 3, 5))
    fine = mpisim.simulate(mpisim.ImperfectFFL.of(ideal, recipe=recipe), mpisim.Particle(22e-9))
    coarse = calib.downsample(fine.drop_vars(["sf_gradient", "particle_diameter"]), 8, snr=33.7, seed=1)
    coarse.attrs = {k: v for k, v in coarse.attrs.items() if k not in ("scanner", "particle")} | {"origin": "measured"}
    words = "The method is bicubic-dc, because transms leaves .*, and profiles err .*, and block means at 8x"
    with pytest.warns(DataWarning, match=words) as caught:
        found = recover_usually(coarse)
    assert len(caught) == 1 and found.attrs["recovery"]["method"] == "bicubic-dc"
    assert calib.nrmse(found, fine) < 0.3
