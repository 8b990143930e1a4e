import assert from "node:assert/strict";
import { test } from "node:test";

import { Pieces } from "../../static/labeling/annotations/pieces.js";

function button(rely, place) {
  const names = new Set();
  const words = { dataset: { on: "Relied on", off: "Rely on this" }, textContent: "" };
  return {
    dataset: { rely: String(rely), ...(place ? { place: JSON.stringify(place) } : {}) },
    classList: { toggle: (name, on) => (on ? names.add(name) : names.delete(name)), contains: (name) => names.has(name) },
    attributes: {},
    setAttribute(name, value) {
      this.attributes[name] = value;
    },
    querySelector: () => words,
    scrollIntoView: () => {},
    words,
  };
}

function desk(buttons) {
  return {
    querySelectorAll: (selector) => (selector === "[data-rely]" ? buttons : []),
    querySelector: () => buttons.find((one) => one.classList.contains("now")) ?? null,
  };
}

test("each piece says whether it is relied on", () => {
  const place = { position: 1, part: "text", start: 0, end: 4 };
  const buttons = [button(7), button(7, place)];
  const form = { relied_on: [{ reading: 7, place }] };
  new Pieces({ desk: desk(buttons), form, goTo: () => {} }).show();
  assert.deepEqual(buttons.map((one) => one.attributes["aria-pressed"]), ["false", "true"]);
  assert.deepEqual(buttons.map((one) => one.words.textContent), ["Rely on this", "Relied on"]);
});

test("the keys go round the pieces, and to the words of one that has a place", () => {
  const place = { position: 1, part: "text", start: 0, end: 4 };
  const buttons = [button(7), button(7, place)];
  const seen = [];
  const pieces = new Pieces({ desk: desk(buttons), form: { relied_on: [] }, goTo: (where) => seen.push(where) });
  assert.equal(pieces.next(), buttons[0]);
  assert.equal(pieces.next(), buttons[1]);
  assert.equal(pieces.next(), buttons[0]);
  assert.deepEqual(seen, [place]);
  assert.equal(new Pieces({ desk: desk([]), form: {}, goTo: () => {} }).next(), null);
});
