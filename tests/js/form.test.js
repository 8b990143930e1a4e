import assert from "node:assert/strict";
import { test } from "node:test";

import { after, answered, emptyUnit, isEmpty, nextPlace, pointed, relies, spansOf, without } from "../../static/labeling/annotations/form.js";

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

test("a unit can be taken away, and the last one is emptied", () => {
  const [one, two] = [{ ...emptyUnit(), label: "D" }, { ...emptyUnit(), label: "U" }];
  assert.deepEqual(without([one, two], 1), [[one], 0]);
  assert.deepEqual(without([one, two], 0), [[two], 0]);
  assert.deepEqual(without([one], 0), [[emptyUnit()], 0]);
  assert.equal(isEmpty(emptyUnit()), true);
  assert.equal(isEmpty({ ...emptyUnit(), answers: { truth: "true" } }), false);
});

test("marks know the unit they belong to", () => {
  const units = [{ ...emptyUnit(), spans: [{ kind: "truth" }] }, { ...emptyUnit(), spans: [{ kind: "misleads" }] }];
  assert.deepEqual(spansOf({ units }), [{ kind: "truth", unit: 0 }, { kind: "misleads", unit: 1 }]);
});

test("a whole reading and a quote of it are pointed at apart, and a second press takes either back", () => {
  const quote = { reading: 7, place: { position: 1, part: "text", start: 0, end: 4, quote: "I ch" } };
  let relied = pointed([], { reading: 7 });
  relied = pointed(relied, quote);
  assert.equal(relied.length, 2);
  assert.equal(relies({ relied_on: relied }, quote), true);
  relied = pointed(relied, { reading: 7 });
  assert.deepEqual(relied, [quote]);
  assert.equal(relies({ relied_on: relied }, { reading: 7 }), false);
});

test("a unit stands for the message, then for each tool call in it, then for nothing said", () => {
  const first = nextPlace(null, 4, ["part:1"]);
  assert.deepEqual(first, { position: 4, part: "", start: null, end: null, quote: "" });
  const second = nextPlace(first, 4, ["part:1"]);
  assert.equal(second.part, "part:1");
  assert.equal(nextPlace(second, 4, ["part:1"]), null);
  assert.equal(nextPlace(second, 5, []).position, 5);
});
