import assert from "node:assert/strict";
import { test } from "node:test";

import { Passage } from "../../static/labeling/annotations/passage.js";

/** A window whose fetch answers from a table and remembers what was asked. */
function browser(answers) {
  const asked = [];
  return {
    asked,
    fetch: async (url, options = {}) => {
      asked.push([url, options.method ?? "GET", options.headers ?? {}]);
      const answer = answers[url];
      if (answer instanceof Error) throw answer;
      return answer;
    },
    DOMParser: class {
      parseFromString() {
        return { querySelector: () => null };
      }
    },
  };
}

const page = (text, more = {}) => ({ ok: true, status: 200, redirected: false, text: async () => text, ...more });

test("the next item is held once, and the page that comes with it is kept", async () => {
  const window = browser({ "/ahead/": { status: 200, json: async () => ({ item: 2, url: "/item/2/", page: "<main>two</main>" }) } });
  const passage = new Passage({ document: {}, window, ahead: "/ahead/", csrf: "token", now: () => 5 });
  await Promise.all([passage.lookAhead(), passage.lookAhead()]);
  assert.deepEqual(passage.kept, { item: 2, url: "/item/2/", html: "<main>two</main>", at: 5 });
  assert.deepEqual(window.asked.map(([url, method]) => [url, method]), [["/ahead/", "POST"]]);
  assert.equal(window.asked[0][2]["X-CSRFToken"], "token");
});

test("where nothing is left, or the network is gone, nothing is kept and nothing breaks", async () => {
  for (const answer of [{ status: 204 }, new Error("gone")]) {
    const passage = new Passage({ document: {}, window: browser({ "/ahead/": answer }), ahead: "/ahead/" });
    await passage.lookAhead();
    assert.equal(passage.kept, null);
  }
  assert.equal(new Passage({ document: {}, window: browser({}) }).lookAhead(), null);
});

test("what came with a commit is kept for the page that it leads to, and asked for no more", async () => {
  const window = browser({});
  const first = new Passage({ document: {}, window, ahead: "/ahead/", now: () => 7 });
  assert.equal(first.item, 0);
  const kept = first.after("/item/2/", { item: 3, url: "/item/3/", page: "<main>three</main>" });
  assert.deepEqual(kept, { item: 3, url: "/item/3/", html: "<main>three</main>", at: 7 });
  const second = new Passage({ document: {}, window, ahead: "/ahead/", kept, now: () => 8 });
  assert.equal(second.item, 3);
  await second.lookAhead();
  assert.deepEqual(window.asked, []);
  assert.equal(second.after("/item/2/", undefined), kept); // the same item, with its evidence now
  assert.equal(second.after("/item/3/", undefined), null); // it is shown now
});

test("a page that came with the answer is shown, whatever is kept", async () => {
  const parsed = [];
  const window = browser({});
  window.DOMParser = class {
    parseFromString(html) {
      parsed.push(html);
      return { querySelector: () => null };
    }
  };
  const passage = new Passage({ document: {}, window, kept: { item: 2, url: "/item/2/", html: "kept", at: 0 }, now: () => 1 });
  await passage.go("/item/2/", "brought");
  await passage.go("/item/2/");
  assert.deepEqual(parsed, ["brought", "kept"]);
  assert.deepEqual(window.asked, []);
});

test("a page that is no desk, or that led elsewhere, must be loaded whole", async () => {
  const window = browser({ "/desk/": page("<main></main>"), "/away/": page("", { redirected: true }), "/gone/": page("", { ok: false }) });
  const passage = new Passage({ document: {}, window });
  for (const url of ["/desk/", "/away/", "/gone/"]) assert.equal(await passage.go(url), false);
  assert.ok(window.asked.every(([, , headers]) => headers["Desk-Part"] === "here"));
});

test("a page fetched long ago is fetched again", async () => {
  let now = 0;
  const window = browser({ "/item/2/": page("<main></main>") });
  const passage = new Passage({ document: {}, window, now: () => now });
  passage.kept = { item: 2, url: "/item/2/", html: "<main>old</main>", at: 0 };
  await passage.go("/item/2/");
  assert.equal(window.asked.length, 0);
  assert.equal(passage.item, 2);
  now = 11 * 60_000;
  assert.equal(passage.item, 0); // so that the answer to a commit brings it anew
  await passage.go("/item/2/");
  assert.equal(window.asked.length, 1);
});
