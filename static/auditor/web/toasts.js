/* A word in passing, also heard by screen readers: <div id="toasts" role="status" aria-live="polite"> in base.html. */
export function say(words, { bad = false, forMs = bad ? 8000 : 2400 } = {}) {
  const place = document.getElementById("toasts");
  if (!place) return;
  const toast = document.createElement("p");
  toast.className = bad ? "toast bad" : "toast";
  toast.textContent = words;
  (document.querySelector("dialog[open]") || place).append(toast);
  setTimeout(() => toast.remove(), forMs);
}
