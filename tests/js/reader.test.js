import assert from "node:assert/strict";
import { test } from "node:test";
import { firstOfEach, readingIndex, step } from "../../static/auditor/corpus/reader.js";
import { el } from "./fake-dom.js";

test("a step stays inside", () => {
  assert.equal(step(0, -1, 3), 0);
  assert.equal(step(1, 1, 3), 2);
  assert.equal(step(2, 1, 3), 2);
  assert.equal(step(0, 1, 0), -1);
});

test("the message being read is the last that began above the line", () => {
  const tops = [-400, -20, 58, 300];
  assert.equal(readingIndex(tops, 60), 2);
  assert.equal(readingIndex(tops, 0), 1);
  assert.equal(readingIndex(tops, 999), 3);
  assert.equal(readingIndex([100, 200], 60), 0);
  assert.equal(readingIndex([], 60), 0);
});

test("a mark cut into segments is visited once", () => {
  const [a, ab, b, c] = ["a", "a b", "b", "c"].map((names) => el("span", { "data-m": names }));
  assert.deepEqual(firstOfEach([a, ab, b, c]), [a, ab, c]);
});
