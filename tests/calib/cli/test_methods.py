"""`mpisim methods`."""

import json

from calib.recovery import METHODS
from mpisim.cli.main import main


def test_json_has_the_fields_of_every_method(capsys):
    assert main(["methods", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["methods"]
    assert list(listed) == list(METHODS)
    assert {tuple(entry) for entry in listed.values()} == {
        ("summary", "sampling", "learned", "shipped_factors", "scope", "version")
    }
    assert listed["transms"]["shipped_factors"] == [2, 4, 8] and listed["bicubic"]["shipped_factors"] == []
    assert listed["transms"]["scope"]["shape"] == [32, 32]
    assert listed["rdsr"]["scope"] is listed["ridge"]["scope"] is None


def test_text_states_bundled_weights(capsys):
    assert main(["methods"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["transms"].endswith("(weights are bundled for 2x, 4x, 8x)")
    assert lines["rdsr"].endswith("(weights are bundled for no factor)") and "(" not in lines["bicubic-dc"]


def test_text_states_what_bundled_weights_were_trained_on(capsys):
    assert main(["methods"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    matrices = "simulated matrices of 32 x 32 voxels over 32 x 32 mm, 0.4 to 0.933 T/m, cores of 14.1 to 31.3 nm"
    trained = f"The bundled weights of srcnn, vdsr, transms were trained on {matrices}, harmonics 2 to 9, 60 angles."
    assert last == trained
