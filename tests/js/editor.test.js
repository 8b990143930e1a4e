// The editor of a codebook: line numbers, the way to a line, and indentation that is kept.
import assert from "node:assert/strict";
import test from "node:test";
import { attach, indentation, numbers, range } from "../../static/labeling/codebooks/editor.js";
import { el } from "./fake-dom.js";

test("each line has its number, an empty text has one line", () => {
  assert.equal(numbers("a\nb\n"), "1\n2\n3");
  assert.equal(numbers(""), "1");
});

test("a line is found by its number, and one beyond the text is the last", () => {
  assert.deepEqual(range("ab\ncde\nf", 2), [3, 6]);
  assert.deepEqual(range("ab\ncde\nf", 1), [0, 2]);
  assert.deepEqual(range("ab\ncde\nf", 99), [7, 8]);
  assert.deepEqual(range("", 0), [0, 0]);
});

test("a new line begins where the one before begins, past a list's dash", () => {
  assert.equal(indentation("  - key: a", 10), "    ");
  assert.equal(indentation("x:\n    y: 1", 11), "    ");
  assert.equal(indentation("key: a", 6), "");
  assert.equal(indentation("  a\nb", 5), "");
});

function opened(text) {
  const source = el("textarea", { "data-source": "" });
  const gutter = el("pre", { "data-gutter": "" });
  const state = el("div", { id: "state" });
  const form = el("form", {}, gutter, source, state);
  source.value = text;
  const listeners = {};
  const window = { addEventListener: (name, listener) => { listeners[name] = listener; }, document: {} };
  form.querySelector = (selector) => (selector.startsWith("#state") ? (state.saved ? state : null) : selector.includes("source") ? source : gutter);
  Object.defineProperty(gutter, "textContent", { value: "", writable: true });
  attach(form, window);
  const asked = () => {
    let prevented = false;
    listeners.beforeunload({ preventDefault: () => { prevented = true; } });
    return prevented;
  };
  return { form, source, state, asked };
}

test("leaving unsaved words is asked about, and saved ones are not", () => {
  const { form, source, state, asked } = opened("title: a");
  assert.equal(asked(), false);
  source.value = "title: b";
  assert.equal(asked(), true);
  form.dispatch("click", { target: el("button", { "data-save": "" }) });
  state.saved = true;
  form.dispatch("htmx:afterSettle", {});
  assert.equal(asked(), false);
  source.value = "title: c";
  assert.equal(asked(), true);
});

test("what is typed while the answer is on its way is not taken for saved", () => {
  const { form, source, state, asked } = opened("title: a");
  source.value = "title: b";
  form.dispatch("click", { target: el("button", { "data-save": "" }) });
  source.value = "title: bc";
  state.saved = true;
  form.dispatch("htmx:afterSettle", {});
  assert.equal(asked(), true);
});

test("a link that leaves on purpose is not asked about", () => {
  const { form, source, asked } = opened("title: a");
  source.value = "title: b";
  form.dispatch("click", { target: el("a", { "data-leaves": "" }) });
  assert.equal(asked(), false);
});
