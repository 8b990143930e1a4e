import assert from "node:assert/strict";
import { test } from "node:test";
import { anchorAt, anchorsOf, chosen, placeWords, point } from "../../static/labeling/discussion/threads.js";
import { el } from "./fake-dom.js";

test("a place is a message or words of one of its parts", () => {
  assert.deepEqual(anchorAt("3"), { position: 3 });
  assert.deepEqual(anchorAt("3.part:12.0-7"), { position: 3, part: "part:12", start: 0, end: 7 });
  for (const odd of ["", null, "3.text", "3.text.1", "-1", "3.script.0-1", "3.text.0-1x"]) assert.equal(anchorAt(odd), null);
});

test("a form says in words what it is about", () => {
  assert.equal(placeWords(null), "About the whole transcript");
  assert.equal(placeWords({ position: 0 }), "About message 1");
  assert.equal(placeWords({ position: 4, quote: "it\ncleared" }), "About “it cleared” in message 5");
  assert.ok(placeWords({ position: 4, quote: "x".repeat(500) }).length < 140);
});

function page() {
  const words = el("div", { class: "part", "data-part": "text" }, "I 😀 checked it");
  const message = el("article", { class: "msg", "data-position": "6", "aria-current": "true" }, words);
  return { words, root: el("div", { "data-transcript": "" }, message) };
}

test("selected words come first, then the message being read, then nothing", () => {
  const { words, root } = page();
  const text = words.childNodes[0];
  const range = { startContainer: text, startOffset: 2, endContainer: text, endOffset: 12, commonAncestorContainer: text };
  const selection = { rangeCount: 1, isCollapsed: false, getRangeAt: () => range };
  assert.deepEqual(chosen(root, selection), { position: 6, part: "text", start: 2, end: 11, quote: "😀 checked" });
  assert.deepEqual(chosen(root, { rangeCount: 1, isCollapsed: true }), { position: 6 });
  assert.deepEqual(chosen(root, { ...selection, getRangeAt: () => ({ ...range, commonAncestorContainer: el("p") }) }), { position: 6 });
  assert.equal(chosen(el("div", {}), null), null);
  assert.equal(chosen(null, null), null);
});

function form() {
  const [place, whole] = [{}, {}];
  const elements = Object.fromEntries(["position", "part", "start", "end", "quote"].map((name) => [name, { value: "left over" }]));
  return { place, whole, elements, querySelector: (which) => (which === "[data-compose-place]" ? place : whole) };
}

test("a form is pointed at words, at a message, at nothing, and keeps nothing of the place before", () => {
  const one = form();
  point(one, { position: 0, part: "text", start: 0, end: 2, quote: "ab" });
  assert.deepEqual(Object.values(one.elements).map(({ value }) => value), [0, "text", 0, 2, "ab"]);
  assert.equal(one.whole.hidden, false);
  point(one, { position: 0 });
  assert.deepEqual(Object.values(one.elements).map(({ value }) => value), [0, "", "", "", ""]);
  point(one, null);
  assert.deepEqual(Object.values(one.elements).map(({ value }) => value), ["", "", "", "", ""]);
  assert.equal(one.place.textContent, "About the whole transcript");
  assert.equal(one.whole.hidden, true);
});

test("only threads that stand on words are drawn", () => {
  const on = { dataset: { thread: "7", at: "3", part: "text", start: "10", end: "14" } };
  const document = { querySelectorAll: (which) => (which.includes("[data-thread]") ? [on] : []) };
  assert.deepEqual(anchorsOf(document), [{ position: 3, part: "text", start: 10, end: 14 }]);
});
