/* Transcripts side by side: rows by the keys, Markdown raw or rendered, long output unfolded.

   <div data-compare data-markdown="rendered">  <button data-compare-markdown data-key="m">  <button data-compare-step="1" data-key="j">
   <div data-row> … </div>     rows that j and k walk; all columns are one page, so they scroll as one
   <details data-prefix>       fetches nothing itself: its link does, and htmx is not needed
*/
import { readingIndex, step, topOf } from "../corpus/reader.js";

const YEAR = 31_536_000;

export function attach(document, window) {
  const root = document.querySelector("[data-compare]");
  if (!root) return;
  const rows = () => [...root.querySelectorAll("[data-row]")];
  let now = -1;
  const go = (by) => {
    const all = rows();
    if (!all.length) return;
    const seen = readingIndex(all, 120, topOf);
    now = step(now < 0 ? (by > 0 ? -1 : 0) : Math.abs(seen - now) > 1 ? seen : now, by, all.length);
    all.forEach((row, i) => (i === now ? row.setAttribute("aria-current", "true") : row.removeAttribute("aria-current")));
    all[now].focus({ preventScroll: true });
    all[now].scrollIntoView({ block: "start", behavior: "instant" });
  };
  document.addEventListener("click", (event) => {
    const target = event.target.closest?.("[data-compare-step], [data-compare-markdown]");
    if (!target) return;
    if (target.hasAttribute("data-compare-step")) return go(Number(target.dataset.compareStep));
    const raw = root.dataset.markdown !== "raw";
    root.dataset.markdown = raw ? "raw" : "rendered";
    document.cookie = `markdown=${raw ? "raw" : "rendered"}; path=/; max-age=${YEAR}; samesite=lax`;
  });
}

if (typeof document !== "undefined") attach(document, window);
