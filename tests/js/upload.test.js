import assert from "node:assert/strict";
import { test } from "node:test";
import { errorOf, inWords, problemWith, progressWords } from "../../static/auditor/intake/upload.js";

test("sizes are said as a person would", () => {
  assert.equal(inWords(0), "0 bytes");
  assert.equal(inWords(999), "999 bytes");
  assert.equal(inWords(3_400_000), "3.4 MB");
  assert.equal(inWords(340_000_000), "340 MB");
});

test("a file that cannot be sent says why", () => {
  assert.equal(problemWith([], 10), "Choose a file first.");
  assert.match(problemWith([{ size: 1 }, { size: 1 }], 10), /One file/);
  assert.match(problemWith([{ name: "a", size: 0 }], 10), /empty/);
  assert.match(problemWith([{ name: "a", size: 11 }], 10), /11 bytes; uploads may have 10 bytes/);
  assert.equal(problemWith([{ name: "a", size: 10 }], 10), "");
});

test("what has arrived is no longer uploading", () => {
  assert.equal(progressWords(500, 1000), "Uploading: 500 bytes of 1.0 kB");
  assert.equal(progressWords(1000, 1000), "Arrived; looking at it");
});

test("the page's own error is shown, and a status where it has none", () => {
  const page = (text) => ({ querySelector: () => (text === null ? null : { textContent: text }) });
  assert.equal(errorOf(page(" Too large. "), 422), "Too large.");
  assert.match(errorOf(page(null), 413), /too large/);
  assert.match(errorOf(null, 500), /500/);
});
