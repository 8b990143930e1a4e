"""Numbers and times read as a person would write them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from auditor.web.templatetags import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.8149, "0.81"),
        (6.25, "6.25"),
        (85.0, "85"),
        (85.4, "85.4"),
        (1234.5, "1,234"),
        (0, "0"),
        (None, "–"),
        (-0.5, "-0.50"),
    ],
)
def test_a_score_reads_at_a_glance(value: float | None, text: str) -> None:
    assert words.score(value) == text


@pytest.mark.parametrize(
    ("millionths", "text"),
    [
        (1_234_567_890, "1,234.57 USD"),
        (0, "0.00 USD"),
        (10_000, "0.01 USD"),
        (423, "0.000423 USD"),
        (50, "0.00005 USD"),
        (None, "–"),
    ],
)
def test_money_reads_as_it_is_written(millionths: int | None, text: str) -> None:
    assert words.money(millionths, "USD").replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.031, "3.1%"), (0.5, "50%"), (1, "100%"), (0, "0%"), (None, "–")]
)
def test_a_share_is_a_percentage(value: float | None, text: str) -> None:
    assert words.percent(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (61, "1 min"),
        (3599, "60 min"),
        (3600, "1 h"),
        (4800, "1 h 20 min"),
        (None, "–"),
    ],
)
def test_a_duration_is_rounded(value: float | None, text: str) -> None:
    assert words.duration(value).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0 bytes"), (999, "999 bytes"), (3_400_000, "3.4 MB"), (5e12, "5000 GB")]
)
def test_a_size_names_its_unit(value: float, text: str) -> None:
    assert words.size(value).replace("\u00a0", " ") == text


def test_counts_agree_with_their_noun() -> None:
    assert words.count_of(1, "message").replace("\u00a0", " ") == "1 message"
    assert words.count_of(1200, "entry,entries").replace("\u00a0", " ") == "1,200 entries"


def test_a_moment_of_this_year_needs_no_year() -> None:
    now = timezone.now()
    assert str(now.year) not in str(words.when(now)).split(">")[1]
    assert str(now.year - 2) in str(words.when(now - timedelta(days=731))).split(">")[1]


@pytest.mark.parametrize(
    ("millionths", "text"),
    [
        (0, "0.00\u00a0USD"),
        (1, "0.000001\u00a0USD"),
        (400, "0.0004\u00a0USD"),
        (12_345, "0.01\u00a0USD"),
        (2_500_000, "2.50\u00a0USD"),
        (1_234_567_890, "1,234.57\u00a0USD"),
        (None, "–"),
    ],
)
def test_money_has_the_digits_that_it_needs(millionths: int | None, text: str) -> None:
    assert words.money(millionths, "USD") == text


def test_money_can_go_without_its_currency() -> None:
    assert words.money(2_500_000) == "2.50"


@pytest.mark.parametrize(
    ("value", "text"), [(0.3664, "36.6%"), (0, "0.0%"), (1, "100.0%"), (None, "–"), (0.037, "3.7%")]
)
def test_shares_that_are_compared_have_one_digit_always(value: float | None, text: str) -> None:
    assert words.share(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0421, "0.042"), (0.0009, "< 0.001"), (1, "1.000"), (None, "–")]
)
def test_a_small_probability_is_bounded_and_not_zero(value: float | None, text: str) -> None:
    assert words.small_p(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [("lie", "lie"), ("30", "30"), (23.333333, "23.3"), (0, "0"), (None, "–"), ("", "–")]
)
def test_what_was_said_is_a_label_or_a_number(value: object, text: str) -> None:
    assert words.said(value) == text
