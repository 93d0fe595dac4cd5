"""The keys of `--json`: every command states them, shows them in its help, and prints these and no others."""

import json

import numpy as np
import pytest
import scipy.io
import xarray as xr

import mpisim
from calib.training.search import SearchResult
from mpisim.cli.command import keys_of, parser_of, table
from mpisim.dataset.generation import generate
from mpisim.simulation.engines import with_former_names
from tests.commands import SMALL, run, write_matrices
from tests.small import CASES, NET, SPEC

COMMANDS = {  # every run of a command; together they print all of its keys
    "simulate": [f"{' '.join(SMALL)} --grid 8 --out o.nc", "--scanner noisy.toml --noise --out noisy.nc"],
    "dataset": [f"{' '.join(SMALL)} --grid 8 --out d"],
    "calibrate": ["--scanner noisy.toml --factor 2 --out large.nc"],
    "downsample": ["sm.nc --factor 2 --out o.nc"],
    "recover": ["coarse.nc --method ridge --out fine.nc"],
    "prior": ["--data data --out prior.npz"],
    "design": ["-n 1 --size 4 --out positions.csv"],
    "methods": [""],
    "evaluate": ["fine.nc --reference sm.nc", "coils.nc --reference coils.nc", "std.nc --reference sm.nc"],
    "compare": ["coarse.nc --reference sm.nc --methods bicubic --out c"],
    "measure": ["sm.nc --out y.nc", "sm.nc --frames 2 --out frames.nc"],
    "plan": [
        f"{' '.join(SMALL)} --grid 8 --method bicubic-dc --methods none --imperfections ideal --factors 2,4 --error 20 "
        "--draws 1 --out plan.png"
    ],
    "reconstruct": [
        "sm.nc y.nc --out a.nc",
        "big.nc big_y.nc --reference big_i.nc --out b.nc",
        "std.nc y.nc --out c.nc",
        "sm.nc y.nc --method tikhonov --lambda auto --background frequency --out d.nc",
    ],
    "convert": [
        "S.mat o.nc --grid 4x4 --coarse 2 --noiseless",
        "std.nc converted.nc",
        "coarse.nc copy.nc",
        "chain.nc chain_copy.nc",
    ],
    "info": ["sm.nc", "coarse.nc", "S.mat", "sm.mdf", "std.nc", "chain.nc"],
    "validate": ["sm.mdf"],
    "pair": ["sm.mdf y.nc"],
    "preprocess": ["sm.mdf --max-frequency 1000 --out p.nc"],
    "data": ["list open-mpi --out ."],
    "plot": ["sm.nc --out p.png"],
    "scanners": ["", "mild", "mild --out mild.toml"],
    "train": [f"--data data --method {NET} --factor 2 --steps 1 --batch 8 --out run"],
    "study": ["fig6 --quick --methods bicubic --out s"],
}
STATED_BY_TYPES = {"tune": SearchResult.__annotations__}
RUN_BY_ITS_OWN_TEST = {"demo"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("keys")
    write_matrices(out)
    scipy.io.savemat(out / "S.mat", {"S": np.random.default_rng(0).standard_normal((12, 16)) + 0j})
    generate(CASES, SPEC, out / "data", splits=["train", "validation"])
    sm = mpisim.read(out / "sm.nc")
    coils = xr.concat([sm["system_matrix"], 2 * sm["system_matrix"]], "receive").transpose("angle", "receive", ...)
    mpisim.write(sm.assign(system_matrix=coils), out / "coils.nc")
    mpisim.write(sm, out / "sm.mdf")
    mpisim.write(sm.assign(system_matrix_std=0.1 * np.abs(sm["system_matrix"]).astype(float)), out / "std.nc")
    noise = mpisim.ReceiveNoise(voltage_noise=1e-9)
    chain = mpisim.ReceiveChain(noise=noise)
    scanner = mpisim.ImperfectFFL.of(mpisim.open_sided_ffl(0.9, angles=2, harmonics=(2, 3)), receive=chain)
    setup = mpisim.Setup(scanner, mpisim.Particle(24e-9), mpisim.Grid((8, 8)))
    mpisim.write_scanner(setup, out / "noisy.toml")
    mpisim.write(mpisim.record(setup.simulate()), out / "chain.nc")
    import calib
    import recon
    from tests.recon.problems import small_matrix, small_measurement

    for name, data in (
        ("y.nc", recon.measure(sm, recon.phantoms.tubes(), seed=0)),
        ("fine.nc", calib.recover(mpisim.read(out / "coarse.nc"), "ridge")),
        ("big.nc", small_matrix()),
        ("big_y.nc", small_measurement()),
        ("big_i.nc", recon.reconstruct(small_matrix(), small_measurement(), "tikhonov")),
    ):
        mpisim.write(data, out / name)
    return out


def test_every_command_is_covered():
    assert {*COMMANDS, *STATED_BY_TYPES, *RUN_BY_ITS_OWN_TEST} == set(table())


@pytest.mark.parametrize("name", list(table()))
def test_the_help_shows_the_keys(name):
    command = table()[name]
    keys, text = keys_of(command), parser_of(command).format_help()
    assert keys and "keys of --json:" in text
    assert all(f"  {key} " in text and meaning for key, meaning in keys.items())


def _named(name, result, words):
    """Keys that stand for themselves: attributes of a file, numbers of a study."""
    if name == "study":
        return set(result)
    file = result.get("out", words.split()[0])
    return set(with_former_names(mpisim.read(file).attrs)) if file.endswith(".nc") else set()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_prints_the_keys_that_it_states(name, folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    stated, printed = set(keys_of(table()[name])), set()
    for words in COMMANDS[name]:
        code, out, err = run(capsys, name, *words.split(), "--json")
        assert code == 0, err
        result = json.loads(out)
        printed |= set(result) - (_named(name, result, words) - stated if "*" in stated else set())
    assert printed == stated - {"*"}


@pytest.mark.parametrize("name", STATED_BY_TYPES)
def test_keys_are_those_of_the_type_of_the_result(name):
    assert set(keys_of(table()[name])) == set(STATED_BY_TYPES[name])
