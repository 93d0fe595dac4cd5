"""Tables of figures in the manual are those of the files that studies wrote."""

import csv
import re

import pytest

from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "in_house.md").read_text()


def rows_of(name):
    with (ROOT / "docs" / "table7" / name).open() as file:
        return list(csv.DictReader(file))


def cells_of(start):
    """Cells of the lines of a table that begin with a method in code, below the line that starts with `start`."""
    lines = PAGE[PAGE.index(start) :].split("\n\n")[0].splitlines()
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines[2:]]


def same(shown, value):
    """Whether a figure on the page is a value to its last digit, or a dash and no value."""
    if shown == "-" or value == "":
        return shown == "-" and value == ""
    digits = len(shown.partition(".")[2])
    return abs(float(shown) - float(value)) <= 0.5001 * 10.0**-digits


@pytest.mark.parametrize(
    ("file", "start"),
    [("table7.csv", "| nRMSE in %: ours / paper"), ("table7_bands.csv", "| nRMSE in %, bands: ours / paper")],
)
def test_tables_of_the_in_house_scanner(file, start):
    known = {(row["method"], factor): row for row in rows_of(file) for factor in [int(row["factor"])]}
    cells = cells_of(start)
    assert {row[0] for row in cells} == {method for method, _ in known}
    for method, *columns in cells:
        for i, factor in enumerate((2, 4, 8)):
            row = known[method, factor]
            ours, _, paper = columns[i].partition(" / ")
            assert same(ours, row["nrmse_percent"]), (method, factor)
            assert same(paper, row["published_percent"]), (method, factor)
            for column, key in ((3, "nrmse_exact_percent"), (4, "psnr_db"), (5, "published_db")):
                shown = columns[column].split(" / ")
                assert same(shown[i] if len(shown) == 3 else shown[0], row[key]), (method, factor, key)


@pytest.mark.parametrize(
    ("file", "start"),
    [("fig13.csv", "| method | sampling |"), ("fig13_bands.csv", "| method, bands | sampling |")],
)
def test_table_of_larger_samples(file, start):
    known = {(row["method"], row["sampling"]): row for row in rows_of(file)}
    cells = cells_of(start)
    assert {(row[0], row[1]) for row in cells} == set(known)
    for method, sampling, *shown in cells:
        keys = ("coarse_snr_db", "nrmse_percent", "psnr_db", "psnr_phantom_db", "depth")
        for text, key in zip(shown, keys, strict=True):
            assert same(text.split()[0], known[method, sampling][key]), (method, sampling, key)


@pytest.mark.parametrize(
    ("method", "factor", "digits"), [("physical", 4, 1), ("srcnn", 2, 0), ("vdsr", 2, 0), ("smrnet", 2, 0)]
)
def test_image_errors_in_the_text(method, factor, digits):
    text = PAGE.replace("\n", " ")
    best = re.search(r"differ by ([\d.]+) dB", text)[1]
    low, high = re.search(r"are above: (\d+) to (\d+) dB", text).groups()
    row = next(r for r in rows_of("table7.csv") if (r["method"], r["factor"]) == (method, str(factor)))
    value = float(row["psnr_db"])
    assert value == pytest.approx(float(best), abs=0.06) if digits else int(low) <= round(value) <= int(high)
