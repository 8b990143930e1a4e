// The editor of a judge's version: line numbers, and where a line stands.
import assert from "node:assert/strict";
import test from "node:test";
import { lineAt, numbers } from "../../static/auditor/judging/editor.js";

test("each line has its number, an empty text has one line", () => {
  assert.equal(numbers("a\nb\n"), "1\n2\n3");
  assert.equal(numbers(""), "1");
});

test("a line is found by its number, and one beyond the text is the last", () => {
  assert.deepEqual(lineAt("ab\ncde\nf", 2), [3, 6]);
  assert.deepEqual(lineAt("ab\ncde\nf", 0), [0, 2]);
  assert.deepEqual(lineAt("ab\ncde\nf", 99), [7, 8]);
});
