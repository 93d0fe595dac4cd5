"""The README's tables are the committed results, and its Python block runs."""

import csv
import re
from pathlib import Path

import pytest

import mpisim
import recon
from mpisim.cli.command import table

ROOT = Path(__file__).parent.parent
NOISES = ("noiseless", "noisy")
TABLES = {  # columns of the file: ours, published
    "III": ("table3", "nrmse_percent", "published_percent"),
    "II": ("table2", "nrmse_percent", "published_percent"),
    "IV": ("table4", "psnr_db", "published_db"),
}


def lines_of(number):
    """Rows of the README's table, as lists of cells."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").split(f"### Table {number}\n")[1]
    found = re.findall(r"^\|(.*)\|$", text.split("\n###")[0].split("\n## ")[0], flags=re.MULTILINE)
    return [[cell.strip().replace("**", "") for cell in line.split("|")] for line in found]


@pytest.mark.parametrize("number", TABLES)
def test_tables_show_the_committed_results(number):
    name, ours, published = TABLES[number]
    with (ROOT / "docs" / name / f"{name}.csv").open(encoding="utf-8") as file:
        rows = {(r["method"], r["factor"], r.get("noise", "noisy")): r for r in csv.DictReader(file)}
    heads, _, *lines = lines_of(number)
    seen = 0
    for line in lines:
        for head, cell in zip(heads[1:], line[1:], strict=True):
            factor, noise = (*head.replace("x", "").split(), "noisy")[:2]
            row = rows.get((line[0], factor, noise), {ours: "", published: ""})
            told = re.fullmatch(r"(-?[\d.]+)(?: \((-?[\d.]+)\))?", cell)
            assert (told is None) == (row[ours] == ""), (line[0], head)
            if told is not None:
                digits = len(told[1].partition(".")[2])
                assert f"{float(row[ours]):.{digits}f}" == told[1], (line[0], head)
                assert (told[2] is None) == (row[published] == "")
                assert told[2] is None or float(told[2]) == float(row[published]), (line[0], head)
                seen += 1
    assert seen == sum(row[ours] != "" and row["method"] != "reference" for row in rows.values())


def test_the_python_block_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    names = {}
    exec(block, names)
    assert float(capsys.readouterr().out) < 0.01
    image = mpisim.read(tmp_path / "image.nc")
    assert image.identical(names["image"]) and recon.psnr(image, names["y"]["phantom"].values) > 12


def test_commands_are_those_of_the_table():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `mpisim (\w+)", text, flags=re.MULTILINE))
    assert named | {"methods"} == set(table())
