"""Digests of the data of a training."""

from calib.training.identity import data_digest, is_data_digest
from calib.training.recipe import recipe
from calib.training.rows import TrainingRows
from mpisim.io.digest import digest


def test_the_digest_depends_on_values_order_and_split(data):
    training, validation = data["train"], data["validation"]
    changed = training[0].copy(deep=True)
    changed["system_matrix"].values[0, 0, 0, 0] *= 1 + 1e-6
    others = [(training[::-1], validation), ([*training, *validation], []), ([changed, training[1]], validation)]
    assert len({data_digest(training, validation), *(data_digest(*other) for other in others)}) == 4
    renamed = [m.assign_attrs(note="any") for m in training]
    assert data_digest(renamed, validation) == data_digest(training, validation)


def test_digests_by_the_rule_of_version_0_1_0_are_accepted(data):
    """That rule took the rows that training draws from."""
    matrices, rows = (data["train"], data["validation"]), TrainingRows(recipe(), data["train"])
    old = digest(rows.fine.numpy(), rows.sigma.numpy(), *(m["system_matrix"].values for m in data["validation"]))
    assert is_data_digest(old, *matrices, rows) and is_data_digest(data_digest(*matrices), *matrices, rows)
    assert not is_data_digest(data_digest(data["train"][:1], data["validation"]), *matrices, rows)
    assert not is_data_digest(None, *matrices, rows)
