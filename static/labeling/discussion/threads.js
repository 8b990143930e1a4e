/* Threads beside a transcript: starting one on words, going to the words of one, drawing where they stand.

   <section data-discussion>                       fetched into the page, replaced whole or thread by thread
     <button data-discuss hidden data-key="t">     about the selected words, or else the message being read; shown
                                                   where there is a transcript
     <details data-compose> <form> [name=position part start end quote] [data-compose-place] [data-compose-whole] </form>
     <article data-thread data-at data-part data-start data-end> <a data-place="3.text.10-14"> </article>
   </section>

   Words under discussion are drawn with the CSS Highlight API: ::highlight(thread), ::highlight(thread-now).
   Ctrl or ⌘ with Enter sends a comment.
*/
import { fromRange, paint, toRange } from "../../auditor/corpus/anchors.js";
import { reveal } from "../../auditor/corpus/reader.js";
import "./mentions.js";

const FIELDS = ["position", "part", "start", "end", "quote"];
const SHOWN = 90; // characters of a quote that the form repeats

/** `3` or `3.text.10-14` as an anchor; null for anything else. */
export function anchorAt(place) {
  const found = /^(\d{1,9})(?:\.(text|reasoning|part:\d{1,6})\.(\d{1,9})-(\d{1,9}))?$/.exec(place ?? "");
  if (!found) return null;
  const position = Number(found[1]);
  return found[2] ? { position, part: found[2], start: Number(found[3]), end: Number(found[4]) } : { position };
}

/** What a form says it is about. */
export function placeWords(anchor) {
  if (anchor?.position === undefined) return "About the whole transcript";
  const message = `message ${anchor.position + 1}`;
  if (!anchor.quote) return `About ${message}`;
  const words = anchor.quote.replace(/\s+/g, " ");
  return `About “${words.length > SHOWN ? `${words.slice(0, SHOWN)}…` : words}” in ${message}`;
}

/** What `t` is about: the selected words inside the transcript, else the message being read, else nothing. */
export function chosen(transcript, selection) {
  const range = selection?.rangeCount && !selection.isCollapsed ? selection.getRangeAt(0) : null;
  const words = range && transcript?.contains(range.commonAncestorContainer) ? fromRange(range) : null;
  if (words) return words;
  const message = transcript?.querySelector(".msg[aria-current]");
  return message ? { position: Number(message.dataset.position) } : null;
}

/** Write an anchor into a form, or take it out. */
export function point(form, anchor) {
  for (const name of FIELDS) form.elements[name].value = anchor?.[name] ?? "";
  form.querySelector("[data-compose-place]").textContent = placeWords(anchor);
  form.querySelector("[data-compose-whole]").hidden = anchor?.position === undefined;
}

/** The anchors of the threads on the page that stand on words. */
export function anchorsOf(document) {
  return [...document.querySelectorAll("[data-discussion] [data-thread]")].map(({ dataset }) => ({
    position: Number(dataset.at), part: dataset.part, start: Number(dataset.start), end: Number(dataset.end),
  }));
}

export function attach(document, window) {
  const transcript = () => document.querySelector("[data-transcript]");
  const styles = () => {
    const href = new URL("./discussion.css", import.meta.url).href;
    if ([...document.styleSheets].some((sheet) => sheet.href === href)) return;
    document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href }));
  };
  const draw = () => {
    for (const button of document.querySelectorAll("[data-discuss]")) button.hidden = !transcript();
    if (transcript()) paint(transcript(), "thread", anchorsOf(document));
  };
  const discuss = () => {
    const form = document.querySelector("[data-compose] form");
    if (!form) return;
    const anchor = chosen(transcript(), document.getSelection());
    point(form, anchor);
    paint(transcript(), "thread-now", anchor?.part ? [anchor] : []);
    reveal(form);
    form.closest("[data-compose]").open = true;
    form.elements.text.focus();
    form.scrollIntoView({ block: "nearest" });
  };
  /** Show the words of a thread; false where they are not on this page. */
  const go = (place) => {
    const anchor = anchorAt(place);
    const root = transcript();
    if (!anchor || !root) return false;
    if (root.hasAttribute("data-windows")) {
      document.dispatchEvent(new window.CustomEvent("jump", { detail: { position: anchor.position, at: anchor.part ? place : "" } }));
      return true;
    }
    const message = root.querySelector(`.msg[data-position="${anchor.position}"]`);
    if (!message) return false;
    document.dispatchEvent(new window.CustomEvent("arrive", { detail: message }));
    const range = anchor.part && toRange(root, anchor);
    if (range) {
      reveal(range.startContainer.parentElement);
      range.startContainer.parentElement.scrollIntoView({ block: "center", behavior: "instant" });
    }
    paint(root, "thread-now", range ? [anchor] : []);
    return true;
  };

  document.addEventListener("mousedown", (event) => {
    if (event.target.closest?.("[data-discuss]")) event.preventDefault(); // the selection stays
  });
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest?.("[data-discuss]")) return discuss();
    const whole = event.target.closest?.("[data-compose-whole]");
    if (whole) {
      point(whole.form, null);
      paint(transcript(), "thread-now", []);
      whole.form.elements.text.focus();
    }
    const link = event.target.closest?.("[data-discussion] [data-place]");
    if (link && go(link.dataset.place)) event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    const field = event.target;
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing || !field.matches?.("[data-mentions]")) return;
    event.preventDefault(); // no other Ctrl ⏎ of the page is meant
    if (!event.repeat) field.form.requestSubmit();
  }, { capture: true });
  document.addEventListener("toggle", (event) => {
    if (event.target.open && event.target.matches?.(".reply, .said-more")) event.target.querySelector("textarea")?.focus();
  }, { capture: true });
  document.addEventListener("windows-changed", draw);
  document.addEventListener("htmx:afterSettle", draw);

  styles();
  draw();
}

if (typeof document !== "undefined") attach(document, window);
