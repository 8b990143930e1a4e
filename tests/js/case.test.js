import assert from "node:assert/strict";
import { test } from "node:test";
import { nextField } from "../../static/labeling/adjudication/case.js";

const form = (selects) => ({
  querySelector: () => "reason",
  querySelectorAll: () => selects,
});

test("after taking a label the reason is next", () => {
  assert.equal(nextField(form([]), "17"), "reason");
});

test("on one's own path the first open question is next", () => {
  const [answered, open] = [{ value: "false" }, { value: "" }];
  assert.equal(nextField(form([answered, open]), "own"), open);
});

test("when all is answered the first question is next, so that it can be looked over", () => {
  const answered = { value: "false" };
  assert.equal(nextField(form([answered]), "own"), answered);
});

test("without questions the reason is next", () => {
  assert.equal(nextField(form([]), "own"), "reason");
});
