"""A real browser on a real server: Chromium, the pages' own CSP, nothing mocked."""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from playwright.sync_api import Browser, BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from auditor.accounts.models import User
from tests.people import signed_in

AXE = Path(__file__).parent / "vendor" / "axe-4.14.1.min.js"
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
VIOLATIONS = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations.map((rule) => `${rule.id}: ${rule.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
}"""

Opens = Callable[..., Page]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    if not Path(CHROMIUM).exists():
        pytest.fail(f"{CHROMIUM} is missing; `make test` installs it")
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": FLAGS}


@pytest.fixture
def open_as(browser: Browser, live_server: LiveServer) -> Iterator[Opens]:
    """Open a path as a person: `open_as(ana, "/p/…", width=390, scheme="dark")`; script errors fail the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def opens(user: User, path: str, *, width: int = 1440, height: int = 900, scheme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if scheme == "dark" else "light"
        )
        contexts.append(context)
        key = signed_in(user).cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": live_server.url}])
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None,
        )
        page.goto(live_server.url + path)
        return page

    yield opens
    for context in contexts:
        context.close()
    _let_requests_end()
    assert errors == []


@pytest.fixture
def axe() -> Callable[[Page], None]:
    """Fail on any accessibility rule that the page breaks now."""
    source = AXE.read_text(encoding="utf-8")

    def check(page: Page) -> None:
        page.evaluate(source)
        assert page.evaluate(VIOLATIONS) == []

    return check


def _let_requests_end(within: float = 10.0) -> None:
    """Pages send on their own (drafts, what comes next); the tables are emptied once the last request is answered."""
    busy = """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
    """
    quiet, until = 0, monotonic() + within
    while quiet < 2 and monotonic() < until:
        sleep(0.05)
        with connection.cursor() as cursor:
            cursor.execute(busy)
            ((count,),) = cursor.fetchall()
        quiet = 0 if count else quiet + 1
