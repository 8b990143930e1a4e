import assert from "node:assert/strict";
import { test } from "node:test";

import { Activity } from "../../static/labeling/annotations/activity.js";

function made(seconds = 0) {
  const clock = { now: 0 };
  const activity = new Activity({ seconds, now: () => clock.now });
  const pass = (ms, visible = true) => {
    for (let left = ms; left > 0; left -= 1000) {
      clock.now += Math.min(left, 1000);
      activity.tick(visible);
    }
  };
  return { activity, clock, pass };
}

test("time counts while somebody is at it, and pauses after thirty seconds without input", () => {
  const { activity, pass } = made(10);
  pass(20_000);
  activity.touch();
  pass(60_000);
  assert.equal(activity.seconds, 10 + 20 + 29);
});

test("a hidden page counts nothing, and a sleeping computer does not wake with hours", () => {
  const { activity, clock, pass } = made();
  pass(10_000, false);
  assert.equal(activity.seconds, 0);
  activity.touch();
  clock.now += 3_600_000;
  activity.touch();
  activity.tick(true);
  assert.equal(activity.seconds, 5);
});

test("who reads without touching anything is still there for five minutes", () => {
  const { activity, pass } = made();
  pass(4 * 60_000);
  assert.equal(activity.isThere(true), true);
  assert.equal(activity.isThere(false), false);
  pass(2 * 60_000);
  assert.equal(activity.isThere(true), false);
});
