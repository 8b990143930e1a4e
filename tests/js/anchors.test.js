import assert from "node:assert/strict";
import { test } from "node:test";
import { anchorOf, fromRange, pointAt, toCodePoints, toRange, toUtf16, unitsBefore } from "../../static/auditor/corpus/anchors.js";
import { el } from "./fake-dom.js";

const TEXT = "a😀b漢字🧑‍🚀c";

test("offsets go from UTF-16 to code points and back at every boundary", () => {
  const points = [...TEXT];
  let units = 0;
  points.forEach((point, index) => {
    assert.equal(toCodePoints(TEXT, units), index);
    assert.equal(toUtf16(TEXT, index), units);
    units += point.length;
  });
  assert.equal(toCodePoints(TEXT, TEXT.length), points.length);
  assert.equal(toUtf16(TEXT, 999), TEXT.length);
  assert.equal(toCodePoints(TEXT, 999), points.length);
  assert.equal(toCodePoints(TEXT, -3), 0);
});

test("an offset inside a pair counts the whole pair", () => {
  assert.equal(toCodePoints("😀x", 1), 1);
});

test("a selection never cuts a surrogate pair", () => {
  assert.deepEqual(anchorOf(0, "text", "a😀b", 2, 4), { position: 0, part: "text", start: 1, end: 3, quote: "😀b" });
  assert.deepEqual(anchorOf(0, "text", "a😀b", 0, 2), { position: 0, part: "text", start: 0, end: 2, quote: "a😀" });
});

test("white space at the edges is not selected, and white space alone is nothing", () => {
  assert.deepEqual(anchorOf(3, "reasoning", "one  two \n", 3, 10), { position: 3, part: "reasoning", start: 5, end: 8, quote: "two" });
  assert.equal(anchorOf(3, "text", "one  two", 3, 5), null);
});

function page() {
  const part = el("div", { class: "part", "data-part": "text" }, "I 😀 ", el("span", {}, "checked ", el("i", {})), "it");
  const head = el("header", {}, "assistant");
  const message = el("article", { "data-position": "6" }, head, part);
  return { part, head, message, root: el("div", {}, message) };
}

test("a range across spans becomes an anchor", () => {
  const { part } = page();
  const anchor = fromRange({
    startContainer: part.childNodes[0], startOffset: 2,
    endContainer: part.childNodes[1].childNodes[0], endOffset: 7,
  });
  assert.deepEqual(anchor, { position: 6, part: "text", start: 2, end: 11, quote: "😀 checked" });
});

test("a range that leaves its part is cut at its end, one that enters is cut at its start", () => {
  const { part, head, root } = page();
  const out = fromRange({ startContainer: part.childNodes[2], startOffset: 0, endContainer: root, endOffset: 1 });
  assert.equal(out.quote, "it");
  const into = fromRange({ startContainer: head.childNodes[0], startOffset: 2, endContainer: part.childNodes[0], endOffset: 1 });
  assert.equal(into.quote, "I");
});

test("a range outside the transcript is no anchor", () => {
  const { head } = page();
  assert.equal(fromRange({ startContainer: head, startOffset: 0, endContainer: head, endOffset: 1 }), null);
});

test("an element point counts the children before it", () => {
  const { part } = page();
  assert.equal(unitsBefore(part, part, 2), 13);
  assert.equal(unitsBefore(part, part.childNodes[1], 1), 13);
  assert.equal(unitsBefore(part, el("p", {}), 0), null);
});

test("every place in a part is found again", () => {
  const { part } = page();
  const size = part.textContent.length;
  for (let units = 0; units <= size; units++) {
    const { node, offset } = pointAt(part, units);
    assert.equal(unitsBefore(part, node, offset), units);
  }
  assert.equal(pointAt(el("div", {}), 0), null);
});

test("an anchor becomes the range it came from", () => {
  globalThis.CSS = { escape: (text) => text };
  const { part, root } = page();
  const seen = {};
  part.ownerDocument = { createRange: () => ({ setStart: (...at) => (seen.start = at), setEnd: (...at) => (seen.end = at) }) };
  root.querySelector = () => part;
  toRange(root, { position: 6, part: "text", start: 2, end: 11 });
  assert.deepEqual(seen, { start: [part.childNodes[0], 2], end: [part.childNodes[1].childNodes[0], 7] });
  root.querySelector = () => null;
  assert.equal(toRange(root, { position: 9, part: "text", start: 0, end: 1 }), null);
});
