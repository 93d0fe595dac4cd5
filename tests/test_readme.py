"""The README fits on a screen, its numbers are the committed results, its code runs; so do the tables of the manual."""

import csv
import re
from pathlib import Path

import pytest

import mpisim
import recon

ROOT = Path(__file__).parent.parent
TABLES = {  # columns of the file: ours, published
    "III": ("table3", "nrmse_percent", "published_percent"),
    "II": ("table2", "nrmse_percent", "published_percent"),
    "IV": ("table4", "psnr_db", "published_db"),
}


def readme():
    return (ROOT / "README.md").read_text(encoding="utf-8")


def lines_of(text):
    """Rows of a Markdown table, as lists of cells."""
    found = re.findall(r"^\|(.*)\|$", text, flags=re.MULTILINE)
    return [[cell.strip().replace("**", "") for cell in line.split("|")] for line in found]


def results_of(name):
    """Rows of a committed result by method, factor and noise."""
    with (ROOT / "docs" / name / f"{name}.csv").open(encoding="utf-8") as file:
        return {(r["method"], r["factor"], r.get("noise", "noisy")): r for r in csv.DictReader(file)}


def check_cells(lines, rows, ours, published):
    """Compare the cells of a table with results; return how many hold a number."""
    heads, _, *lines = lines
    seen = 0
    for line in lines:
        for head, cell in zip(heads[1:], line[1:], strict=True):
            if not re.match(r"\dx", head):
                continue
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
    return seen


@pytest.mark.parametrize("number", TABLES)
def test_tables_of_the_manual_show_the_committed_results(number):
    name, ours, published = TABLES[number]
    text = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8").split(f"## Table {number}\n")[1].split("\n## ")[0]
    rows = results_of(name)
    seen = check_cells(lines_of(text), rows, ours, published)
    assert seen == sum(row[ours] != "" and row["method"] != "reference" for row in rows.values())


def test_table_shows_the_committed_results():
    table = readme().split("## Results\n")[1].split("\n## ")[0]
    assert check_cells(lines_of(table), results_of("table3"), "nrmse_percent", "published_percent") == 12


def test_the_python_block_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", readme(), flags=re.DOTALL)
    names = {}
    exec(block, names)
    assert float(capsys.readouterr().out) < 0.01
    image = mpisim.read(tmp_path / "image.nc")
    assert image.identical(names["image"]) and recon.psnr(image, names["y"]["phantom"].values) > 20


def test_it_fits_on_a_screen():
    assert len(readme().splitlines()) <= 75


def test_links_lead_to_files():
    targets = [t for t in re.findall(r"\]\(([^)]+)\)", readme()) if not t.startswith("https://")]
    assert len(targets) > 8
    for target in targets:
        assert (ROOT / target).is_file(), target


def test_the_second_command_is_that_of_the_checks():
    commands = [line.strip() for line in readme().splitlines() if line.startswith("    python3 -m venv")]
    assert len(commands) == 2 and commands[0].endswith("mpisim demo --out demo")
    assert commands[1] in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
