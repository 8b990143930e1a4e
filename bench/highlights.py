"""A transcript of 1,000 messages at the review desk in Chromium: first paint, and marking words among 300 highlights.

    make bench ONLY=desk SIZE=1000     SIZE counts messages

The product's own web server answers. The round is open, so that judges' quotes are in sight: 101 of them beside 199 marks
of the reviewer's own, which is one below the most that a form holds.
"""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import reverse
from playwright.sync_api import sync_playwright

from auditor.accounts.models import Project, User
from auditor.corpus.models import Message
from auditor.evidence.actions import CitedQuote, NewReading, declare_channel, write_readings
from bench.harness import Result, percentile
from bench.reading import CHROMIUM, PAINT, build
from bench.scene import open_round, reviewers
from bench.served import served
from labeling.annotations.actions import open_up, save_draft
from labeling.annotations.content import Content, MarkedSpan
from labeling.annotations.models import FINAL
from labeling.queues.actions import take_next
from labeling.queues.models import OPEN

MARKS, QUOTES = 199, 101
ARRIVALS, DRAWN = 5, 30
READY = "[data-desk][data-ready]"
COUNT = "() => [...CSS.highlights.values()].reduce((sum, one) => sum + one.size, 0)"
# Milliseconds between the scroll and the mark: a page that has just moved is still being drawn.
RESTS = ((300, ""), (0, ".moving"))
# Selects words of one message, marks them as the key does, and waits until that is on the screen.
DRAW = """async ({ nth, rest }) => {
  const parts = [...document.querySelectorAll(".msg .part[data-part='text']")];
  const part = parts[nth % parts.length];
  part.scrollIntoView({ block: "center" });
  await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
  await new Promise((next) => setTimeout(next, rest));
  const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
  let text = walker.nextNode();
  while (text && text.data.trim().length < 12) text = walker.nextNode();
  getSelection().setBaseAndExtent(text, 0, text, 10);
  const count = () => [...CSS.highlights.values()].reduce((sum, one) => sum + one.size, 0);
  const before = count();
  const began = performance.now();
  document.querySelector("[data-mark='misleads']").click();
  await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
  const took = performance.now() - began;
  if (count() !== before + 1) throw new Error(`${count()} highlights after ${before}`);
  return took;
}"""
QUIET = "() => !document.getElementById('rail').hasAttribute('aria-busy')"


def run(project: Project, owner: User, size: int, folder: Path) -> Iterator[Result]:
    """What a reviewer's browser takes; `size` messages."""
    pk = build(project, size)
    texts = dict(Message.objects.filter(transcript_id=pk, role="assistant").values_list("position", "text"))
    spoken = sorted(texts)
    _quote(project, pk, texts, Random(5).sample(spoken, min(QUOTES, len(spoken))))
    (reviewer,) = reviewers(project, owner, 1)
    round = open_round(project, owner, [reviewer], 1, overlap=1, policy=OPEN, name="Desk")
    with transaction.atomic():
        lease = take_next(round=round, reviewer=reviewer)
        assert lease is not None
        open_up(lease=lease, round=round)
    spans = tuple(
        _span(texts, spoken[number % len(spoken)], number // len(spoken)) for number in range(MARKS)
    )
    content = Content.of({"truth": "false"}, spans=spans)
    save_draft(item=lease.item, reviewer=reviewer, stage=FINAL, base=0, content=content, saves=1)
    client = Client()
    client.force_login(reviewer)
    with served(folder) as port:
        origin = f"http://127.0.0.1:{port}"
        cookie = {
            "name": settings.SESSION_COOKIE_NAME,
            "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
            "url": origin,
        }
        yield from in_chromium(
            origin + reverse("annotations:item", args=[project.slug, lease.item_id]), cookie, size
        )


def _quote(project: Project, pk: int, texts: dict[int, str], positions: list[int]) -> None:
    judge = declare_channel(project_id=project.pk, key="judge.sable", kind="judge", actor=None)
    quotes = tuple(
        CitedQuote(texts[position].split("**")[1], position=position) for position in sorted(positions)
    )
    reading = NewReading(channel=judge, transcript_id=pk, value=0.5, quotes=quotes)
    write_readings(readings=[reading], source="bench")


def _span(texts: dict[int, str], position: int, nth: int) -> MarkedSpan:
    """Words after the first bold ones; the next few for each further mark on the same message."""
    start = texts[position].index("** ") + 3 + 20 * nth
    return MarkedSpan("misleads", position, "text", start, start + 15, texts[position][start : start + 15])


def in_chromium(url: str, cookie: dict[str, str], size: int) -> Iterator[Result]:
    """Some arrivals, then some marks, each taken away again."""
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=CHROMIUM if Path(CHROMIUM).exists() else None,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies([cookie])  # type: ignore[list-item]  # a plain dict is one
        page = context.new_page()
        paints, ready = [], []
        for _ in range(ARRIVALS):
            page.goto(url)
            paints.append(float(page.evaluate(PAINT)))
            page.wait_for_selector(READY)
            ready.append(float(page.evaluate("performance.now()")))
        drawn = int(page.evaluate(COUNT)) + page.locator("[data-transcript] [id^='mark-']").count()
        conditions = {"messages": size, "highlights": drawn}
        yield Result(
            "desk.first_paint", 1, max(paints), "ms", None, conditions | {"all": [round(p) for p in paints]}
        )
        yield Result("desk.ready", 1, max(ready), "ms", None, conditions | {"all": [round(p) for p in ready]})
        for rest, words in RESTS:
            times = []
            for number in range(DRAWN):
                times.append(float(page.evaluate(DRAW, {"nth": 7 * number, "rest": rest})))
                page.wait_for_function(QUIET)
                page.evaluate("() => [...document.querySelectorAll('[data-unmark]')].at(-1).click()")
                page.wait_for_function(QUIET)
            about = conditions | {"marks": DRAWN, "rest_ms": rest}
            for name, share in (("p50", 0.5), ("p95", 0.95)):
                yield Result(f"desk.span{words}.{name}", 1, percentile(times, share), "ms", None, about)
        browser.close()
