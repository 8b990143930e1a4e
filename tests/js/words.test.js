import assert from "node:assert/strict";
import { test } from "node:test";

import { extend, find, move, sentenceEnd, wordsOf } from "../../static/labeling/annotations/words.js";

const cut = (text) => wordsOf(text).map(([start, end]) => text.slice(start, end));

test("words are found in English, Chinese and between emoji", () => {
  assert.deepEqual(cut("I have checked, it's fine."), ["I", "have", "checked", "it's", "fine"]);
  assert.ok(cut("他说他已经检查过了").length > 2);
  assert.deepEqual(cut("a 👩‍👧 b"), ["a", "b"]);
});

test("a text without any word is cut at white space", () => {
  assert.deepEqual(cut("👍 🎉"), ["👍", "🎉"]);
  assert.deepEqual(cut(" \n"), []);
});

test("a step over the end of a part goes on in the next, and stays at the ends of all", () => {
  const counts = [2, 3];
  assert.deepEqual(move({ part: 0, from: 1, to: 1 }, 1, counts), { part: 1, from: 0, to: 0 });
  assert.deepEqual(move({ part: 1, from: 0, to: 2 }, -1, counts), { part: 0, from: 1, to: 1 });
  assert.deepEqual(move({ part: 1, from: 2, to: 2 }, 1, counts), { part: 1, from: 2, to: 2 });
  assert.deepEqual(move({ part: 0, from: 0, to: 0 }, -1, counts), { part: 0, from: 0, to: 0 });
});

test("a choice grows and shrinks inside its part and is never empty", () => {
  assert.deepEqual(extend({ part: 0, from: 1, to: 1 }, 5, [4]), { part: 0, from: 1, to: 3 });
  assert.deepEqual(extend({ part: 0, from: 1, to: 3 }, -5, [4]), { part: 0, from: 1, to: 1 });
});

test("the end of the sentence is found, not the dot in a number", () => {
  const text = "It is 3.5 now. I checked. Done";
  const words = wordsOf(text);
  assert.equal(text.slice(0, words[sentenceEnd(text, words, 0)][1]), "It is 3.5 now");
  assert.equal(sentenceEnd(text, words, words.length - 1), words.length - 1);
});

test("finding looks onwards, around, and without regard to case", () => {
  const texts = ["The ledger failed.", "I checked the ledger again."];
  const words = texts.map(wordsOf);
  assert.deepEqual(find(texts, words, "LEDGER", { part: 0, from: 0, to: 0 }), { part: 0, from: 1, to: 1 });
  assert.deepEqual(find(texts, words, "ledger", { part: 0, from: 1, to: 1 }, true), { part: 1, from: 3, to: 3 });
  assert.deepEqual(find(texts, words, "checked the led", { part: 1, from: 4, to: 4 }), { part: 1, from: 1, to: 3 });
  assert.equal(find(texts, words, "nowhere", { part: 0, from: 0, to: 0 }), null);
  assert.equal(find(texts, words, " ", { part: 0, from: 0, to: 0 }), null);
});
