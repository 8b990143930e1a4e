import assert from "node:assert/strict";
import { test } from "node:test";
import { completed, fitting, Names, typedName } from "../../static/labeling/discussion/mentions.js";

const PEOPLE = ["Ana", "Anatol Berg", "Bo Lee", "twin@example.org"];

test("a name begins with @ at the start of a word", () => {
  assert.deepEqual(typedName("ask @an", 7), { from: 4, typed: "an" });
  assert.deepEqual(typedName("@", 1), { from: 0, typed: "" });
  assert.deepEqual(typedName("(@Bo L", 6), { from: 1, typed: "Bo L" });
  assert.deepEqual(typedName("see @an, too", 7), { from: 4, typed: "an" });
  for (const text of ["me@an", "é@an", "@an\nnext", "no name"]) assert.equal(typedName(text, text.length), null);
});

test("a name is found by the beginning of any of its words", () => {
  assert.deepEqual(fitting(PEOPLE, ""), PEOPLE);
  assert.deepEqual(fitting(PEOPLE, "AN"), ["Ana", "Anatol Berg"]);
  assert.deepEqual(fitting(PEOPLE, "berg"), ["Anatol Berg"]);
  assert.deepEqual(fitting(PEOPLE, "bo l"), ["Bo Lee"]);
  assert.deepEqual(fitting(PEOPLE, "Ana is"), []);
  assert.equal(fitting(Array.from({ length: 30 }, (_, n) => `x${n}`), "x").length, 8);
});

test("a completed name is followed by one space and the caret stands after it", () => {
  assert.deepEqual(completed("ask @an", 7, 4, "Ana"), { text: "ask @Ana ", caret: 9 });
  assert.deepEqual(completed("ask @an now", 7, 4, "Ana"), { text: "ask @Ana now", caret: 9 });
  assert.deepEqual(completed("@bo?", 3, 0, "Bo Lee"), { text: "@Bo Lee ?", caret: 8 });
});

function field(value) {
  const made = () => ({ attributes: {}, children: [], setAttribute(name, to) { this.attributes[name] = to; }, replaceChildren(...all) { this.children = all; }, remove() { this.gone = true; } });
  return {
    ...made(), id: "text", value, selectionStart: value.length, selectionEnd: value.length,
    ownerDocument: { createElement: made }, after(list) { this.list = list; }, removeAttribute(name) { delete this.attributes[name]; },
    setSelectionRange(from, to) { [this.selectionStart, this.selectionEnd] = [from, to]; },
  };
}

test("arrows go round, Enter takes, and keys are the list's only while it is open", () => {
  const text = field("ask @an");
  const names = new Names(text, PEOPLE);
  assert.equal(names.key("Enter"), false);
  names.follow();
  assert.deepEqual(text.list.children.map((option) => option.textContent), ["Ana", "Anatol Berg"]);
  for (const key of ["ArrowDown", "ArrowDown", "ArrowUp"]) assert.equal(names.key(key), true);
  assert.equal(text.attributes["aria-activedescendant"], "text-names-1");
  assert.equal(names.key("x"), false);
  assert.equal(names.key("Enter"), true);
  assert.equal(text.value, "ask @Anatol Berg ");
  assert.equal(names.isOpen, false);
  assert.equal("aria-controls" in text.attributes, false);
});

test("Escape closes the list and leaves the text", () => {
  const text = field("@b");
  const names = new Names(text, PEOPLE);
  names.follow();
  assert.equal(names.key("Escape"), true);
  assert.equal(text.value, "@b");
  assert.equal(names.key("Escape"), false);
});

test("no list opens over a selection", () => {
  const text = field("@b");
  text.selectionStart = 0;
  const names = new Names(text, PEOPLE);
  names.follow();
  assert.equal(names.isOpen, false);
});
