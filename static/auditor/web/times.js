/* Moments as people say them, kept current; the full time stays in the tooltip and the datetime attribute.

   <time datetime="2026-11-20T14:03:00+00:00" data-relative>20 Nov, 14:03</time>   ->   3 min ago
*/
const STEPS = [[60, 1, "second"], [3600, 60, "minute"], [86400, 3600, "hour"], [30 * 86400, 86400, "day"]];

/** `seconds` from now in words (negative: past), or null where a date says it better. */
export function inWords(seconds, language = "en") {
  const size = Math.abs(seconds);
  if (!Number.isFinite(seconds)) return null;
  if (size < 10) return "just now";
  const step = STEPS.find(([below]) => size < below);
  if (!step) return null;
  return new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" }).format(Math.trunc(seconds / step[1]), step[2]);
}

export function refresh(root, now) {
  for (const element of root.querySelectorAll("time[data-relative]")) {
    element.title ||= element.textContent;
    element.textContent = inWords((Date.parse(element.dateTime) - now) / 1000) ?? element.title;
  }
}

if (typeof document !== "undefined") {
  refresh(document, Date.now());
  setInterval(() => refresh(document, Date.now()), 30_000);
  document.addEventListener("htmx:afterSettle", () => refresh(document, Date.now()));
}
