"""One transcript of SIZE tokens with a probe and 64 features on every token: the server's part, and a reader's browser.

    make bench ONLY=heat SIZE=32000     SIZE counts tokens; Chromium reads one of 50,000

Values are invented: the probe moves smoothly, so that nearly every token has a level of its own, and each feature is
active on one token in thirty. Floor: the block's byte range, unpacked, and nothing else.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, sync_playwright

from auditor.accounts.models import Project, User
from auditor.browse.heat import panel
from auditor.corpus.models import Transcript
from auditor.evidence.actions import NewReading, declare_channel, write_readings
from auditor.evidence.blockformat import BlockValues, TokenTable, unpack_block
from auditor.evidence.blocks import NewBlock, write_blocks
from auditor.evidence.layers import blocks_on, layers_of
from auditor.evidence.models import Channel
from auditor.evidence.queries import visible_to
from auditor.evidence.shards import read_range
from bench.harness import Result, median_ms, percentile
from bench.reading import CHROMIUM, PAINT, serving
from bench.scene import vocabulary
from bench.written import chat

FEATURES = 64
MESSAGE = 500  # tokens
READ_IN_A_BROWSER = 50_000  # tokens
PEAKS, MOVES, SCROLLS = 40, 60, 150
FRAMES = """() => {
  window.frames_seen = [];
  let last = performance.now();
  const next = (now) => { window.frames_seen.push(now - last); last = now; requestAnimationFrame(next); };
  requestAnimationFrame(next);
}"""
PAINTED = """() => new Promise((done) => {
  const wait = () => ([...CSS.highlights.keys()].some((name) => name.startsWith("heat-")) ? done(performance.now()) : setTimeout(wait, 5));
  wait();
})"""
MOVE = """async (share) => {
  const slider = document.querySelector("[data-floor]");
  const began = performance.now();
  slider.value = Number(slider.min) + share * (Number(slider.max) - Number(slider.min));
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
  return performance.now() - began;
}"""
PEAK = """async () => {
  const said = () => document.querySelector("[data-heat-said]").textContent;
  const before = said();
  const began = performance.now();
  document.querySelector('[data-heat-go="peak"][data-by="-1"]').click();
  while (said() === before) {
    if (performance.now() - began > 5000) throw new Error("no other peak was reached");
    await new Promise((next) => setTimeout(next, 2));
  }
  await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
  return performance.now() - began;
}"""


@dataclass(frozen=True)
class Scene:
    """The channels that all transcripts of the run have."""

    project: Project
    channels: list[Channel]

    @classmethod
    def of(cls, project: Project) -> "Scene":
        """A probe and the features."""
        keys = [("probe.p.v1", "probe"), *((f"sae.d.{index}", "sae") for index in range(FEATURES))]
        return cls(project, [
            declare_channel(project_id=project.pk, key=key, kind=kind, actor=None, unit="token", own=True) for key, kind in keys
        ])  # fmt: skip

    def transcript(self, n_tokens: int) -> Transcript:
        """One of so many tokens, by turns of the user and the assistant, with its block and readings."""
        known, weights = vocabulary()
        rng = np.random.default_rng(7)
        words = rng.choice(known, n_tokens, p=np.diff([0, *weights]) / weights[-1]).tolist()
        texts = [" ".join(words[begin : begin + MESSAGE]) for begin in range(0, n_tokens, MESSAGE)]
        transcript = chat(self.project, texts)
        write_blocks(blocks=[NewBlock(transcript.pk, self.channels, _block(self.channels, words, rng))], source="bench")  # fmt: skip
        write_readings(
            readings=[
                NewReading(channel=channel, transcript_id=transcript.pk, value=9.0, position=1, part="text", start=0, end=4)
                for channel in self.channels
            ],
            source="bench",
        )  # fmt: skip
        return transcript


def _block(channels: list[Channel], words: list[str], rng: np.random.Generator) -> BlockValues:
    n = len(words)
    sizes = np.array([len(word) for word in words], np.int64) + 1
    position = np.arange(n) // MESSAGE
    ends = np.cumsum(sizes)
    begins = np.repeat(np.concatenate([[0], ends[MESSAGE - 1 :: MESSAGE]])[: position[-1] + 1], MESSAGE)[:n]
    start = ends - sizes - begins
    smooth = np.convolve(rng.normal(size=n), np.ones(7) / 7, "same") * 3
    active = np.where(rng.random((FEATURES, n)) < 1 / 30, rng.gamma(2, 2, (FEATURES, n)), 0)
    table = TokenTable(
        id=rng.integers(0, 50_000, n).astype(np.int32), at=(ends - sizes).astype(np.uint32), till=ends.astype(np.uint32),
        position=position.astype(np.int32), part=np.zeros(n, np.uint8), start=start.astype(np.uint32),
        end=(start + sizes - 1).astype(np.uint32), special=np.zeros(n, np.uint8), counted=(position % 2).astype(np.uint8),
    )  # fmt: skip
    return BlockValues(
        table, ("text",), tuple(channel.key for channel in channels),
        np.vstack([smooth, active]).astype(np.float32), rendered=" ".join(words) + " ",
    )  # fmt: skip


def run(project: Project, owner: User, size: int) -> Iterator[Result]:
    """The server's part at `size` tokens, then the browser's."""
    scene = Scene.of(project)
    transcript = scene.transcript(size)
    path = reverse("browse:transcript", args=[project.slug, transcript.pk])
    client = Client()
    client.force_login(owner)
    sight = visible_to(owner)
    (row,) = sight.blocks([transcript.pk])
    conditions = {"tokens": size, "channels": len(scene.channels), "frame_kb": round(row.length / 1000)}

    def floor() -> None:
        unpack_block(read_range(row.shard, row.offset, row.length), row.digest)

    def part() -> None:
        blocks = blocks_on(sight, transcript.pk)
        layers = layers_of(sight, transcript, blocks)
        shown = panel(sight, transcript, layers, ("", ""), range(transcript.n_messages), blocks=blocks)
        json.dumps([shown.packets, shown.map])

    def get(address: str, **headers: str) -> None:
        assert client.get(address, headers=headers or None).status_code == 200

    least = median_ms(floor, times=15)
    yield Result("heat.part", size, median_ms(part, times=15), "ms", least, conditions)
    yield Result("heat.page", size, median_ms(lambda: get(path), times=15), "ms", least, conditions)
    without = median_ms(lambda: get(path + "?heat=off"), times=15)
    yield Result("heat.page.off", size, without, "ms", None, conditions)
    other = f"{path}heat/?heat=sae.d.7&heat2=probe.p.v1"
    yield Result("heat.choose", size, median_ms(lambda: get(other), times=15), "ms", least, conditions)
    fires = f"{path}features/?at=1.text.0-40"
    yield Result("heat.fires", size, median_ms(lambda: get(fires), times=15), "ms", least, conditions)
    long = scene.transcript(READ_IN_A_BROWSER)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    with serving() as origin:
        address = origin + reverse("browse:transcript", args=[project.slug, long.pk])
        yield from in_chromium(
            address, {"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": origin}
        )


def in_chromium(url: str, cookie: dict[str, str]) -> Iterator[Result]:
    """What a reader's browser takes with two channels on 50,000 tokens."""
    size = READ_IN_A_BROWSER
    flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-precise-memory-info"]
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=CHROMIUM if Path(CHROMIUM).exists() else None, args=flags
        )
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies([cookie])  # type: ignore[list-item]  # a plain dict is one
        page = context.new_page()
        first, painted = [], []
        for _ in range(5):
            page.goto(f"{url}?heat=probe.p.v1&heat2=sae.d.7")
            painted.append(float(page.evaluate(PAINTED)))
            first.append(float(page.evaluate(PAINT)))
        page.wait_for_selector("[data-windows][data-ready]")
        yield Result("heat.first_paint", size, max(first), "ms", None, {"all": [round(one) for one in first]})
        yield Result("heat.painted", size, max(painted), "ms", None, {"all": [round(one) for one in painted]})
        frames = _scrolled(page)
        conditions = {
            "frames": len(frames),
            "over_50_ms": sum(one > 50 for one in frames),
            "most_ms": round(max(frames)),
        }
        yield Result("heat.frame.p95", size, percentile(frames, 0.95), "ms", None, conditions)
        moves = [float(page.evaluate(MOVE, index / MOVES)) for index in range(MOVES)]
        yield Result("heat.threshold.p95", size, percentile(moves, 0.95), "ms", None, {"moves": MOVES})
        page.evaluate(MOVE, 0)
        peaks = [float(page.evaluate(PEAK)) for _ in range(PEAKS)]
        yield Result(
            "heat.peak.p95", size, percentile(peaks, 0.95), "ms", None,
            {"peaks": PEAKS, "most_ms": round(max(peaks))},
        )  # fmt: skip
        session = context.new_cdp_session(page)
        session.send("Performance.enable")
        got = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        yield Result("heat.heap", size, got["JSHeapUsedSize"] / 1e6, "MB", None, {"nodes": int(got["Nodes"])})
        browser.close()


def _scrolled(page: Page) -> list[float]:
    """Milliseconds between frames while the whole is scrolled through."""
    page.hover(".window")
    page.evaluate(FRAMES)
    for _ in range(SCROLLS):
        page.mouse.wheel(0, 700)
        page.wait_for_timeout(16)
    return [float(one) for one in page.evaluate("window.frames_seen.slice(5)")]
