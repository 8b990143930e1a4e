import assert from "node:assert/strict";
import test from "node:test";

import { barAt, range } from "../../static/auditor/browse/brush.js";

const bars = [{ lo: "0", hi: "0.1" }, { lo: "0.1", hi: "0.2" }, { lo: "0.2", hi: "0.35" }];

test("a range runs from the first bar to the last, drawn either way", () => {
  assert.deepEqual(range(bars, 0, 2), { lo: "0", hi: "0.35" });
  assert.deepEqual(range(bars, 2, 1), { lo: "0.1", hi: "0.35" });
  assert.deepEqual(range(bars, 1, 1), { lo: "0.1", hi: "0.2" });
});

test("a point is over the bar that begins last before it", () => {
  const lefts = [10, 20, 30];
  assert.equal(barAt(lefts, 5), 0);
  assert.equal(barAt(lefts, 20), 1);
  assert.equal(barAt(lefts, 29.9), 1);
  assert.equal(barAt(lefts, 400), 2);
});
