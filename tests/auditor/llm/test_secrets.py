"""A key goes in, is sent to whom it was given for, and is seen nowhere else."""

import io
import json
import logging
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from pytest_django.fixtures import Settings

from auditor.accounts.models import Project, User
from auditor.llm import actions, keys
from auditor.llm.engine import EndpointDown, ask_once, backoff
from auditor.llm.models import Endpoint
from auditor.llm.prices import Model
from auditor.llm.secret import Key, is_key
from bench.scripted import Script
from tests import make
from tests.auditor.llm.conftest import Caller
from tests.people import signed_in
from tests.programs import program

CANARY = "sk-canary-0123456789abcdef"


@pytest.fixture
def keyed(project: Project, mia: User, server: Script) -> Endpoint:
    wanted = actions.Wanted(
        name="Provider", base_url=server.url, models=[Model(name, 8192) for name in ("ok", "echo")]
    )
    return actions.add(project=project, wanted=wanted, key=CANARY, actor=mia)


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    """All that is logged by anybody, however talkative."""
    words = io.StringIO()
    handler = logging.StreamHandler(words)
    loggers = [logging.getLogger(name) for name in ("", "openai", "httpx2", "httpcore2")]
    before = [logger.level for logger in loggers]
    loggers[0].addHandler(handler)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    yield words
    loggers[0].removeHandler(handler)
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


def everything_stored() -> str:
    """Every row of every table, as text."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            found += [row[0] for row in cursor.fetchall()]
    return "\n".join(found)


def test_it_is_sent_to_the_endpoint_and_seen_nowhere_else(
    project: Project,
    mia: User,
    keyed: Endpoint,
    server: Script,
    said: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    monkeypatch.setattr(backoff, "FIRST", 0.005)
    caller = Caller(keyed)
    caller.run([make.call(0), make.call(1, model="500")], concurrency=1)
    with pytest.raises(EndpointDown) as down:
        caller.run([make.call(2, model="echo")])
    outcome = ask_once(endpoint=keyed, body=make.call(3, model="echo").body)
    assert server.asked[0].headers["authorization"] == f"Bearer {CANARY}"
    assert "Incorrect key: Bearer [key]" in str(down.value)
    assert "Incorrect key: Bearer [key]" in outcome.words
    browser = signed_in(mia)
    with django_capture_on_commit_callbacks(execute=True):
        browser.post(reverse("llm:try", args=[project.slug, keyed.pk]), {"model": "echo"})
    pages = [
        browser.get(reverse(name, args=args)).content.decode()
        for name, args in (
            ("llm:list", [project.slug]), ("llm:endpoint", [project.slug, keyed.pk]), ("accounts:ledger", [project.slug]),
        )
    ]  # fmt: skip
    robot = program(mia, project)
    answers = [
        json.dumps(robot.gets(path))
        for path in ("/endpoints", f"/endpoints/{keyed.pk}", f"/endpoints/{keyed.pk}/trials")
    ]
    listed = io.StringIO()
    call_command("endpoint", "list", "--project", project.slug, stdout=listed)
    trace = "".join(traceback.format_exception(down.value))
    for place in (
        *pages,
        *answers,
        listed.getvalue(),
        trace,
        repr(vars(keyed)),
        everything_stored(),
        said.getvalue(),
        str(caller.outcomes),
    ):
        assert CANARY not in place
    assert "[key]" in pages[1], "the trial shows what the endpoint said"
    assert "HTTP Request: POST" in said.getvalue(), "they did talk"


def test_an_answer_that_repeats_the_key_is_kept_without_it(keyed: Endpoint, server: Script) -> None:
    spelled = "".join(f"\\u{ord(char):04x}" for char in CANARY)
    server.answer = lambda body: f"Your key is {CANARY}."
    Caller(keyed).run([make.call(0)])
    server.answer = lambda body: json.loads(f'"It is {spelled}."')
    Caller(keyed).run([make.call(1)])
    assert CANARY not in everything_stored()
    assert "Your key is [key]." in everything_stored()


def test_it_is_sealed_anew_each_time_and_opens_with_this_installations_secret_only(
    settings: Settings,
) -> None:
    sealed = keys.seal(CANARY)
    assert CANARY.encode() not in sealed
    assert sealed != keys.seal(CANARY)
    assert keys.unseal(memoryview(sealed)).reveal() == CANARY
    settings.SECRET_KEY = "another"
    with pytest.raises(keys.KeyUnreadable, match="Enter it again"):
        keys.unseal(sealed)
    settings.SECRET_KEY_FALLBACKS = ["for tests only"]
    assert keys.unseal(sealed).reveal() == CANARY


def test_calls_say_when_a_key_cannot_be_read_any_more(
    keyed: Endpoint, server: Script, settings: Settings
) -> None:
    settings.SECRET_KEY = "another"
    with pytest.raises(EndpointDown, match="another AUDITOR_SECRET_KEY"):
        Caller(keyed).run([make.call()])
    assert server.requests == 0


def test_without_a_key_none_is_sent_whatever_the_environment_holds(
    endpoint: Endpoint, server: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("OPENAI_API_KEY", CANARY), ("OPENAI_ADMIN_KEY", CANARY), ("OPENAI_ORG_ID", "org"), ("OPENAI_PROJECT_ID", "project"),
        ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1"), ("OPENAI_CUSTOM_HEADERS", f"X-Secret: {CANARY}"), ("HTTP_PROXY", "http://127.0.0.1:9"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    Caller(endpoint).run([make.call()])
    headers = server.asked[0].headers
    assert set(headers) <= {
        "host",
        "content-type",
        "content-length",
        "accept",
        "user-agent",
        "accept-encoding",
        "connection",
    }
    assert CANARY not in str(headers)


def test_it_is_removed_where_the_address_leads_to_somebody_else(
    project: Project, mia: User, keyed: Endpoint, server: Script
) -> None:
    def wanted(url: str) -> actions.Wanted:
        return actions.Wanted(name="Provider", base_url=url, models=[Model("ok", 8192)])

    assert not actions.change(endpoint=keyed, wanted=wanted(f"{server.url}/other"), actor=mia)
    keyed.refresh_from_db()
    assert keyed.has_key
    assert actions.change(endpoint=keyed, wanted=wanted("https://192.0.32.10/v1"), actor=mia)
    keyed.refresh_from_db()
    assert not keyed.has_key
    assert not actions.change(endpoint=keyed, wanted=wanted(server.url), key=CANARY, actor=mia)
    keyed.refresh_from_db()
    assert keys.unseal(keyed.key_sealed).reveal() == CANARY


def test_it_goes_when_the_endpoint_is_put_away(mia: User, keyed: Endpoint) -> None:
    actions.archive(endpoint=keyed, actor=mia)
    keyed.refresh_from_db()
    assert not keyed.has_key


def test_no_print_shows_a_key() -> None:
    key = Key(CANARY)
    assert CANARY not in f"{key} {key!r} {[key]} {vars(type(key))!s}"
    assert key.hide(f"Bearer {CANARY}!") == "Bearer [key]!"
    assert Key("EMPTY").hide("EMPTY words") == "EMPTY words", "what local servers take for a key is a word"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("sk-abc", True),
        ("a" * 4000, True),
        ("", False),
        ("a" * 4001, False),
        ("two words", False),
        ("sk\n", False),
        ("ключ", False),
        ('a"b', False),
    ],
)
def test_what_can_be_sent_as_a_key(text: str, is_one: bool) -> None:
    assert is_key(text) is is_one
