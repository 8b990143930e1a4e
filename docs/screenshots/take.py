"""Take the pictures of the documents from a running app that holds the sample audit.

    .venv/bin/python docs/screenshots/take.py "$(.venv/bin/python manage.py sign_in_link)"

Needs Chromium. Labels items of the round as "cannot tell" until one that a judge quotes is on the desk, since the desk is
one of the pictures. Wide and light ones become the documents' pictures; all of them stand in var/screenshots.
"""

import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page, sync_playwright

HERE = Path(__file__).resolve().parent
EVERY = HERE.parent.parent / "var" / "screenshots"
PROJECT = "/p/harbor-ledger-audit/"
PAGES = {
    "overview": "",
    "browse": "transcripts/",
    "import": "import/",
    "sample": "samples/1/",
    "round": "rounds/1/",
    "adjudicate": "adjudicate/1/",
    "datasets": "datasets/new/",
}
PICTURES = ("overview", "browse", "review", "adjudicate")  # what the documents show
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
SIZES = {"": (1440, 900), "-narrow": (390, 844)}


def main(link: str) -> None:
    """Sign in by `link`, label some items, and write every page in both widths and themes."""
    parts = urlsplit(link)
    base = f"{parts.scheme}://{parts.netloc}"
    EVERY.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.goto(link)
        page.click("button.primary")
        page.wait_for_load_state()
        desk = _label_some(page, base)
        state = context.storage_state()
        for suffix, (width, height) in SIZES.items():
            for theme in ("light", "dark"):
                one = browser.new_context(viewport={"width": width, "height": height}, storage_state=state)
                one.add_cookies([{"name": "theme", "value": theme, "url": base}])
                _shoot(one, base, desk, f"{suffix}{'-dark' if theme == 'dark' else ''}")
                one.close()
        browser.close()


def _label_some(page: Page, base: str) -> str:
    """Commit blind labels until an item worth a picture is on the desk; its address, the evidence revealed."""
    page.goto(f"{base}{PROJECT}review/1/")
    if "/item/" not in page.url:
        page.keyboard.press("Enter")
        page.wait_for_url("**/review/item/**")
    for _ in range(8):
        if page.get_by_role("button", name="Commit blind label").count():
            page.keyboard.press("0")
            page.wait_for_timeout(400)
            page.keyboard.press("Enter")
        page.get_by_role("button", name="Commit final label").wait_for()
        if page.locator(".quote").count() and page.locator("[data-position='2']").count():
            break
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Commit blind label").wait_for()
    return urlsplit(page.url).path


def _shoot(context: BrowserContext, base: str, desk: str, suffix: str) -> None:
    page = context.new_page()
    for name, path in {**{n: PROJECT + p for n, p in PAGES.items()}, "review": desk}.items():
        page.goto(base + path)
        if name == "review":
            page.keyboard.press("h")
        page.wait_for_timeout(500)
        page.screenshot(path=EVERY / f"{name}{suffix}.png")
        if not suffix and name in PICTURES:
            shutil.copy(EVERY / f"{name}.png", HERE / f"{name}.png")


if __name__ == "__main__":
    main(sys.argv[1])
