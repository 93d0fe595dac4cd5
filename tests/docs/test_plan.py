"""The table of plans in the manual is that of the file that the benchmark wrote."""

import csv

from benchmarks.plan import CASES
from tests.docs.pages import ROOT
from tests.docs.test_figures_of_pages import same

PAGE = (ROOT / "docs" / "howto" / "plan.md").read_text(encoding="utf-8")


def test_table_of_plans():
    with (ROOT / "docs" / "plan" / "plan.csv").open() as file:
        known = list(csv.DictReader(file))
    lines = PAGE[PAGE.index("| scanner | asked") :].split("\n\n")[0].splitlines()[2:]
    assert len(lines) == len(known) == len(CASES)
    for line, row, case in zip(lines, known, CASES, strict=True):
        scanner, asked, plan, expected, found, coarser = (cell.strip() for cell in line.strip("|").split("|"))
        assert scanner.startswith(f"{case.level}, {case.gradient:g} T/m, {case.diameter:g} nm")
        assert plan == f"{row['factor']}x, {row['averages']}" and same(asked, row["asked_percent"])
        middle, low, high = expected.replace("(", "").replace(")", "").replace("to", "").split()
        assert same(middle, row["expected_percent"])
        assert same(low, row["low_percent"]) and same(high, row["high_percent"])
        assert same(found, row["found_percent"]) and same(coarser, row["coarser_percent"])
