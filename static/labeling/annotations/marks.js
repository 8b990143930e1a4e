/* Marking words: with the mouse (select, then a key) or with the keys alone, and drawing what is marked.

   <button data-mark="truth" data-key="a">        marks the selection, or begins choosing words with the keys
   <div data-span-bar hidden> <b data-span-kind></b> <input data-span-find> </div>

   Marks are drawn with the CSS Highlight API: the text's elements stay as they are, so offsets hold and
   a thousand marks cost nothing. Kinds: ::highlight(span-truth), ::highlight(span-misleads), ::highlight(span-mine),
   and ::highlight(span-other) for the marks of other units.
*/
import { fromRange, toRange } from "../../auditor/corpus/anchors.js";
import { extend, find, move, sentenceEnd, wordsOf } from "./words.js";

const DRAWN = { truth: "span-truth", misleads: "span-misleads" };

export class Marks {
  constructor({ document, add, signal }) {
    this.document = document;
    this.add = add; // (kind, anchor)
    this.bar = document.querySelector("[data-span-bar]");
    this.choice = null;
    this.ranges = new Map(); // of the marks that were drawn: finding words among thousands of elements takes its time
    document.addEventListener("mousedown", (event) => {
      if (event.target.closest?.("[data-mark]")) event.preventDefault(); // the selection stays
    }, { signal });
    document.defaultView.addEventListener("keydown", (event) => this.onKey(event), { capture: true, signal });
    this.bar?.querySelector("[data-span-find]")?.addEventListener("input", (event) => this.seek(event.target.value, false));
  }

  get isOpen() {
    return this.choice !== null;
  }

  /** Mark the selection as `kind`, or begin to choose words for it. */
  start(kind) {
    const selection = this.document.getSelection();
    const range = selection.rangeCount && !selection.isCollapsed ? selection.getRangeAt(0) : null;
    const anchor = range && this.root.contains(range.commonAncestorContainer) ? fromRange(range) : null;
    if (anchor) {
      selection.removeAllRanges();
      this.add(kind, anchor);
      return;
    }
    this.choose(kind);
  }

  get root() {
    return this.document.querySelector("[data-transcript]");
  }

  choose(kind) {
    this.parts = [...this.root.querySelectorAll(".part[data-part]")].filter((part) => part.textContent.trim());
    if (!this.parts.length) return;
    this.texts = this.parts.map((part) => part.textContent);
    this.cut = this.parts.map(() => null);
    this.kind = kind;
    const current = this.root.querySelector(".msg[aria-current]");
    const first = current ? this.parts.findIndex((part) => current.contains(part)) : 0;
    this.choice = { part: Math.max(first, 0), from: 0, to: 0 };
    this.bar.hidden = false;
    this.bar.querySelector("[data-span-kind]").textContent = kind;
    this.bar.querySelector("[data-span-find]").value = "";
    this.show();
  }

  leave() {
    this.choice = null;
    this.bar.hidden = true;
    if (this.bar.contains(this.document.activeElement)) this.document.activeElement.blur();
    highlight("pending", []);
  }

  words(part) {
    return (this.cut[part] ??= wordsOf(this.texts[part]));
  }

  get counts() {
    // only the parts beside the chosen one are ever looked at
    return new Proxy(this.parts, { get: (parts, name) => (name === "length" ? parts.length : this.words(Number(name)).length) });
  }

  onKey(event) {
    if (!this.isOpen || event.isComposing) return;
    const finding = event.target === this.bar.querySelector("[data-span-find]");
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (finding && event.key !== "Enter" && event.key !== "Escape") return;
    this.shift = event.shiftKey;
    const act = finding ? this.findKeys[event.key] : this.keys[event.key];
    event.stopImmediatePropagation();
    if (!act) return;
    event.preventDefault();
    act();
    if (this.isOpen) this.show();
  }

  get findKeys() {
    return { Enter: () => this.document.activeElement.blur(), Escape: () => this.document.activeElement.blur() };
  }

  get keys() {
    const step = (by) => () => (this.choice = move(this.choice, by, this.counts));
    const grow = (by) => () => (this.choice = extend(this.choice, by, this.counts));
    const part = (by) => () => {
      const at = Math.min(Math.max(this.choice.part + by, 0), this.parts.length - 1);
      this.choice = { part: at, from: 0, to: 0 };
    };
    const all = {
      ArrowRight: step(1), w: step(1), ArrowLeft: step(-1), b: step(-1), W: grow(1), B: grow(-1),
      ArrowDown: part(1), j: part(1), ArrowUp: part(-1), k: part(-1),
      ".": () => (this.choice = { ...this.choice, to: sentenceEnd(this.texts[this.choice.part], this.words(this.choice.part), this.choice.to) }),
      "/": () => this.bar.querySelector("[data-span-find]").focus(),
      n: () => this.seek(this.bar.querySelector("[data-span-find]").value, true),
      Enter: () => this.confirm(), s: () => this.confirm(), Escape: () => this.leave(),
    };
    if (this.shift) Object.assign(all, { ArrowRight: grow(1), ArrowLeft: grow(-1), ArrowDown: grow(8), ArrowUp: grow(-8) });
    return all;
  }

  seek(needle, onwards) {
    const cut = new Proxy([], { get: (_, name) => this.words(Number(name)) });
    const found = this.choice && find(this.texts, cut, needle, this.choice, onwards);
    if (found) {
      this.choice = found;
      this.show();
    }
  }

  confirm() {
    const anchor = fromRange(this.range());
    this.leave();
    if (anchor) this.add(this.kind, anchor);
  }

  /** The DOM range of the chosen words. */
  range() {
    const { part, from, to } = this.choice;
    const words = this.words(part);
    return rangeIn(this.parts[part], words[from][0], words[to][1]);
  }

  show() {
    const range = this.range();
    highlight("pending", [range]);
    bringIntoView(range);
  }

  /** Draw all marks, those of the units that are not at hand paler; ones whose part is not on the page are left out. */
  draw(spans, unit = 0) {
    const byName = { "span-truth": [], "span-misleads": [], "span-mine": [], "span-other": [] };
    const before = this.ranges;
    this.ranges = new Map();
    for (const span of spans) {
      const key = `${span.position}/${span.part}/${span.start}/${span.end}`;
      const kept = before.get(key);
      const range = kept?.startContainer.isConnected && !kept.collapsed ? kept : toRange(this.root, span);
      if (range) this.ranges.set(key, range);
      if (range) byName[(span.unit ?? unit) === unit ? (DRAWN[span.kind] ?? "span-mine") : "span-other"].push(range);
    }
    for (const [name, ranges] of Object.entries(byName)) highlight(name, ranges);
  }

  /** Go to a mark's words and show them for a moment. */
  goTo(span) {
    const range = toRange(this.root, span);
    if (!range) return;
    range.startContainer.parentElement.closest("details:not([open])")?.setAttribute("open", "");
    bringIntoView(range);
    highlight("pending", [range]);
    setTimeout(() => this.isOpen || highlight("pending", []), 1600);
  }
}

/** Only what comes or goes is painted anew: a highlight that is replaced is painted over the whole page. */
function highlight(name, ranges) {
  if (!globalThis.CSS?.highlights) return;
  const drawn = CSS.highlights.get(name);
  if (!ranges.length) CSS.highlights.delete(name);
  else if (!drawn) CSS.highlights.set(name, new Highlight(...ranges));
  else {
    const wanted = new Set(ranges);
    for (const range of [...drawn]) if (!wanted.has(range)) drawn.delete(range);
    for (const range of ranges) drawn.add(range);
  }
}

function rangeIn(root, from, to) {
  const range = root.ownerDocument.createRange();
  const walker = root.ownerDocument.createTreeWalker(root, 4);
  let seen = 0;
  let started = false;
  while (walker.nextNode()) {
    const size = walker.currentNode.data.length;
    if (!started && from < seen + size) {
      range.setStart(walker.currentNode, from - seen);
      started = true;
    }
    if (started && to <= seen + size) {
      range.setEnd(walker.currentNode, to - seen);
      break;
    }
    seen += size;
  }
  return range;
}

function bringIntoView(range) {
  const element = range.startContainer.parentElement;
  const pane = element.closest(".pane-main");
  const scroller = pane && pane.scrollHeight > pane.clientHeight + 1 ? pane : document.scrollingElement;
  element.closest(".msg")?.scrollIntoView({ block: "nearest", behavior: "instant" }); // content-visibility: lay it out first
  const box = range.getBoundingClientRect();
  const frame = scroller === pane ? pane.getBoundingClientRect() : { top: 0, bottom: globalThis.innerHeight };
  if (box.top < frame.top + 60 || box.bottom > frame.bottom - 120) {
    scroller.scrollBy({ top: box.top - frame.top - (frame.bottom - frame.top) / 3, behavior: "instant" });
  }
}
