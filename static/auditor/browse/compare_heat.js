/* One channel on the words of transcripts that stand side by side.

   <div data-compare data-heat-lo="0" data-heat-hi="1">
     <div class="side" data-column="0"> .msg[data-position] .part[data-part] </div>
     <script id="tokens-0" type="application/json">     the values of column 0 (see tokens.js)
*/
import { Paint } from "./paint.js";
import { unpack } from "./tokens.js";

export function attach(document) {
  const root = document.querySelector("[data-compare][data-heat-lo]");
  if (!root) return;
  const scale = { lo: Number(root.dataset.heatLo), hi: Number(root.dataset.heatHi) };
  for (const script of root.querySelectorAll('script[id^="tokens-"]')) {
    const stretches = unpack(JSON.parse(script.textContent));
    const lines = new Map(stretches.map((stretch) => [`${stretch.position}/${stretch.part}`, stretch]));
    const paint = new Paint(document, { linesOf: (slot) => (slot === "heat" ? lines : new Map()), optionsOf: () => ({ scale }) });
    paint.follow(root, root.querySelectorAll(`.side-row .side[data-column="${script.id.slice("tokens-".length)}"] .part[data-part]`));
  }
}

if (typeof document !== "undefined" && globalThis.CSS?.highlights) attach(document);
