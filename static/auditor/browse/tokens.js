/* Values on words as the server packs them (auditor/evidence/stretches.py): unpacked, cut into runs, searched.

   { parts: [[position, part, tokens], …], spans: base64 LEB128, lo, hi, values: base64 u16, counted: base64 bits }
   stretch = { position, part, starts, ends, values, counted }      starts and ends count code points, arrays of one length
*/
export const LEVELS = 32;
const STEPS = 65535;

function bytes(text) {
  const raw = atob(text);
  const found = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) found[i] = raw.charCodeAt(i);
  return found;
}

/** The stretches in a packet, in order. */
export function unpack(packet) {
  const spans = bytes(packet.spans);
  const steps = bytes(packet.values);
  const bits = packet.counted ? bytes(packet.counted) : null;
  const width = (packet.hi - packet.lo) / STEPS;
  let [at, token] = [0, 0];
  const number = () => {
    let [value, shift, byte] = [0, 1, 0];
    do {
      byte = spans[at++];
      value += (byte & 0x7f) * shift;
      shift *= 128;
    } while (byte & 0x80);
    return value;
  };
  return packet.parts.map(([position, part, n]) => {
    const stretch = { position, part, starts: new Uint32Array(n), ends: new Uint32Array(n), values: new Float64Array(n), counted: new Uint8Array(n).fill(1) };
    let start = 0;
    for (let i = 0; i < n; i++, token++) {
      start += number();
      stretch.starts[i] = start;
      stretch.ends[i] = start + number();
      stretch.values[i] = packet.lo + (steps[2 * token] | (steps[2 * token + 1] << 8)) * width;
      if (bits) stretch.counted[i] = (bits[token >> 3] >> (7 - (token & 7))) & 1;
    }
    return stretch;
  });
}

/** The step, 0 to 31, of a value on a scale; beyond the ends it stands at the ends. */
export function levelOf(value, { lo, hi }) {
  if (hi <= lo) return value > lo ? LEVELS - 1 : 0;
  return Math.min(Math.max(Math.round(((value - lo) / (hi - lo)) * (LEVELS - 1)), 0), LEVELS - 1);
}

/** Runs of neighbouring tokens of one level: [start, end, level]; level -1 is below the floor, level 0 is not drawn. */
export function runs(stretch, scale, { floor = null, all = false } = {}) {
  const found = [];
  let last = null;
  for (let i = 0; i < stretch.starts.length; i++) {
    if (!all && !stretch.counted[i]) continue;
    const level = levelOf(stretch.values[i], scale);
    if (!level) continue;
    const drawn = floor !== null && stretch.values[i] < floor ? -1 : level;
    if (last && last[2] === drawn && last[1] >= stretch.starts[i]) last[1] = Math.max(last[1], stretch.ends[i]);
    else found.push((last = [stretch.starts[i], stretch.ends[i], drawn]));
  }
  return found;
}

/** The index of the token on a code point; -1 between tokens. */
export function tokenAt({ starts, ends }, point) {
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle] <= point) low = middle + 1;
    else high = middle;
  }
  return low > 0 && point < ends[low - 1] ? low - 1 : -1;
}

/** The next index, by 1 or -1, whose token is shown; -1 where there is none. */
export function nextToken(stretch, index, by, all) {
  for (let i = index + by; i >= 0 && i < stretch.starts.length; i += by) if (all || stretch.counted[i]) return i;
  return -1;
}

/** Whether place `a` comes before place `b`; parts of one message in the order that `parts` lists, which the page has. */
export function isBefore(a, b, parts = ["reasoning", "text"]) {
  if (a.position !== b.position) return a.position < b.position;
  const order = (part) => (parts.includes(part) ? parts.indexOf(part) : parts.length + Number(part.split(":")[1] ?? 0));
  return a.part === b.part ? a.start < b.start : order(a.part) < order(b.part);
}

/** The peaks in reading order, as {position, part, start, end, value, along}, those below the floor left out. */
export function peaksOf(map, floor = null) {
  const found = map.map(([position, part, start, end, value, along]) => ({ position, part, start, end, value, along }));
  return found.filter((peak) => floor === null || peak.value >= floor).sort((a, b) => (isBefore(a, b) ? -1 : isBefore(b, a) ? 1 : 0));
}

/** The peak after (by 1) or before (by -1) a place, or the first or last where there is no place; null at the ends. */
export function nextPeak(peaks, place, by) {
  if (!place) return (by > 0 ? peaks[0] : peaks.at(-1)) ?? null;
  const beyond = peaks.filter((peak) => (by > 0 ? isBefore(place, peak) : isBefore(peak, place)));
  return (by > 0 ? beyond[0] : beyond.at(-1)) ?? null;
}

/** The name that a query finds: every word of it, in any case. */
export function isNamed(name, query) {
  const lower = name.toLowerCase();
  return query.toLowerCase().split(/\s+/).every((word) => lower.includes(word));
}

/** A value as a person reads it, three digits at most after the point. */
export function written(value) {
  const size = Math.abs(value);
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : size >= 0.1 || size === 0 ? value.toFixed(2) : value.toPrecision(2);
}
