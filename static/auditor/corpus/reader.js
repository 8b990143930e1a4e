/* Reading a transcript with the keys, and the outline that follows.

   {% include "components/transcript.html" %}   .transcript[data-transcript] > .msg[data-position]
   {% include "components/outline.html" %}      [data-outline] a[href="#m3"], and buttons:
   <button data-reader="next|previous|next-mark|previous-mark|heat|link|markdown" data-key="j">
   <button data-unfold aria-expanded="false">   in a .block.fold: shows all of it
   <a data-part-url="…">                        in a .block: fetches it again with more of its text
   <a href="…" data-copy-json>                  copies what is at the address
   On a page of windows (see windows.js) links name a place for the server, ?at=811.text.120-140, and
   `windows-changed` is dispatched when messages came or went.
*/
import { copy } from "../web/copy.js";
import { say } from "../web/toasts.js";
import { fromRange } from "./anchors.js";

const YEAR = 31_536_000;

/** The index one step on from `index` in `count` things, staying inside; -1 when there are none. */
export function step(index, by, count) {
  return count ? Math.min(Math.max(index + by, 0), count - 1) : -1;
}

/** The message being read: the last whose top is above the line, else the first. Tops ascend; few of them are asked for. */
export function readingIndex(messages, line, topOf = (top) => top) {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (topOf(messages[middle]) <= line) low = middle + 1;
    else high = middle;
  }
  return Math.max(low - 1, 0);
}

/** Where an element begins, from the top of the window. */
export function topOf(element) {
  return element.getBoundingClientRect().top;
}

/** The marks in page order, one element for each: the first that names it. */
export function firstOfEach(elements) {
  const seen = new Set();
  return [...elements].filter((element) => {
    const fresh = element.dataset.m.split(" ").filter((name) => !seen.has(name));
    fresh.forEach((name) => seen.add(name));
    return fresh.length > 0;
  });
}

/** The place of an anchor, or of a whole message, as an address has it. */
export function placeOf({ position, part, start, end }) {
  return part ? `${position}.${part}.${start}-${end}` : String(position);
}

/** Opens what hides an element: a closed <details>, a folded block. */
export function reveal(element) {
  const folded = element?.closest("details:not([open])");
  if (folded) folded.open = true;
  const fold = element?.closest(".fold:not(.open)");
  if (fold) unfold(fold, true);
}

function unfold(block, open) {
  block.classList.toggle("open", open);
  block.querySelector("[data-unfold]")?.setAttribute("aria-expanded", String(open));
}

export function attach(document, window) {
  const transcript = () => document.querySelector("[data-transcript]");
  const messages = () => [...(transcript()?.querySelectorAll(".msg[data-position]") ?? [])];
  let current = null; // the message element being read
  let markNow = null;
  let quietUntil = 0; // while a jump scrolls, the jump decides what is current

  const show = (message) => {
    if (!message) return;
    const outline = document.querySelector("[data-outline]"); // looked through alone: the page has many more elements
    const link = outline?.querySelector(`a[href="#${message.id}"]`);
    if (current === message && message.hasAttribute("aria-current") && (!link || link.hasAttribute("aria-current"))) return;
    if (current !== message) current?.removeAttribute("aria-current");
    current = message;
    message.setAttribute("aria-current", "true");
    for (const other of outline?.querySelectorAll("a[aria-current]") ?? []) other.removeAttribute("aria-current");
    link?.setAttribute("aria-current", "true");
    const pane = link?.closest(".pane-side");
    if (pane && pane.scrollHeight > pane.clientHeight) link.scrollIntoView({ block: "nearest" });
  };
  const place = (all) => Math.max(all.indexOf(current), 0);
  const go = (message) => {
    if (!message) return;
    quietUntil = Date.now() + 500;
    markNow?.classList.remove("now");
    show(message);
    message.focus({ preventScroll: true });
    message.scrollIntoView({ block: "start", behavior: "instant" });
  };
  const move = (by) => {
    const all = messages();
    go(all[step(place(all), by, all.length)]);
  };
  const goMark = (by) => {
    const marks = firstOfEach(transcript()?.querySelectorAll("[data-m]") ?? []);
    const from = marks.indexOf(markNow);
    const mark = marks[from < 0 ? (by > 0 ? 0 : marks.length - 1) : step(from, by, marks.length)];
    if (!mark) return;
    markNow?.classList.remove("now");
    markNow = mark;
    reveal(mark);
    mark.classList.add("now");
    quietUntil = Date.now() + 500;
    show(mark.closest(".msg"));
    mark.scrollIntoView({ block: "center", behavior: "instant" });
  };
  const address = () => {
    if (!transcript()?.hasAttribute("data-windows")) return new URL(`#${current?.id ?? ""}`, window.location.href).href;
    const selection = document.getSelection();
    const range = selection?.rangeCount && !selection.isCollapsed ? selection.getRangeAt(0) : null;
    const anchor = range && transcript().contains(range.commonAncestorContainer) ? fromRange(range) : null;
    const url = new URL(window.location.pathname, window.location.href);
    url.searchParams.set("at", placeOf(anchor ?? { position: current?.dataset.position ?? 0 }));
    return url.href;
  };
  const acts = {
    next: () => move(1),
    previous: () => move(-1),
    "next-mark": () => goMark(1),
    "previous-mark": () => goMark(-1),
    heat: (button) => {
      const element = transcript();
      const on = element.dataset.heat === "off";
      if (!on) element.dataset.heatWas = element.dataset.heat;
      element.dataset.heat = on ? element.dataset.heatWas || "probe" : "off";
      button.setAttribute("aria-pressed", String(on));
    },
    link: () => copy(address()),
    markdown: (button) => {
      const raw = document.querySelector("[data-markdown]").dataset.markdown !== "raw";
      for (const element of document.querySelectorAll("[data-markdown]")) element.dataset.markdown = raw ? "raw" : "rendered";
      button.setAttribute("aria-pressed", String(!raw));
      document.cookie = `markdown=${raw ? "raw" : "rendered"}; path=/; max-age=${YEAR}; samesite=lax`;
      current?.scrollIntoView({ block: "start", behavior: "instant" });
    },
  };
  const fetched = async (url) => {
    const answer = await window.fetch(url, { headers: { "HX-Request": "true" } });
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer.text();
  };
  const copyJson = (link) => fetched(link.href).then(copy, () => say("This message could not be fetched.", { bad: true }));
  const more = async (link) => {
    const template = document.createElement("template");
    try {
      template.innerHTML = await fetched(link.dataset.partUrl);
    } catch {
      return say("The text could not be fetched.", { bad: true });
    }
    const block = template.content.firstElementChild;
    if (block.matches(".fold")) unfold(block, true);
    link.closest("[data-block]").replaceWith(block);
    document.dispatchEvent(new window.CustomEvent("windows-changed"));
  };

  document.addEventListener("click", (event) => {
    const target = event.target.closest?.("[data-reader], [data-unfold], [data-copy-json], [data-part-url]");
    if (target?.matches("[data-reader]")) return acts[target.dataset.reader]?.(target);
    if (target?.matches("[data-unfold]")) {
      const block = target.closest(".fold");
      unfold(block, !block.classList.contains("open"));
      if (!block.classList.contains("open")) block.scrollIntoView({ block: "nearest" });
    } else if (target) {
      event.preventDefault();
      if (target.matches("[data-copy-json]")) copyJson(target);
      else more(target);
    }
    const message = event.target.closest?.(".msg[data-position]");
    if (message) show(message);
  });

  let waiting = false;
  const follow = () => {
    if (waiting) return;
    waiting = true;
    window.requestAnimationFrame(() => {
      waiting = false;
      if (Date.now() < quietUntil) return;
      const all = messages();
      if (!all.length) return;
      const pane = transcript()?.closest(".pane-main");
      const scroller = pane && pane.scrollHeight > pane.clientHeight ? pane : document.scrollingElement;
      if (scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 2 && scroller.scrollTop > 0) return show(all.at(-1));
      const bar = document.querySelector(".reading-bar")?.getBoundingClientRect().height ?? 0;
      const top = (scroller === pane ? pane.getBoundingClientRect().top : 0) + bar;
      show(all[readingIndex(all, top + 60, topOf)]);
    });
  };
  document.addEventListener("scroll", follow, { capture: true, passive: true });
  document.addEventListener("windows-changed", () => {
    if (!current?.isConnected) follow();
    else show(current);
  });

  const arrive = (target) => {
    if (!target || !transcript()?.contains(target)) return;
    reveal(target);
    quietUntil = Date.now() + 500;
    show(target.closest(".msg"));
    target.scrollIntoView({ block: target.classList.contains("msg") ? "start" : "center", behavior: "instant" });
  };
  const named = () => document.getElementById(decodeURIComponent(window.location.hash.slice(1)));
  window.addEventListener("hashchange", () => arrive(named()));
  document.addEventListener("arrive", (event) => arrive(event.detail));
  show(messages()[0]);
  arrive(named());
}

if (typeof document !== "undefined") attach(document, window);
