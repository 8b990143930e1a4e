import assert from "node:assert/strict";
import { test } from "node:test";
import { textOf } from "../../static/auditor/web/copy.js";
import { outside } from "../../static/auditor/web/dialogs.js";
import { toClose } from "../../static/auditor/web/menus.js";
import { shouldOpen } from "../../static/auditor/web/panes.js";
import { complaint } from "../../static/auditor/web/requests.js";
import * as theme from "../../static/auditor/web/theme.js";
import { inWords, refresh } from "../../static/auditor/web/times.js";
import { el } from "./fake-dom.js";

test("a theme button sets the page and a cookie, and shows which is on", () => {
  const [dark, light] = ["dark", "light"].map((name) => el("button", { "data-theme-to": name }));
  const page = el("body", {}, dark, light);
  page.documentElement = { dataset: { theme: "light" } };
  theme.attach(page, { protocol: "https:" });
  assert.equal(light.getAttribute("aria-pressed"), "true");
  page.dispatch("click", { target: dark });
  assert.equal(page.documentElement.dataset.theme, "dark");
  assert.equal(page.cookie, "theme=dark; path=/; max-age=31536000; samesite=lax; secure");
  assert.deepEqual([dark, light].map((button) => button.getAttribute("aria-pressed")), ["true", "false"]);
});

test("an unknown theme is the system's", () => {
  assert.equal(theme.known('dark"><script>'), "system");
  assert.match(theme.cookieFor("pink; domain=x", false), /^theme=system; /);
});

test("moments are said in words until a date says it better", () => {
  assert.equal(inWords(-3), "just now");
  assert.equal(inWords(-190), "3 min. ago");
  assert.equal(inWords(-7300), "2 hr. ago");
  assert.equal(inWords(-86400 * 1.5), "yesterday");
  assert.equal(inWords(86400 * 4), "in 4 days");
  assert.equal(inWords(-86400 * 40), null);
  assert.equal(inWords(NaN), null);
});

test("a time keeps its full form in its title", () => {
  const time = Object.assign(el("time", { "data-relative": "" }), { dateTime: "2026-11-20T12:00:00Z", title: "" });
  Object.defineProperty(time, "textContent", { value: "20 Nov, 12:00", writable: true });
  refresh({ querySelectorAll: () => [time] }, Date.parse("2026-11-20T12:05:00Z"));
  assert.deepEqual([time.textContent, time.title], ["5 min. ago", "20 Nov, 12:00"]);
  refresh({ querySelectorAll: () => [time] }, Date.parse("2027-11-20T12:05:00Z"));
  assert.equal(time.textContent, "20 Nov, 12:00");
});

test("panes fold on narrow screens unless they ask not to", () => {
  assert.deepEqual([shouldOpen(false, ""), shouldOpen(true, ""), shouldOpen(true, "open")], [true, false, true]);
});

test("a click elsewhere closes open menus only", () => {
  const inside = el("a", {});
  const [one, two, shut] = [el("details", {}, inside), el("details", {}), el("details", {})];
  one.open = two.open = true;
  assert.deepEqual(toClose([one, two, shut], inside), [two]);
  assert.deepEqual(toClose([one, two, shut], el("p", {})), [one, two]);
});

test("a click on the backdrop is outside the dialog's box", () => {
  const box = { left: 10, right: 20, top: 10, bottom: 20 };
  assert.equal(outside(box, 15, 15), false);
  assert.equal(outside(box, 5, 15), true);
});

test("a link is copied with its full address, an empty text as it is", () => {
  assert.equal(textOf(el("a", { href: "#m3", "data-copy-link": "" }), "http://x.test/p/a/?q=1"), "http://x.test/p/a/?q=1#m3");
  assert.equal(textOf(el("button", { "data-copy": "" }), "http://x.test/"), "");
});

test("every failure has its own words", () => {
  const said = [0, 403, 404, 413, 500].map(complaint);
  assert.equal(new Set(said).size, 5);
});
