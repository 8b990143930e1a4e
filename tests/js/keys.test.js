import assert from "node:assert/strict";
import { test } from "node:test";
import { actsItself, attach, groupsOf, isTyping, keyOf } from "../../static/auditor/web/keys.js";
import { el } from "./fake-dom.js";

function pageWith(...children) {
  const page = el("body", {}, ...children);
  page.activeElement = page;
  page.createElement = (tag) => Object.assign(el(tag, {}), {});
  return page;
}

function press(page, key, more = {}) {
  const event = { key, prevented: false, preventDefault() { this.prevented = true; }, ...more };
  page.dispatch("keydown", event);
  return event;
}

function clickable(key, more = {}) {
  const button = el("button", { "data-key": key, ...more }, "Skip ", el("kbd", {}, key));
  button.clicks = 0;
  button.click = () => button.clicks++;
  return button;
}

test("a key clicks its element", () => {
  const button = clickable("x");
  const page = pageWith(button);
  attach(page);
  assert.equal(press(page, "x").prevented, true);
  assert.equal(button.clicks, 1);
  assert.equal(press(page, "q").prevented, false);
});

test("no key acts while somebody types, composes or holds a modifier", () => {
  const button = clickable("x");
  const page = pageWith(button);
  attach(page);
  for (const more of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }, { isComposing: true }, { defaultPrevented: true }]) press(page, "x", more);
  for (const field of [el("input", { type: "text" }), el("input", { type: "search" }), el("input", {}), el("textarea", {}), el("select", {})]) {
    page.activeElement = field;
    press(page, "x");
  }
  page.activeElement = Object.assign(el("div", {}), { isContentEditable: true });
  press(page, "x");
  assert.equal(button.clicks, 0);
});

test("keys act while a radio button or a checkbox has the focus", () => {
  assert.equal(isTyping(el("input", { type: "radio" })), false);
  assert.equal(isTyping(el("input", { type: "checkbox" })), false);
  assert.equal(isTyping(null), false);
});

test("a combination that is asked for works while typing", () => {
  const button = clickable("Mod+Enter");
  const page = pageWith(button);
  attach(page);
  page.activeElement = el("textarea", {});
  press(page, "Enter", { ctrlKey: true });
  press(page, "Enter", { metaKey: true });
  press(page, "Enter");
  assert.equal(button.clicks, 2);
});

test("Enter on a focused button is left to the button", () => {
  assert.equal(actsItself(el("button", {}), "Enter"), true);
  assert.equal(actsItself(el("a", {}), "Enter"), true);
  assert.equal(actsItself(el("article", {}), "Enter"), false);
  assert.equal(actsItself(el("button", {}), "x"), false);
  assert.equal(keyOf({ key: " " }, false), "Space");
});

test("hidden and disabled elements have no keys", () => {
  const hidden = clickable("x", { hidden: "" });
  const disabled = Object.assign(clickable("x"), { disabled: true });
  const shown = clickable("x");
  const page = pageWith(hidden, disabled, shown);
  attach(page);
  press(page, "x");
  assert.deepEqual([hidden.clicks, disabled.clicks, shown.clicks], [0, 0, 1]);
});

test("an open dialog has the keys to itself", () => {
  const behind = clickable("x");
  const inside = clickable("y");
  const page = pageWith(behind, el("dialog", { open: "" }, inside));
  attach(page);
  press(page, "x");
  press(page, "y");
  assert.deepEqual([behind.clicks, inside.clicks], [0, 1]);
});

test("a text field gets the focus, and Escape leaves it", () => {
  const search = el("input", { type: "search", "data-key": "/" });
  const done = [];
  Object.assign(search, { focus: () => done.push("focus"), select: () => done.push("select"), blur: () => done.push("blur") });
  const page = pageWith(search);
  attach(page);
  press(page, "/");
  page.activeElement = search;
  press(page, "Escape");
  assert.deepEqual(done, ["focus", "select", "blur"]);
});

test("a held key repeats only for moving about", () => {
  const commit = clickable("Enter");
  const next = clickable("j", { "data-reader": "next" });
  const page = pageWith(commit, next);
  attach(page);
  press(page, "Enter", { repeat: true });
  press(page, "j", { repeat: true });
  assert.deepEqual([commit.clicks, next.clicks], [0, 1]);
});

test("single keys can be switched off, the help and combinations stay", () => {
  const [x, help, commit] = [clickable("x"), clickable("?"), clickable("Mod+Enter")];
  const page = pageWith(x, help, commit);
  attach(page, { getItem: () => "1" });
  press(page, "x");
  press(page, "?");
  press(page, "Enter", { ctrlKey: true });
  assert.deepEqual([x.clicks, help.clicks, commit.clicks], [0, 1, 1]);
});

test("the help lists every key once, in words, in groups", () => {
  const label = el("label", {}, el("input", { type: "radio", "data-key": "1", "data-key-group": "Label" }), el("kbd", {}, "1"), " plan  to mislead");
  const elements = [clickable("x"), label.childNodes[0], clickable("x"), clickable("/", { "aria-label": "Search" }), clickable("j", { "data-key-help": "Next message" })];
  assert.deepEqual(groupsOf(elements), [
    ["On this page", [["x", "Skip"], ["/", "Search"], ["j", "Next message"]]],
    ["Label", [["1", "plan to mislead"]]],
  ]);
});
