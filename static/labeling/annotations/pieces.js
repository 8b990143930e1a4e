/* The pieces of evidence one can point at: a whole card, one of its quotes, a peak.

   <article data-card> <button data-rely="7" data-place='{"position": 1, …}'> <span data-words data-on="…" data-off="…"> </button> </article>
*/
import { step } from "../../auditor/corpus/reader.js";
import { relies } from "./form.js";

export class Pieces {
  constructor({ desk, form, goTo }) {
    Object.assign(this, { desk, form, goTo }); // goTo(place) shows the words of a piece
  }

  get buttons() {
    return [...this.desk.querySelectorAll("[data-rely]")];
  }

  /** What a button points at. */
  of(button) {
    const { rely, place } = button.dataset;
    return { reading: Number(rely), ...(place ? { place: JSON.parse(place) } : {}) };
  }

  /** Say on every piece whether it is relied on. */
  show() {
    for (const button of this.buttons) {
      const on = relies(this.form, this.of(button));
      button.setAttribute("aria-pressed", String(on));
      const said = button.querySelector("[data-words]");
      if (said) said.textContent = on ? said.dataset.on : said.dataset.off;
    }
  }

  get now() {
    return this.desk.querySelector("[data-rely].now");
  }

  /** The next piece, round and round; null where there are none. */
  next() {
    const all = this.buttons.filter((button) => button.dataset.heatPoint === undefined); // a token is chosen by its own keys
    if (!all.length) return null;
    const at = all.indexOf(this.now);
    const piece = all[at < 0 || step(at, 1, all.length) === at ? 0 : at + 1];
    all.forEach((one) => one.classList.toggle("now", one === piece));
    for (const card of this.desk.querySelectorAll("[data-card]")) card.classList.toggle("now", card.contains(piece));
    piece.scrollIntoView({ block: "nearest" });
    if (piece.dataset.place) this.goTo(JSON.parse(piece.dataset.place));
    return piece;
  }
}
