import assert from "node:assert/strict";
import { test } from "node:test";

import { nextToken } from "../../static/auditor/interp/tokens.js";

test("arrows walk and stay inside", () => {
  assert.equal(nextToken("ArrowRight", -1, 3), 0);
  assert.equal(nextToken("ArrowRight", 2, 3), 2);
  assert.equal(nextToken("ArrowLeft", 0, 3), 0);
  assert.equal(nextToken("Home", 2, 3), 0);
  assert.equal(nextToken("End", 0, 3), 2);
});

test("other keys are not ours, and nothing is nowhere", () => {
  assert.equal(nextToken("a", 1, 3), null);
  assert.equal(nextToken("ArrowRight", 0, 0), null);
});
