/* From item to item without waiting: the next one is fetched while this one is being worked on, and put in its place.

   const passage = new Passage({ document, window, ahead, csrf, kept })
   passage.lookAhead()            asks the server to hold the next item, and keeps the page that it answers with
   passage.item                   the item whose page is kept, so that a commit brings the one after it instead
   await passage.go(url, page)    shows the page at `url`: the one given, else from memory, else from the server; false
                                  if it must be loaded whole
   passage.after(url, ahead)      what the passage of the page at `url` begins with: what came with the commit, else
                                  what is kept already

   Only <main>, the chip with the progress and the title change; scripts and styles stay, and the header Desk-Part asks
   for no more. What is fetched ahead has no count of finished items, since it would be one behind; the count there is
   moved on by one. Its way back to the item committed last leads to the one that is worked on now.
*/
import { shouldOpen } from "../../auditor/web/panes.js";
import { refresh } from "../../auditor/web/times.js";

const FRESH = 10 * 60_000; // ms after which a page fetched ahead is fetched again

export class Passage {
  constructor({ document, window, ahead, csrf, kept = null, now = () => Date.now() }) {
    Object.assign(this, { document, window, ahead, csrf, kept, now });
    this.looking = null;
  }

  get isFresh() {
    return Boolean(this.kept) && this.now() - this.kept.at < FRESH;
  }

  get item() {
    return this.isFresh ? this.kept.item : 0;
  }

  after(url, ahead) {
    if (ahead) return { item: ahead.item, url: ahead.url, html: ahead.page, at: this.now() };
    return this.isFresh && this.kept.url !== url ? this.kept : null;
  }

  /** Hold and fetch the next item once; nothing is said if it does not work, since the commit will do it. */
  lookAhead() {
    if (!this.ahead || this.looking || this.isFresh) return this.looking;
    this.looking = this.fetchAhead().catch(() => null);
    return this.looking;
  }

  async fetchAhead() {
    const answer = await this.window.fetch(this.ahead, { method: "POST", headers: { "X-CSRFToken": this.csrf, "HX-Request": "true" } });
    if (answer.status !== 200) return;
    const { item, url, page } = await answer.json();
    this.kept = { item, url, html: page, at: this.now() };
  }

  /** Put the page at `url` in place of this one; false where only loading it whole will do. */
  async go(url, page = null) {
    const kept = !page && this.isFresh && this.kept.url === url ? this.kept.html : null;
    const html = page ?? kept ?? (await this.fetched(url));
    const fresh = html && new this.window.DOMParser().parseFromString(html, "text/html");
    if (!fresh?.querySelector("[data-desk]")) return false;
    const { document } = this;
    document.title = fresh.title;
    const [chip, newer] = [document, fresh].map((page) => page.querySelector("[data-progress]"));
    if (chip && newer) chip.replaceWith(document.adoptNode(newer));
    if (kept) moveOn(document.querySelector("[data-progress] [data-done]"));
    document.getElementById("main").replaceChildren(...[...fresh.getElementById("main").childNodes].map((node) => document.adoptNode(node)));
    const narrow = this.window.matchMedia("(max-width: 899.9px)").matches;
    for (const pane of document.querySelectorAll("details[data-pane]")) pane.open = shouldOpen(narrow, pane.dataset.pane);
    refresh(document, this.now());
    this.window.htmx?.process(document.getElementById("main"));
    this.window.history.pushState(null, "", url);
    this.window.scrollTo(0, 0);
    return true;
  }

  async fetched(url) {
    const page = await this.window.fetch(url, { headers: { "Desk-Part": "here" } }).catch(() => null);
    return page?.ok && !page.redirected ? page.text() : null;
  }
}

function moveOn(count) {
  const done = Number(count?.textContent);
  if (count && Number.isInteger(done)) count.textContent = String(done + 1);
}
