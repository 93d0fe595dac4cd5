"""Fig. 5: training sets of growing size."""

from tests.small import csv_rows, entries, short


def test_the_largest_random_set_is_the_training_split(tmp_path, cache):
    short("weights", tmp_path, cache, methods=("transms",))
    before = len(entries(cache))
    result = short("fig5", tmp_path, cache)
    assert [(r["set"], r["size"]) for r in result["table"]] == [("random", 2), ("random", 4), ("narrow", 6)]
    assert len(entries(cache)) == before + 2  # the training on all matrices was there
    assert all(row["nrmse_percent"] > 0 for row in result["table"]) and result["six"] == {}
    assert (tmp_path / "fig5_quick.png").is_file() and len(csv_rows(tmp_path / "fig5_quick.csv")) == 3
