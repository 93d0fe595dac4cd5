"""Sentences have the right article, also where they are put together."""

import re
from pathlib import Path

import pytest

import mpisim
import recon
from mpisim.data.schema import expect
from mpisim.errors import with_article
from tests.recon.problems import small_matrix, small_measurement

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("noun", "phrase"),
    [
        ("image", "an image"),
        ("measurement", "a measurement"),
        ("system_matrix", "a system_matrix"),
        ("array", "an array"),
    ],
)
def test_articles(noun, phrase):
    assert with_article(noun) == phrase


def test_kinds_in_sentences():
    image = recon.reconstruct(small_matrix(), small_measurement(), method="tikhonov")
    with pytest.raises(mpisim.InputError, match="y must be a measurement; instead received an image"):
        expect(image, "measurement", "y")
    with pytest.raises(mpisim.InputError, match="image must be an image; instead received a measurement"):
        expect(small_measurement(), "image", "image")


def test_no_sentence_has_a_before_a_vowel():
    wrong = re.compile(
        r"\ba (image|array|angle|odd|empty|even|infinite|estimate|other|ideal|index|element|axis|error)\b"
    )
    for package in ("mpisim", "calib", "recon"):
        for file in (ROOT / package).rglob("*.py"):
            assert not wrong.search(file.read_text(encoding="utf-8")), file
