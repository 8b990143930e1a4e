/* Completing names after @ in a comment.

   <section data-discussion data-people="Ana&#10;Bo Lee"> … <textarea data-mentions></textarea>

   A list opens below the field while a name is being typed: arrows choose, Enter or Tab takes, Escape closes.
*/
const MOST = 8;

/** The name being typed before the caret: {from, typed}, `from` at the @; null when there is none. */
export function typedName(text, caret) {
  const found = text.slice(0, caret).match(/(?:^|[^\p{L}\p{N}_@.])@([^\n@]{0,60})$/u);
  return found ? { from: caret - found[1].length - 1, typed: found[1] } : null;
}

/** The people whose name, or a word of it, begins as typed; none once more than their name stands there. */
export function fitting(people, typed) {
  const begin = typed.toLocaleLowerCase();
  const fits = (name) => name.startsWith(begin) || (begin && name.split(/\s+/).some((word) => word.startsWith(begin)));
  return people.filter((name) => fits(name.toLocaleLowerCase())).slice(0, MOST);
}

/** The text with the name in place of what was typed, and where the caret goes. */
export function completed(text, caret, from, name) {
  const rest = text.slice(caret);
  const put = `@${name}${/^\s/.test(rest) ? "" : " "}`;
  return { text: text.slice(0, from) + put + rest, caret: from + put.length + (/^\s/.test(rest) ? 1 : 0) };
}

export class Names {
  constructor(field, people) {
    this.field = field;
    this.people = people;
    this.list = null;
    this.at = 0;
  }

  get isOpen() {
    return this.list !== null;
  }

  /** Open, change or close the list, as the text now asks. */
  follow() {
    const name = this.field.selectionStart === this.field.selectionEnd ? typedName(this.field.value, this.field.selectionStart) : null;
    this.found = name ? fitting(this.people, name.typed) : [];
    if (!this.found.length) return this.close();
    this.from = name.from;
    this.at = 0;
    this.draw();
  }

  draw() {
    const document = this.field.ownerDocument;
    if (!this.list) {
      this.list = document.createElement("ul");
      this.list.className = "names";
      this.list.id = `${this.field.id}-names`;
      this.list.setAttribute("role", "listbox");
      this.list.setAttribute("aria-label", "People to name");
      this.field.after(this.list);
      this.field.setAttribute("aria-autocomplete", "list");
      this.field.setAttribute("aria-controls", this.list.id);
    }
    this.list.replaceChildren(
      ...this.found.map((name, index) => {
        const option = document.createElement("li");
        option.id = `${this.list.id}-${index}`;
        option.textContent = name;
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", String(index === this.at));
        return option;
      }),
    );
    this.field.setAttribute("aria-activedescendant", `${this.list.id}-${this.at}`);
  }

  close() {
    this.list?.remove();
    this.list = null;
    this.field.removeAttribute("aria-controls");
    this.field.removeAttribute("aria-activedescendant");
  }

  take(index = this.at) {
    const { text, caret } = completed(this.field.value, this.field.selectionStart, this.from, this.found[index]);
    this.field.value = text;
    this.field.setSelectionRange(caret, caret);
    this.close();
  }

  /** Act on a key; true when it was for the list. */
  key(key) {
    if (!this.isOpen) return false;
    const by = { ArrowDown: 1, ArrowUp: -1 }[key];
    if (by) {
      this.at = (this.at + by + this.found.length) % this.found.length;
      this.draw();
    } else if (key === "Enter" || key === "Tab") this.take();
    else if (key === "Escape") this.close();
    else return false;
    return true;
  }
}

export function attach(document) {
  const lists = new WeakMap();
  const namesOf = (field) => {
    if (!field?.matches?.("[data-mentions]")) return null;
    const people = field.closest("[data-people]")?.dataset.people.split("\n").filter(Boolean) ?? [];
    if (!lists.has(field)) lists.set(field, new Names(field, people));
    return lists.get(field);
  };
  document.addEventListener("input", (event) => namesOf(event.target)?.follow());
  document.addEventListener("focusout", (event) => namesOf(event.target)?.close());
  document.addEventListener("mousedown", (event) => {
    const option = event.target.closest?.(".names [role=option]");
    if (!option) return;
    event.preventDefault(); // the field keeps the focus
    namesOf(option.parentElement.previousElementSibling)?.take([...option.parentElement.children].indexOf(option));
  });
  // before anything else on the page hears the key
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || !namesOf(event.target)?.key(event.key)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, { capture: true });
}

if (typeof document !== "undefined") attach(document);
