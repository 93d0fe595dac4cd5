"""The detection limit that `info` and `simulate` print."""

import json
from dataclasses import replace

import numpy as np
import pytest

import mpisim
from mpisim.cli.detection import DetectionTally
from mpisim.simulation.detection import detection_limit
from tests.commands import run

LINE = mpisim.open_sided_ffl(0.5, angles=3, harmonics=(2, 3, 9))
NOISE = mpisim.ReceiveNoise(voltage_noise=4e-9)


def setup(**parts):
    chain = mpisim.ReceiveChain(noise=NOISE, **parts)
    scanner = mpisim.ImperfectFFL.of(LINE, receive=chain)
    return mpisim.Setup(scanner, mpisim.Particle(25e-9), mpisim.Grid((8, 8)))


@pytest.mark.parametrize("noise", [[], ["--noise"]])
def test_simulate_and_info_print_it_in_micrograms(noise, tmp_path, capsys):
    mpisim.write_scanner(setup(), tmp_path / "s.toml")
    file = tmp_path / "n.nc"
    code, out, err = run(capsys, "simulate", "--scanner", tmp_path / "s.toml", *noise, "--out", file, "--json")
    assert code == 0, err
    said = json.loads(out)["detection_limit"]
    limit = 1e9 * detection_limit(mpisim.read(file)).values
    assert [said["least"], said["median"], said["largest"]] == pytest.approx(np.quantile(limit, [0, 0.5, 1]))
    code, out, _ = run(capsys, "info", file, "--json")
    assert code == 0 and json.loads(out)["detection_limit"] == pytest.approx(said)
    code, out, _ = run(capsys, "info", file)
    assert "detection_limit" in out and f"{said['least']:.3g}"[:4] in out


def test_the_limit_of_blocks_is_that_of_the_whole():
    whole = mpisim.record(setup().simulate())
    once, parts = DetectionTally(), DetectionTally()
    once.add(whole)
    for i in range(3):
        parts.add(whole.isel(angle=slice(i, i + 1)))
    assert parts.described()["detection_limit"] == pytest.approx(once.described()["detection_limit"], rel=1e-6)


def test_nothing_is_said_without_a_chain_or_before_the_background_is_subtracted():
    with_background = setup(feedthrough=mpisim.Feedthrough(((2, 1e-4, 0.0),)))
    for data in (
        mpisim.simulate(LINE, mpisim.Particle(25e-9), mpisim.Grid((8, 8))),
        mpisim.record(with_background.simulate()),
    ):
        tally = DetectionTally()
        tally.add(data)
        assert tally.described() == {}
    silent = replace(setup(), scanner=mpisim.ImperfectFFL.of(LINE, receive=mpisim.ReceiveChain()))
    tally = DetectionTally()
    tally.add(silent.simulate())
    assert tally.described() == {}
