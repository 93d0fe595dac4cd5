"""`mpisim methods`."""

import json

from calib.recovery import METHODS
from mpisim.cli.main import main


def test_json_has_the_fields_of_every_method(capsys):
    assert main(["methods", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["methods"]
    assert list(listed) == list(METHODS)
    assert {tuple(entry) for entry in listed.values()} == {
        ("summary", "sampling", "learned", "shipped_factors", "version")
    }
    assert listed["transms"]["shipped_factors"] == [2, 4, 8] and listed["bicubic"]["shipped_factors"] == []


def test_text_states_bundled_weights(capsys):
    assert main(["methods"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["transms"].endswith("(weights are bundled for 2x, 4x, 8x)")
    assert lines["rdsr"].endswith("(weights are bundled for no factor)") and "(" not in lines["bicubic-dc"]
