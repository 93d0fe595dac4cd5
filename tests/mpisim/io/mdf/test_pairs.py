"""Which measurement fits which matrix: every difference gets its sentence, and equal files have none."""

import json

import numpy as np
import pytest

import mpisim
import recon
from mpisim.io.mdf.acquired import acquisition_of, acquisition_of_file
from mpisim.preprocess.pairing import common, mismatches, rows_lost
from tests.commands import run
from tests.mpisim.io.mdf.files import FREQUENCIES, K, measured, metadata, random_complex, write, write_matrix


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("pairs")
    write_matrix(out / "sm.mdf", (3, 2, 1))
    return out


def reasons(folder, fields, **flags):
    data = random_complex(np.random.default_rng(1), 2, 1, 2, K)
    write(folder / "y.mdf", metadata(2), measured(data, isFourierTransformed=1, **flags), fields)
    matrix = acquisition_of_file(folder / "sm.mdf", "system_matrix")
    return [m.sentence for m in mismatches(matrix, acquisition_of_file(folder / "y.mdf", "measurement"))]


def test_files_of_one_sequence_fit(folder):
    assert reasons(folder, {}) == []
    assert reasons(folder, {"/acquisition/gradient": np.array([-1.0, -1.0, 2.0])}) == []
    assert reasons(folder, {"/tracer/name": " perimag"}) == []
    assert reasons(folder, {"/tracer/name": "n.a."}) == []  # nothing is compared with what is not stated
    assert reasons(folder, {"/acquisition/offsetField": np.full((1, 1, 3), 1e-7)}) == []


OTHERS = {
    "topology": (
        {"/scanner/topology": "FFL"},
        "The topology of the matrix is FFP, that of the measurement FFL.",
    ),
    "divider": (
        {"/acquisition/drivefield/divider": np.array([[102], [99]])},
        "The drive frequency of the matrix is 24.5098, 26.0417 kHz, that of the measurement 24.5098, 25.2525 kHz.",
    ),
    "amplitude": (
        {"/acquisition/drivefield/strength": np.array([[[0.012], [0.014]]])},
        "The drive amplitude of the matrix is 12, 12 mT, that of the measurement 12, 14 mT.",
    ),
    "waveform": (
        {"/acquisition/drivefield/waveform": [["triangle"], ["triangle"]]},
        "The waveform of the matrix is sine, that of the measurement triangle.",
    ),
    "gradient": (
        {"/acquisition/gradient": np.diag([-0.5, -0.5, 1.0])[None, None]},
        "The gradient of the matrix is -1, 0, 0, 0, -1, 0, 0, 0, 2 T/m, "
        "that of the measurement -0.5, 0, 0, 0, -0.5, 0, 0, 0, 1 T/m.",
    ),
    "offset": (
        {"/acquisition/offsetField": np.array([[[0.01, 0, 0]]])},
        "The offset field of the matrix is 0, 0, 0 mT, that of the measurement 10, 0, 0 mT.",
    ),
    "unit": (
        {"/acquisition/receiver/unit": "A"},
        "The unit of the matrix is V, that of the measurement A.",
    ),
    "tracer": (
        {"/tracer/name": ["Synomag-D"]},
        "The tracer of the matrix is Perimag, that of the measurement Synomag-D.",
    ),
    "transfer function": (
        {"/acquisition/receiver/transferFunction": np.ones((2, K), complex)},
        "The measurement is corrected for a transfer function, and the matrix is not and has none.",
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_every_difference_has_its_sentence(folder, case):
    fields, sentence = OTHERS[case]
    assert reasons(folder, fields) == [sentence]


def test_another_bandwidth_has_other_frequencies(folder):
    found = reasons(folder, {"/acquisition/receiver/bandwidth": 7.3e5})
    assert found[0] == "The bandwidth of the matrix is 800 kHz, that of the measurement 730 kHz."


def test_transfer_functions_of_both_are_compared(tmp_path):
    transfer = random_complex(np.random.default_rng(2), 2, K, dtype=complex)
    field = "/acquisition/receiver/transferFunction"
    write_matrix(tmp_path / "sm.mdf", (3, 2, 1), {field: transfer})
    assert reasons(tmp_path, {field: transfer}) == []
    expected = ["The transfer functions of the matrix and of the measurement differ."]
    assert reasons(tmp_path, {field: 2 * transfer}) == expected


def test_frequencies_are_matched_by_value():
    assert common(np.array([1.0, 2, 3]) * 1e5, np.array([3.0, 1.0]) * (1 + 1e-9) * 1e5).tolist() == [True, False, True]
    assert common(np.array([0.0, 5.0]), np.array([0.0])).tolist() == [True, False]
    assert rows_lost(FREQUENCIES, FREQUENCIES[2:5]) == (6, 9) and rows_lost(None, FREQUENCIES) is None


def test_the_command(folder, capsys):
    assert reasons(folder, {}) == []
    code, out, _ = run(capsys, "pair", folder / "sm.mdf", folder / "y.mdf")
    assert code == 0 and out.startswith("fits\ncompared: ")
    data = random_complex(np.random.default_rng(1), 2, 1, 2, 4)
    selection = {"/measurement/frequencySelection": np.array([2, 3, 4, 5]), "/tracer/name": "Synomag-D"}
    flags = measured(data, isFourierTransformed=1, isFrequencySelection=1)
    write(folder / "z.mdf", metadata(2), flags, selection)
    code, out, _ = run(capsys, "pair", folder / "sm.mdf", folder / "z.mdf", "--json")
    figures = json.loads(out)
    assert code == 1 and figures["rows"] == {"used": 4, "lost": 5} and len(figures["reasons"]) == 1
    code, out, _ = run(capsys, "pair", folder / "sm.mdf", folder / "z.mdf")
    assert "5 of 9 frequencies of the matrix are not in the measurement" in out
    code, _, err = run(capsys, "pair", folder / "y.mdf", folder / "sm.mdf")
    assert code == 2 and "a file of the kind system_matrix; instead received measurement" in err


def test_simulated_files_and_what_was_made_of_mdf(folder, tmp_path):
    grid, particle = mpisim.Grid((4, 4), (0.032, 0.032)), mpisim.Particle(25e-9)
    fine = mpisim.simulate(mpisim.open_sided_ffl(1.0, angles=3), particle, grid)
    other = mpisim.simulate(mpisim.open_sided_ffl(2.0, angles=3), particle, grid)
    y = recon.measure(fine, recon.phantoms.tubes(), snr=30, seed=0, same_grid=True)
    assert mismatches(acquisition_of(fine), acquisition_of(y)) == []
    found = [m.sentence for m in mismatches(acquisition_of(other), acquisition_of(y))]
    assert len(found) == 2 and "drive amplitude" in found[0] and "gradient" in found[1]
    mpisim.write(fine, tmp_path / "sm.mdf")
    by_file = acquisition_of_file(tmp_path / "sm.mdf", "system_matrix")
    assert mismatches(by_file, acquisition_of(y)) == []
    matrix = mpisim.read(folder / "sm.mdf")
    assert mismatches(acquisition_of(matrix), acquisition_of_file(folder / "sm.mdf", "system_matrix")) == []


def test_a_simulated_tracer_is_the_same_but_for_rounding():
    """25 nm that were typed are 2.5000000000000002e-08 m."""

    def simulated(diameter):
        scanner = mpisim.open_sided_ffl(0.5, angles=2, harmonics=(2, 3))
        return mpisim.simulate(scanner, mpisim.Particle(diameter), mpisim.Grid((4, 4)))

    matrix = acquisition_of(simulated(25 * 1e-9))
    y = recon.measure(simulated(25e-9), recon.phantoms.tubes(), noiseless=True)
    assert 25 * 1e-9 != 25e-9 and mismatches(matrix, acquisition_of(y)) == []
    y = recon.measure(simulated(25.1e-9), recon.phantoms.tubes(), noiseless=True)
    (reason,) = mismatches(matrix, acquisition_of(y))
    assert reason.what == "tracer" and "'diameter': 2.5e-08" in reason.sentence and "2.51e-08" in reason.sentence
