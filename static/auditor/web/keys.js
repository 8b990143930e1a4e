/* Keys press what is on the page: nothing else listens to the keyboard, so the help is always true.

   <button data-key="x">Skip <kbd>x</kbd></button>       pressing x clicks it
   <input type="search" data-key="/" aria-label="Search">  text fields get the focus instead
   <button data-key="Mod+Enter">…                          Ctrl or ⌘; works while typing too
   data-key-help="…" data-key-group="…"                    how the ? dialog names and groups it
   <dialog id="keys"> [data-keys-list] [data-keys-switch]  the dialog, in base.html

   Plain keys never act while somebody types or holds a modifier. Escape leaves a text field.
   Inside an open dialog only the dialog's own keys act. Single keys can be switched off (WCAG 2.1.4).
*/
const SWITCH = "keys-off";
const QUIET_INPUTS = new Set(["button", "checkbox", "radio", "range", "submit", "reset", "color", "file", "image"]);

/** Whether the element takes text from the keyboard. */
export function isTyping(element) {
  if (!element) return false;
  if (element.isContentEditable) return true;
  const tag = element.tagName;
  if (tag === "INPUT") return !QUIET_INPUTS.has((element.type || "text").toLowerCase());
  return tag === "TEXTAREA" || tag === "SELECT";
}

/** The name under which an event's key is looked up, or null when no shortcut may fire. */
export function keyOf(event, typing) {
  if (event.isComposing || event.defaultPrevented) return null;
  if (event.altKey) return null;
  if (event.ctrlKey || event.metaKey) return `Mod+${event.key}`;
  if (typing) return null;
  return event.key === " " ? "Space" : event.key;
}

/** Whether the browser itself will act on this key at the focused element. */
export function actsItself(element, key) {
  if (key !== "Enter" && key !== "Space") return false;
  return ["A", "BUTTON", "SUMMARY"].includes(element?.tagName) || (key === "Space" && element?.tagName === "INPUT");
}

/** How the help names an element. */
export function helpFor(element) {
  const own = element.dataset.keyHelp || element.getAttribute("aria-label");
  if (own) return own;
  const host = (element.tagName === "INPUT" && element.closest("label")) || element;
  const copy = host.cloneNode(true);
  for (const kbd of copy.querySelectorAll("kbd")) kbd.remove();
  return copy.textContent.trim().replace(/\s+/g, " ");
}

/** The help's groups in page order: [[group, [[key, words], …]], …]; a key is listed once. */
export function groupsOf(elements) {
  const groups = new Map();
  const seen = new Set();
  for (const element of elements) {
    const key = element.dataset.key;
    if (seen.has(key)) continue;
    seen.add(key);
    const group = element.dataset.keyGroup || "On this page";
    groups.set(group, [...(groups.get(group) || []), [key, helpFor(element)]]);
  }
  return [...groups];
}

const NAMES = { Enter: "⏎", ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", "Mod+Enter": "Ctrl ⏎" };

function usable(element) {
  if (element.disabled || element.getAttribute("aria-disabled") === "true") return false;
  const menu = element.closest("details:not([open])");
  if (menu && element.closest("summary")?.parentElement !== menu) return true; // folded away, still offered
  return element.checkVisibility ? element.checkVisibility() : element.getClientRects().length > 0;
}

export function attach(document, storage) {
  const scope = () => document.querySelector("dialog[open]") || document;
  const targets = () => [...scope().querySelectorAll("[data-key]")].filter(usable);
  const off = () => storage?.getItem(SWITCH) === "1";

  document.addEventListener("keydown", (event) => {
    const focused = document.activeElement;
    const typing = isTyping(focused);
    if (event.key === "Escape" && typing && !event.isComposing && !document.querySelector("dialog[open]")) return focused.blur();
    const key = keyOf(event, typing);
    if (!key || (off() && !key.startsWith("Mod+") && key !== "?") || actsItself(focused, key)) return;
    const target = targets().find((element) => element.dataset.key === key);
    if (!target || (event.repeat && !target.hasAttribute("data-reader"))) return;
    event.preventDefault();
    if (isTyping(target)) {
      target.focus();
      target.select?.();
    } else target.click();
  });

  document.addEventListener("click", (event) => {
    if (!event.target.closest?.('[data-opens="keys"]')) return;
    const list = document.querySelector("[data-keys-list]");
    if (!list) return;
    list.replaceChildren();
    const all = [...document.querySelectorAll("[data-key]")].filter((element) => !element.closest("dialog") && usable(element));
    for (const [group, rows] of groupsOf(all)) {
      const heading = Object.assign(document.createElement("h3"), { className: "label", textContent: group });
      const terms = document.createElement("dl");
      for (const [key, words] of rows) {
        const term = document.createElement("dt");
        term.append(Object.assign(document.createElement("kbd"), { textContent: NAMES[key] || key }));
        terms.append(term, Object.assign(document.createElement("dd"), { textContent: words }));
      }
      list.append(heading, terms);
    }
    const box = document.querySelector("[data-keys-switch]");
    if (box) box.checked = !off();
  }, true);

  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-keys-switch]")) storage?.setItem(SWITCH, event.target.checked ? "0" : "1");
  });
}

if (typeof document !== "undefined") attach(document, globalThis.localStorage);
