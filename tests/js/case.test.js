import assert from "node:assert/strict";
import { test } from "node:test";
import { nextChoice, nextField } from "../../static/labeling/adjudication/case.js";

const form = (selects, code = { value: "" }) => ({
  querySelector: (selector) => (selector.startsWith("select") ? code : "reason"),
  querySelectorAll: () => selects,
});

test("after taking a label what decides it is next, and then the reason", () => {
  const code = { value: "" };
  assert.equal(nextField(form([], code), "17"), code);
  assert.equal(nextField(form([], { value: "evidence" }), "17"), "reason");
});

test("on one's own path the first open question is next", () => {
  const [answered, open] = [{ value: "false" }, { value: "" }];
  assert.equal(nextField(form([answered, open]), "own"), open);
});

test("when all is answered the first question is next, so that it can be looked over", () => {
  const answered = { value: "false" };
  assert.equal(nextField(form([answered]), "own"), answered);
});

test("without questions what decides it is next", () => {
  const code = { value: "" };
  assert.equal(nextField(form([], code), "own"), code);
});

test("a field's key goes from one reviewer's answer to the next and comes round", () => {
  const radios = [{ checked: false }, { checked: false }, { checked: false }];
  assert.equal(nextChoice(radios), radios[0]);
  radios[0].checked = true;
  assert.equal(nextChoice(radios), radios[1]);
  radios[0].checked = false;
  radios[2].checked = true;
  assert.equal(nextChoice(radios), radios[0]);
});
