import json

import pytest

from tests.commands import SMALL, run

QUICK = (
    "plan",
    *SMALL,
    "--grid",
    "8",
    "--factors",
    "2,4",
    "--method",
    "bicubic-dc",
    "--methods",
    "none",
    "--draws",
    "1",
)
IDEAL = (*QUICK, "--imperfections", "ideal", "--no-image")


def test_errors_are_percent_at_the_command_line_and_fractions_in_json(capsys):
    for text in ("20", "20%", "20 %"):
        code, out, err = run(capsys, *IDEAL, "--error", text, "--json")
        assert code == 0, err
        result = json.loads(out)
        assert result["error"] == pytest.approx(0.2) and result["nrmse"] <= 0.2
    assert result["sample"] == [4 * result["factor"], 4 * result["factor"]]
    assert {row["method"] for row in result["candidates"]} == {"bicubic-dc", "none"}
    assert result["coarser"] is None or result["coarser"]["nrmse"] > 0.2


def test_the_words_hold_the_plan_the_noise_and_what_is_presumed(capsys):
    code, out, err = run(capsys, *IDEAL, "--hours", "0.1", "--snr", "30", "--snr-of", "1", "--move", "2")
    assert code == 0, err
    for words in (
        "2 s to move",
        "30 dB for a sample of one voxel",
        "ug of iron",
        "the paper, 0.32 s",
        "one step coarser",
    ):
        assert words in out


def test_jitter_is_that_of_the_command_line(capsys):
    errors = []
    for jitter in ("0", "1"):
        code, out, err = run(capsys, *IDEAL, "--hours", "1", "--jitter", jitter, "--json")
        assert code == 0, err
        errors.append(json.loads(out)["nrmse"])
    assert errors[1] > errors[0]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Input --error must be given, or --hours"),
        (("--error", "0"), "Input --error must be from 0.0001 to 100 %; instead received 0"),
        (("--error", "two"), "Input --error must be a number; instead received 'two'"),
        (("--error", "1e-3"), "the best that is possible"),
        (("--hours", "0.0001"), "the time of the quickest calibration"),
        (("--error", "5", "--snr-of", "1"), "Input --snr must be given together with --snr-of"),
        (("--error", "5", "--methods", "magic"), "Input --methods must be one of"),
        (("--error", "5", "--out", "plan.txt"), "Input --out must be"),
    ],
)
def test_bad_input_and_impossible_plans_are_one_sentence(words, sentence, capsys):
    code, out, err = run(capsys, *IDEAL, *words)
    assert code == 2 and out == ""
    assert sentence in err and len(err.strip().splitlines()) == 1


def test_a_level_is_not_given_for_a_scanner_that_states_its_own(capsys):
    code, _, err = run(capsys, "plan", "--scanner", "medium", "--error", "1", "--imperfections", "mild")
    assert code == 2 and "Input --imperfections must be left out" in err
