import assert from "node:assert/strict";
import { test } from "node:test";
import { isBefore, isNamed, levelOf, nextPeak, nextToken, peaksOf, runs, tokenAt, unpack, written } from "../../static/auditor/browse/tokens.js";
import { pointsOf } from "../../static/auditor/browse/places.js";

const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const steps = (...values) => base64(values.flatMap((value) => [value & 255, value >> 8]));

/** Made by hand: spans are (gap, length) as LEB128; 300 is AC 02. */
const packet = {
  parts: [[1, "text", 3], [2, "reasoning", 1]],
  spans: base64([0, 4, 4, 2, 0xac, 0x02, 5, 7, 1]),
  lo: -1,
  hi: 1,
  values: steps(0, 65535, 32768, 65535),
  counted: base64([0b10110000]),
};

test("a packet is unpacked into its parts", () => {
  const [text, reasoning] = unpack(packet);
  assert.deepEqual([text.position, text.part, [...text.starts], [...text.ends], [...text.counted]], [1, "text", [0, 4, 304], [4, 6, 309], [1, 0, 1]]);
  assert.deepEqual([...text.values].map((value) => Number(value.toFixed(4))), [-1, 1, 0]);
  assert.deepEqual([reasoning.position, [...reasoning.starts], [...reasoning.ends], [...reasoning.counted]], [2, [7], [8], [1]]);
  assert.deepEqual(unpack({ parts: [], spans: "", lo: 0, hi: 0, values: "", counted: "" }), []);
});

test("levels are 32 steps, and the ends hold what lies beyond", () => {
  const scale = { lo: 0, hi: 31 };
  assert.deepEqual([-5, 0, 1, 30.4, 31, 99].map((value) => levelOf(value, scale)), [0, 0, 1, 30, 31, 31]);
  assert.deepEqual([0, 1, 2].map((value) => levelOf(value, { lo: 1, hi: 1 })), [0, 0, 31]);
});

const stretch = { starts: [0, 3, 6, 10, 12], ends: [3, 6, 9, 12, 14], values: [10, 10, 20, 20, 0], counted: [1, 1, 1, 0, 1] };
const scale = { lo: 0, hi: 31 };

test("neighbours of one level are one run; what does not count is left out unless it is asked for", () => {
  assert.deepEqual(runs(stretch, scale), [[0, 6, 10], [6, 9, 20]]);
  assert.deepEqual(runs(stretch, scale, { all: true }), [[0, 6, 10], [6, 9, 20], [10, 12, 20]]);
});

test("what lies below the floor is a run of its own kind", () => {
  assert.deepEqual(runs(stretch, scale, { floor: 15 }), [[0, 6, -1], [6, 9, 20]]);
  assert.deepEqual(runs(stretch, scale, { floor: 20 }), [[0, 6, -1], [6, 9, 20]]);
});

test("a token is found by a code point of its words", () => {
  assert.deepEqual([0, 2, 3, 8, 9, 10, 13, 14].map((point) => tokenAt(stretch, point)), [0, 0, 1, 2, -1, 3, 4, -1]);
  assert.equal(tokenAt({ starts: [], ends: [] }, 0), -1);
});

test("steps go past tokens that do not count", () => {
  assert.equal(nextToken(stretch, 2, 1, false), 4);
  assert.equal(nextToken(stretch, 2, 1, true), 3);
  assert.equal(nextToken(stretch, 0, -1, false), -1);
  assert.equal(nextToken(stretch, -1, 1, false), 0);
});

test("places are in reading order: reasoning, text, then what tools were given", () => {
  const at = (position, part, start = 0) => ({ position, part, start });
  assert.ok(isBefore(at(1, "text"), at(2, "reasoning")));
  assert.ok(isBefore(at(1, "reasoning", 900), at(1, "text")));
  assert.ok(isBefore(at(1, "text", 900), at(1, "part:0")));
  assert.ok(isBefore(at(1, "part:2"), at(1, "part:10")));
  assert.ok(isBefore(at(1, "text", 3), at(1, "text", 4)));
  assert.ok(!isBefore(at(1, "text", 3), at(1, "text", 3)));
});

test("one walks from peak to peak above the floor, and ends at the last", () => {
  const map = [[3, "text", 5, 9, 0.9, 0.8], [1, "text", 0, 4, 0.4, 0.1], [1, "reasoning", 2, 3, 0.7, 0.05]];
  const peaks = peaksOf(map);
  assert.deepEqual(peaks.map((peak) => peak.value), [0.7, 0.4, 0.9]);
  assert.deepEqual(peaksOf(map, 0.7).map((peak) => peak.value), [0.7, 0.9]);
  assert.equal(nextPeak(peaks, null, 1).value, 0.7);
  assert.equal(nextPeak(peaks, null, -1).value, 0.9);
  assert.equal(nextPeak(peaks, peaks[0], 1).value, 0.4);
  assert.equal(nextPeak(peaks, { position: 2, part: "text", start: 0 }, -1).value, 0.4);
  assert.equal(nextPeak(peaks, peaks[2], 1), null);
  assert.equal(nextPeak([], null, 1), null);
});

test("channels are found by every word, and values written for people", () => {
  assert.ok(isNamed("Deception probe probe.dec.v2", "dec PROBE"));
  assert.ok(!isNamed("Deception probe", "honest"));
  assert.deepEqual([0, 0.0123, 0.5, -12.34, 1234.5].map(written), ["0.00", "0.012", "0.50", "-12.3", "1235"]);
});

test("code points of a text with characters beyond the basic plane", () => {
  assert.deepEqual([...pointsOf("a😀b")], [0, 1, 3, 4]);
  assert.deepEqual([...pointsOf("")], [0]);
});
