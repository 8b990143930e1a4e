"""The filter language: what is written reads back, and what cannot be read says where."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.evidence.language import FilterError, moment, parse, to_text
from auditor.evidence.nodes import And, Between, Compare, Flag, Has, Name, Node, Not, OneOf, Or, Says, Value
from auditor.evidence.tokens import LONGEST

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
TEXTS = st.builds(Value, st.just("text"), WORDS)
FINITE = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)
NUMBERS = st.builds(Value, st.just("number"), st.one_of(st.integers(-(10**20), 10**20), FINITE))
OTHERS = st.sampled_from([Value("boolean", True), Value("boolean", False), Value("null", None)])
DAYS = st.dates().filter(lambda day: 1970 <= day.year <= 2200).map(lambda day: Value("text", day.isoformat()))


def named(sort: str, *paths: str) -> st.SearchStrategy[Name]:
    return st.sampled_from([Name(sort, (path,)) for path in paths])  # type: ignore[arg-type]


CHANNELS = st.one_of(
    st.sampled_from(["judge.gpt-5", "sae.14-3391", "a b", "model", "meta.x", "not", "3x", "a..b", "ruling"]),
    WORDS.filter(bool),
).map(lambda key: Name("channel", (key,)))
METADATA = st.lists(WORDS, min_size=1, max_size=4).map(lambda path: Name("meta", tuple(path)))
CONDITIONS = WORDS.map(lambda name: Name("condition", (name,)))
TEXTUAL = st.one_of(named("text", "id", "model"), CONDITIONS)
COUNTED = named("number", "messages", "chars", "tool_calls", "reasoning")
ORDERED = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
EQUAL = st.sampled_from(["=", "!="])
ANY = st.one_of(TEXTS, NUMBERS, OTHERS)


def listed(values: st.SearchStrategy[Value]) -> st.SearchStrategy[tuple[Value, ...]]:
    return st.lists(values, min_size=1, max_size=3).map(tuple)


LEAVES: st.SearchStrategy[Node] = st.one_of(
    st.builds(Compare, TEXTUAL, st.sampled_from(["=", "!=", "contains", "startswith"]), TEXTS),
    st.builds(Compare, COUNTED, ORDERED, NUMBERS),
    st.builds(Compare, CHANNELS, ORDERED, NUMBERS),
    st.builds(Compare, CHANNELS, EQUAL, TEXTS),
    st.builds(Compare, METADATA, EQUAL, ANY),
    st.builds(Compare, METADATA, ORDERED, st.one_of(TEXTS, NUMBERS)),
    st.builds(Compare, named("date", "imported"), ORDERED, DAYS),
    st.builds(Compare, named("code", "label", "ruling"), EQUAL, TEXTS),
    st.builds(OneOf, CHANNELS, listed(st.one_of(TEXTS, NUMBERS)), st.booleans()),
    st.builds(OneOf, METADATA, listed(ANY), st.booleans()),
    st.builds(Between, CHANNELS, NUMBERS, NUMBERS),
    st.builds(Between, METADATA, TEXTS, TEXTS),
    st.builds(Has, st.one_of(CHANNELS, METADATA, CONDITIONS, named("code", "label"))),
    st.builds(Flag, named("flag", "labeled", "branch", "warned")),
    st.builds(Says, WORDS.filter(lambda words: bool(words.strip()))),
)
NODES: st.SearchStrategy[Node] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts))),
    ),
    max_leaves=8,
)
PIECES = st.sampled_from(
    [
        "and",
        "or",
        "not",
        "in",
        "(",
        ")",
        ",",
        "=",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        '"a',
        'b"',
        "'c'",
        "`d`",
        '"open',
        "1",
        "-2.5",
        "1e999",
        "true",
        "null",
        "has",
        "says",
        "text",
        "contains",
        "between",
        "model",
        "id",
        "messages",
        "labeled",
        "imported",
        "meta.",
        "meta.a",
        "cond.x",
        "judge.gpt5",
        "channel",
        ".",
        "..",
        "2026-11-20",
        "é",
        "\u2028",
        "\\",
        ";",
        "--",
    ]
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a machine that has much else to do
@given(NODES)
def test_what_is_written_reads_back_as_the_same(node: Node) -> None:
    text = to_text(node)
    if len(text) <= LONGEST:
        assert parse(text) == node
        assert to_text(parse(text)) == text


@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=14).map(" ".join)))
def test_any_text_reads_or_says_where_it_does_not(text: str) -> None:
    try:
        node = parse(text)
    except FilterError as caught:
        problem = caught
    else:
        assert parse(to_text(node)) == node
        return
    assert problem.parameter == "where"
    assert 0 <= problem.position <= len(text)


@pytest.mark.parametrize(
    ("text", "usual"),
    [
        (
            'judge.gpt5 >= 70 and model = "x" and not labeled',
            'judge.gpt5 >= 70 and model = "x" and not labeled',
        ),
        ("MESSAGES>3 AND (branch OR warned = false)", "messages > 3 and (branch or not warned)"),
        ("text = 'a \"b\"'", 'says "a \\"b\\""'),
        ("cond.arm == 'x' or condition.a.b = 'y'", 'condition.arm = "x" or condition."a.b" = "y"'),
        ('meta."odd key".x not in (1, 2.50, null)', 'meta."odd key".x not in (1, 2.5, null)'),
        ("`odd key` > 1 and channel judge.x < 2", 'channel "odd key" > 1 and judge.x < 2'),
        ("a between 1 and 2 and b = 1", "a between 1 and 2 and b = 1"),
        ("labeled != true", "not labeled"),
    ],
)
def test_the_usual_form(text: str, usual: str) -> None:
    assert to_text(parse(text)) == usual


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 0, "Expected a name, not the end"),
        ("``<.5", 0, "A channel's name has at least one character"),
        ("model = 5", 8, "model is compared with text in quotes"),
        ("judge.x >= 'a'", 11, "judge.x is compared with a number"),
        ("messages = 'a'", 11, "messages is compared with a number"),
        ("model < 'a'", 6, "has no order"),
        ("imported > 'yesterday'", 11, 'a day such as "2026-11-20"'),
        ("imported > '2026-02-30'", 11, 'a day such as "2026-11-20"'),
        ("model = gpt", 8, 'Did you mean "gpt"?'),
        ("model ~ 'x'", 6, "has no place here"),
        ("model cntains 'x'", 6, "Did you mean contains?"),
        ("(a = 1", 6, "Expected ) here, not the end"),
        ("a = 1 b = 2", 6, "Expected and, or, or the end; not b"),
        ('says "', 5, "never closed"),
        ("labeled = 3", 10, "labeled is true or false"),
        ("meta = 1", 4, "Say which: meta.NAME"),
        ("a = 1e999", 4, "too large"),
        ("has branch", 4, "compare it instead"),
        ("meta.a between 1 and 'x'", 21, "of one kind"),
        ("(" * 60 + "branch", 51, "at most 50 deep"),
        ("not " * 60 + "branch", 204, "at most 50 deep"),
        ("a = '" + "x" * LONGEST, LONGEST, "at most 2,000 characters"),
        ("a in (" + ",".join(["1"] * 101) + ")", 206, "at most 100 values"),
    ],
)
def test_an_error_says_where_and_why(text: str, position: int, words: str) -> None:
    with pytest.raises(FilterError) as problem:
        parse(text)
    assert problem.value.position == position
    assert words in str(problem.value)


def test_days_and_minutes() -> None:
    assert str(moment("2026-11-20 14:03")) == "2026-11-20 14:03:00"
    assert moment("0001-01-01") is None
    assert moment("2026-11-20T14:03:09") is None
