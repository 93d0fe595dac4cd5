"""`mpisim tune`: bad input."""

import pytest

from tests.commands import run


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("admm", "--factor", 2, "--steps", 3), "Input --factor and --steps must be left out for admm"),
        (("magic",), "Input what to tune must be one of"),
        (("srcnn", "--trials", 0), "Input --trials must be a whole number of at least 1; instead received 0."),
        (("srcnn", "--steps", "few"), "Input --steps must be a number; instead received 'few'."),
        (("srcnn",), "Input --data must be a folder of `mpisim dataset`; instead received"),
    ],
)
def test_bad_input_gets_one_sentence(tmp_path, capsys, words, message):
    code, out, err = run(capsys, "tune", *words, "--data", tmp_path / "none", "--out", tmp_path / "search")
    assert (code, out) == (2, "") and message in err and err.count("\n") == 1
    assert not (tmp_path / "search").exists()
