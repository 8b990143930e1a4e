/* Reading a transcript with the keys, and the outline that follows.

   {% include "components/transcript.html" %}   .transcript[data-transcript] > .msg[data-position]
   {% include "components/outline.html" %}      [data-outline] a[href="#m3"], and buttons:
   <button data-reader="next|previous|next-mark|previous-mark|heat|link" data-key="j">
*/
import { copy } from "../web/copy.js";

/** The index one step on from `index` in `count` things, staying inside; -1 when there are none. */
export function step(index, by, count) {
  return count ? Math.min(Math.max(index + by, 0), count - 1) : -1;
}

/** The message being read: the last whose top is above the line, else the first. `tops` ascend. */
export function readingIndex(tops, line) {
  let low = 0;
  let high = tops.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tops[middle] <= line) low = middle + 1;
    else high = middle;
  }
  return Math.max(low - 1, 0);
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

export function attach(document, window) {
  const transcript = () => document.querySelector("[data-transcript]");
  const messages = () => [...(transcript()?.querySelectorAll(".msg[data-position]") ?? [])];
  let current = 0;
  let markNow = null;
  let quietUntil = 0; // while a jump scrolls, the jump decides what is current

  const show = (index) => {
    const all = messages();
    if (!all.length) return;
    current = step(index, 0, all.length);
    all.forEach((message, i) => (i === current ? message.setAttribute("aria-current", "true") : message.removeAttribute("aria-current")));
    for (const link of document.querySelectorAll("[data-outline] a")) {
      if (link.getAttribute("href") !== `#${all[current].id}`) link.removeAttribute("aria-current");
      else {
        link.setAttribute("aria-current", "true");
        const pane = link.closest(".pane-side");
        if (pane && pane.scrollHeight > pane.clientHeight) link.scrollIntoView({ block: "nearest" });
      }
    }
  };
  const go = (index) => {
    const message = messages()[index];
    if (!message) return;
    quietUntil = Date.now() + 500;
    markNow?.classList.remove("now");
    show(index);
    message.focus({ preventScroll: true });
    message.scrollIntoView({ block: "start", behavior: "auto" });
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
    show(messages().indexOf(mark.closest(".msg")));
    mark.scrollIntoView({ block: "center", behavior: "auto" });
  };
  const reveal = (element) => {
    const folded = element?.closest("details:not([open])");
    if (folded) folded.open = true;
  };
  const acts = {
    next: () => go(step(current, 1, messages().length)),
    previous: () => go(step(current, -1, messages().length)),
    "next-mark": () => goMark(1),
    "previous-mark": () => goMark(-1),
    heat: (button) => {
      const element = transcript();
      const on = element.dataset.heat === "off";
      if (!on) element.dataset.heatWas = element.dataset.heat;
      element.dataset.heat = on ? element.dataset.heatWas || "probe" : "off";
      button.setAttribute("aria-pressed", String(on));
    },
    link: () => copy(new URL(`#${messages()[current]?.id ?? ""}`, window.location.href).href),
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-reader]");
    if (button) return acts[button.dataset.reader]?.(button);
    const message = event.target.closest?.(".msg[data-position]");
    if (message) show(messages().indexOf(message));
  });

  let waiting = false;
  const follow = () => {
    if (waiting) return;
    waiting = true;
    window.requestAnimationFrame(() => {
      waiting = false;
      if (Date.now() < quietUntil) return;
      const all = messages();
      const pane = transcript()?.closest(".pane-main");
      const scroller = pane && pane.scrollHeight > pane.clientHeight ? pane : document.scrollingElement;
      if (scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 2 && scroller.scrollTop > 0) return show(all.length - 1);
      const top = scroller === pane ? pane.getBoundingClientRect().top : 0;
      show(readingIndex(all.map((message) => message.getBoundingClientRect().top), top + 60));
    });
  };
  document.addEventListener("scroll", follow, { capture: true, passive: true });

  const arrive = () => {
    const target = document.getElementById(decodeURIComponent(window.location.hash.slice(1)));
    if (!target || !transcript()?.contains(target)) return;
    reveal(target);
    quietUntil = Date.now() + 500;
    show(messages().indexOf(target.closest(".msg")));
    target.scrollIntoView({ block: target.classList.contains("msg") ? "start" : "center", behavior: "auto" });
  };
  window.addEventListener("hashchange", arrive);
  show(0);
  arrive();
}

if (typeof document !== "undefined") attach(document, window);
