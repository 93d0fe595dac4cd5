"""The table of the rules for lambda in the manual is that of the stored figures."""

import re

import pandas as pd
import pytest

from benchmarks.lambda_rules import GROUPS, METHODS, by_group
from tests.docs.pages import ROOT

PAGE, FIGURES = ROOT / "docs" / "theory" / "reconstruction.md", ROOT / "docs" / "lambda_rules" / "lambda_rules.csv"


def test_the_table_of_the_page_is_that_of_the_file():
    stored = pd.read_csv(FIGURES, index_col=["matrix", "method", "rule"]).sort_index()
    group, seen = "", 0
    table = PAGE.read_text().split("| matrix | rule |")[1].split("\n\n")[0]
    for line in table.splitlines()[2:]:
        first, rule, *cells = [cell.strip(" *") for cell in line.strip("|").split("|")]
        group = {"exact": "good", "16 to": "bad"}.get(first[:5], group)
        for method, cell in zip(METHODS, cells, strict=True):
            row = stored.loc[group, method, rule]
            median, worst = map(float, cell.split(","))
            assert median == pytest.approx(row["median"], abs=0.0055 if median < 10 else 0.0501)
            assert worst == pytest.approx(row["worst"], abs=0.0501)
            seen += 1
        for images in re.findall(r"\((\d+) images each\)", first):
            assert (stored.loc[group, "cases"] == int(images)).all()
    assert seen == 48


def test_groups_of_matrices_are_summed_up_apart():
    kinds = GROUPS["all"]
    cases = pd.DataFrame({"matrix": kinds, "method": "cg", "rule": "auto", "loss": [1.0, 3.0, 8.0]})
    found = by_group(cases)
    assert found.loc[("good", "cg", "auto"), "median"] == 2 and found.loc[("bad", "cg", "auto"), "worst"] == 8
    assert found.loc[("all", "cg", "auto"), "cases"] == 3
