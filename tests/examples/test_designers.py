"""The examples for designers, each small: their figures follow the laws that their texts state."""

import numpy as np
import pytest

import mpisim
from mpisim.scanner.safety import absorption_rate, stimulation_limit
from mpisim.simulation.detection import sample_iron_mass
from tests.examples.test_ranges import example

POINTS = ("scanner_trade_offs", "which_particle", "drive_frequency")


def test_trade_offs_follow_the_laws(tmp_path, capsys):
    trade = example("scanner_trade_offs")
    trade.VOXELS, trade.ANGLES = 25, 4
    words = ["--points", "2", "--out", str(tmp_path / "a.png")]
    once = trade.main(words)
    printed = capsys.readouterr().out
    many = trade.main([*words, "--averages", "100"])
    for name, (values, width, _, level, slow_width, slow_level) in once.items():
        assert name in printed and f"{level[0]:6.1f} dB" in printed and np.all(slow_width > 0)
        assert np.all(slow_level < level), name  # what lags behind gives less signal
        assert np.allclose(many[name][3], level + 20, atol=1e-3)  # 100 averages
        assert np.all(many[name][1] <= width * 1.01)
        assert np.all(np.diff(level) > 0), name  # each number raises the signal
        if "frequency" in name:
            ratio = values[1] / values[0]
            assert 15 < level[1] - level[0] < 20 * np.log10(ratio) + 20 * np.log10(2)
    gradients = once["gradient in T/m"]
    assert np.allclose(gradients[2] * gradients[0], 4.16 / mpisim.Particle(25e-9).beta, rtol=2e-3)
    assert gradients[1, 1] < gradients[1, 0] / 2
    diameters = once["core diameter in nm"]
    assert np.allclose(diameters[2] * diameters[0] ** 3, diameters[2, 0] * diameters[0, 0] ** 3, rtol=1e-6)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_particles_of_two_sizes_for_every_scanner(tmp_path, capsys):
    which = example("which_particle")
    which.VOXELS = 11
    which.SCANNERS = {name: which.SCANNERS[name] for name in ("open", "slow")}
    found = which.main(["--points", "2", "--anisotropy", "2", "--out", str(tmp_path / "w.png")])
    printed = capsys.readouterr().out
    assert len(found) == 3 and printed.count("ng") == 6
    for values in found.values():
        assert values.shape == (2, 2, 2) and np.all(values[1, :, 1] < values[1, :, 0])  # larger cores are seen better
    still = found["equilibrium, spread 0.15"]
    assert np.all(still[1, 0] < still[1, 1])  # five times the frequency
    brown, equilibrium = found["Brown's rotation in water"][1], still[1]
    assert np.all(brown > equilibrium)
    assert brown[0, 0] / equilibrium[0, 0] > brown[1, 0] / equilibrium[1, 0]  # the slow drive loses less
    assert (tmp_path / "w.png").read_bytes().startswith(b"\x89PNG")


def test_voltages_of_a_drive_in_equilibrium():
    """Those of a sample without a selection field are the rows that the simulator gives on the line itself."""
    drive = example("drive_frequency")
    amplitude, f0 = 10e-3, 25e3
    voxel = mpisim.Grid((1, 1), (1e-5, 1e-5))
    line = mpisim.open_sided_ffl(
        0.5, angles=1, harmonics=drive.HARMONICS, drive_amplitude=amplitude, drive_frequency=f0
    )
    matrix = mpisim.simulate(line, drive.PARTICLE, voxel)
    found = drive.voltages(drive.PARTICLE, f0, amplitude, sample_iron_mass(matrix))
    sensitivity = line.receive_sensitivity(np.zeros((1, 3)))[0, 2]
    expected = matrix["system_matrix"].values.ravel() * drive.SENSITIVITY / sensitivity
    assert np.allclose(found, expected, rtol=1e-4)


def test_slow_drives_leave_equilibrium_and_debye_divides_by_its_filter(tmp_path, capsys):
    drive = example("drive_frequency")
    found = drive.main(["--points", "2", "--amplitude", "5", "--out", str(tmp_path / "f.png")])
    assert "harmonics above the noise" in capsys.readouterr().out
    twice = drive.main(["--points", "2", "--amplitude", "5", "--iron", "2", "--out", str(tmp_path / "f.png")])
    k = np.array(drive.HARMONICS)
    for rotation, models in found.items():
        for name, values in models.items():
            assert np.allclose(twice[rotation][name], 2 * values)
            assert np.all(values[1] < 1001 * values[0])  # at most in proportion to the frequency
        time = drive.tracers()[rotation]["Debye"].relaxation_time
        for i, f in enumerate((300.0, 300e3)):
            gain = 1 / np.hypot(1, 2 * np.pi * k * f * time)
            assert np.allclose(models["Debye"][i], gain * models["equilibrium"][i], rtol=1e-6)
    brown = found["Brown's rotation"]
    assert np.allclose(brown["Fokker-Planck"][0], brown["equilibrium"][0], rtol=0.1)
    assert np.all(brown["Fokker-Planck"][1] < 0.02 * brown["equilibrium"][1])
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")


def test_enough_samples_of_a_period():
    """Twice as many change no harmonic above the noise by more than 1 %."""
    drive = example("drive_frequency")
    for models in drive.tracers().values():
        for f in (3e3, 30e3):
            drive.TIMES = 512
            coarse = np.abs(drive.voltages(models["Fokker-Planck"], f, 10e-3, 1e-9))
            drive.TIMES = 1024
            fine = np.abs(drive.voltages(models["Fokker-Planck"], f, 10e-3, 1e-9))
            assert np.all(np.abs(coarse - fine) < 0.01 * fine + 0.1 * drive.noise(np.array([f]))[0] / 5)


def test_together_is_the_matched_filter():
    signal, sigma = np.array([[3.0, 4.0]]), np.ones((1, 2))
    assert example("drive_frequency").together(signal, sigma) == pytest.approx(10 * np.log10(2 * 25))


def test_limits_of_a_patient_sized_scanner_without_drift_are_those_of_the_matched_filter():
    """Twice the noise power, since the empty scanner is measured for as long."""
    sized = example("patient_sized")
    sized.ANGLES, sized.VOXELS = 6, 11
    for machine in sized.MACHINES.values():
        matrix = sized.simulated(machine, 0.0)
        found = sized.limits_over_time(machine, matrix, machine.scan_time * np.array([1, 9]), 0.0)
        middle = dict(x=sized.VOXELS // 2, y=sized.VOXELS // 2)
        expected = [float(mpisim.detection_limit(matrix, averages=n)[middle]) * np.sqrt(2) for n in (1, 9)]
        assert np.allclose(found, expected, rtol=1e-3)
        times = np.geomspace(machine.scan_time, 1e5, 400)
        drifting = sized.limits_over_time(machine, matrix, times, 0.01)
        limits = mpisim.chain_averaging_limit(machine.scanner(0.01).receive, matrix["frequency"].values, 25e3)
        best = times[np.argmin(drifting)]  # of rows that see the place: the odd harmonics
        assert limits[1] < best / np.sqrt(machine.stations) < limits[-1]
        assert np.all(drifting > sized.limits_over_time(machine, matrix, times, 0.0))


def test_a_patient_sized_scanner_is_within_the_limits_and_larger(tmp_path, capsys):
    sized = example("patient_sized")
    sized.ANGLES, sized.VOXELS = 6, 31
    found = sized.main(["--out", str(tmp_path / "p.png")])
    assert "detection limit in one scan" in capsys.readouterr().out
    small, patient = found["small animal"], found["patient"]
    for machine in sized.MACHINES.values():
        assert machine.amplitude < stimulation_limit(sized.FREQUENCY, machine.body)
        assert absorption_rate(machine.amplitude, sized.FREQUENCY, machine.body) < 2
        assert machine.stations * machine.covered >= machine.fov > (machine.stations - 1) * machine.covered
    assert patient["resolution"] > 3 * small["resolution"] and np.all(patient["still"] > 5 * small["still"])
    assert np.all(np.diff(small["calibration"]) < 0)
    machine = sized.MACHINES["patient"]
    one, many = (sized.calibration_time(machine, 0.01, 2, n) for n in (1, 5))
    assert many - one == pytest.approx(100 * 4 * machine.scan_time) and one == pytest.approx(
        100 * (1 + machine.scan_time)
    )
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_help_and_bad_input_of_the_patient_sized_scanner(capsys):
    with pytest.raises(SystemExit) as done:
        example("patient_sized").main(["--wander", "-1"])
    assert done.value.code == 2 and "; instead received" in capsys.readouterr().err


@pytest.mark.parametrize("name", POINTS)
def test_help_and_bad_input(name, capsys):
    with pytest.raises(SystemExit) as done:
        example(name).main(["--help"])
    assert done.value.code == 0 and "(default" in capsys.readouterr().out
    with pytest.raises(SystemExit) as done:
        example(name).main(["--points", "x"])
    assert done.value.code == 2 and "; instead received 'x'" in capsys.readouterr().err
