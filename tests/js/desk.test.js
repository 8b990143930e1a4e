import assert from "node:assert/strict";
import { test } from "node:test";

import { after, answered } from "../../static/labeling/annotations/desk.js";

test("an answer is set, and a multiple one switched", () => {
  assert.deepEqual(answered({ truth: "false" }, "truth", "true"), { truth: "true" });
  assert.deepEqual(answered({}, "who", "a", true), { who: ["a"] });
  assert.deepEqual(answered({ who: ["a", "b"] }, "who", "a", true), { who: ["b"] });
  assert.deepEqual(answered({ who: ["a"] }, "who", "a", true), {});
  assert.deepEqual(answered({ note: "x" }, "note", ""), {});
});

test("heat goes round in a ring", () => {
  assert.equal(after([1, 2, 3], 1), 2);
  assert.equal(after([1, 2, 3], 3), 1);
  assert.equal(after([1, 2, 3], undefined), 1);
});
