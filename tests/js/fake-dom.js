/* Just enough of a document for the tests: elements, text, attributes, closest, events. */
export class Text {
  constructor(text) { this.nodeType = 3; this.textContent = text; this.childNodes = []; this.parentNode = null; }
}

export class Element {
  constructor(tag, attributes = {}, ...children) {
    Object.assign(this, { nodeType: 1, tagName: tag.toUpperCase(), attributes, childNodes: [], parentNode: null, disabled: false, listeners: {} });
    this.dataset = {};
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("data-")) this.dataset[name.slice(5).replace(/-(\w)/g, (_, letter) => letter.toUpperCase())] = value;
    }
    this.type = attributes.type;
    for (const child of children) this.append(child);
  }
  append(...children) {
    for (const child of children) {
      const node = typeof child === "string" ? new Text(child) : child;
      node.parentNode = this;
      this.childNodes.push(node);
    }
  }
  remove() { this.parentNode.childNodes = this.parentNode.childNodes.filter((node) => node !== this); }
  cloneNode() { return new Element(this.tagName, this.attributes, ...this.childNodes.map((node) => (node.nodeType === 3 ? node.textContent : node.cloneNode()))); }
  get parentElement() { return this.parentNode; }
  get className() { return this.attributes.class || ""; }
  get textContent() { return this.childNodes.map((node) => node.textContent).join(""); }
  getAttribute(name) { return this.attributes[name] ?? null; }
  setAttribute(name, value) { this.attributes[name] = value; }
  removeAttribute(name) { delete this.attributes[name]; }
  hasAttribute(name) { return name in this.attributes; }
  contains(node) { for (let at = node; at; at = at.parentNode) if (at === this) return true; return false; }
  checkVisibility() { return !this.hasAttribute("hidden"); }
  matches(selector) {
    return selector.split(",").some((one) => {
      const [, tag, rest] = one.trim().match(/^(\w*)(.*)$/);
      if (tag && tag.toUpperCase() !== this.tagName) return false;
      return [...rest.matchAll(/\.([\w-]+)|\[([\w-]+)(?:([~^]?)="([^"]*)")?\]|:not\(\[([\w-]+)\]\)/g)].every(([, name, attribute, , value, absent]) => {
        if (name) return this.className.split(" ").includes(name);
        if (absent) return !this.hasAttribute(absent);
        return value === undefined ? this.hasAttribute(attribute) : this.getAttribute(attribute) === value;
      });
    });
  }
  closest(selector) { for (let at = this; at; at = at.parentNode) if (at.matches(selector)) return at; return null; }
  querySelectorAll(selector) {
    return this.childNodes.flatMap((node) => (node.nodeType === 3 ? [] : [...(node.matches(selector) ? [node] : []), ...node.querySelectorAll(selector)]));
  }
  querySelector(selector) { return this.querySelectorAll(selector)[0] ?? null; }
  addEventListener(name, listener) { (this.listeners[name] ||= []).push(listener); }
  dispatch(name, event) { (this.listeners[name] || []).forEach((listener) => listener(event)); return event; }
}

export const el = (tag, attributes, ...children) => new Element(tag, attributes, ...children);
