/* The form of the desk as plain data, and what keys and clicks make of it; no page is needed.

   form = { units: [{ answers, spans, label, grade, lowered_reason, place }], confidence, rationale, flag,
            relied_on: [{ reading, place? }] }
*/
/** The answers with one of them changed: a value set, or switched on or off in a multiple choice. */
export function answered(answers, key, value, several = false) {
  const next = { ...answers };
  if (!several) next[key] = value;
  else {
    const had = Array.isArray(next[key]) ? next[key] : [];
    next[key] = had.includes(value) ? had.filter((one) => one !== value) : [...had, value];
  }
  if (next[key] === "" || (several && !next[key].length)) delete next[key];
  return next;
}

/** The value after `now` in a ring. */
export function after(values, now) {
  return values[(values.indexOf(now) + 1) % values.length];
}

/** A unit about which nothing was said yet. */
export function emptyUnit() {
  return { answers: {}, spans: [], label: "", grade: "", lowered_reason: "", place: null };
}

/** Whether anything was said about the unit. */
export function isEmpty(unit) {
  return !Object.keys(unit.answers).length && !unit.spans.length && !unit.place;
}

/** The units without the one at `index`; the last one is emptied instead. Gives [units, index of the one at hand]. */
export function without(units, index) {
  if (units.length < 2) return [[emptyUnit()], 0];
  return [units.filter((_, at) => at !== index), Math.min(index, units.length - 2)];
}

/** All marks of the form, each with the index of its unit. */
export function spansOf(form) {
  return form.units.flatMap((unit, index) => unit.spans.map((span) => ({ ...span, unit: index })));
}

const same = (a, b) => a.reading === b.reading && JSON.stringify(a.place ?? null) === JSON.stringify(b.place ?? null);

/** Whether the form points at this piece of evidence. */
export function relies(form, piece) {
  return form.relied_on.some((one) => same(one, piece));
}

/** The evidence pointed at, with this piece switched on or off. */
export function pointed(reliedOn, piece) {
  const left = reliedOn.filter((one) => !same(one, piece));
  return left.length < reliedOn.length ? left : [...reliedOn, piece];
}

/** What a unit may stand for in a message, in turn: all of it, each tool call in it, and nothing said. */
export function nextPlace(now, position, parts) {
  const ring = [null, { position, part: "" }, ...parts.map((part) => ({ position, part }))];
  const at = ring.findIndex((place) => place && now && now.position === place.position && now.part === place.part && now.start == null);
  const next = ring[(Math.max(at, 0) + 1) % ring.length];
  return next && { ...next, start: null, end: null, quote: "" };
}
