/* Code points of a .part as DOM points, many at a time: its text nodes are walked once.

   const places = new Places(part);
   places.range(120, 140)      a StaticRange over these code points of the stored text, null where they are not shown
   places.pointOf(node, 3)     the code point of a DOM point in it
*/
export class Places {
  constructor(part) {
    this.part = part;
    this.from = Number(part.dataset.from || 0); // code points of the text before what is shown
    this.nodes = [];
    this.begins = []; // UTF-16 units before each node
    const walker = part.ownerDocument.createTreeWalker(part, 4);
    let units = 0;
    const pieces = [];
    while (walker.nextNode()) {
      const { data } = walker.currentNode;
      if (!data) continue;
      this.nodes.push(walker.currentNode);
      this.begins.push(units);
      units += data.length;
      pieces.push(data);
    }
    this.units = units;
    this.text = pieces.join("");
    this.byPoint = /[\ud800-\udbff]/.test(this.text) ? pointsOf(this.text) : null; // null: one unit is one code point
    this.points = this.byPoint ? this.byPoint.length - 1 : units;
  }

  /** UTF-16 units before a code point of what is shown. */
  unitsOf(point) {
    const at = Math.min(Math.max(point, 0), this.points);
    return this.byPoint ? this.byPoint[at] : at;
  }

  range(start, end) {
    const [first, last] = [start - this.from, end - this.from];
    if (last <= 0 || first >= this.points || !this.nodes.length) return null;
    const [from, to] = [this.unitsOf(first), this.unitsOf(last)];
    const [a, b] = [this.nodeOf(from), this.nodeOf(to - 1)];
    return new StaticRange({
      startContainer: this.nodes[a], startOffset: from - this.begins[a], endContainer: this.nodes[b], endOffset: to - this.begins[b],
    });
  }

  /** The index of the text node that holds a unit. */
  nodeOf(unit) {
    let [low, high] = [0, this.begins.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.begins[middle] <= unit) low = middle + 1;
      else high = middle;
    }
    return Math.max(low - 1, 0);
  }

  /** The code point of the stored text at a DOM point; -1 where the node is another's. */
  pointOf(node, offset) {
    const index = this.nodes.indexOf(node);
    if (index < 0) return -1;
    const units = this.begins[index] + offset;
    if (!this.byPoint) return this.from + units;
    let [low, high] = [0, this.byPoint.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.byPoint[middle] <= units) low = middle + 1;
      else high = middle;
    }
    return this.from + low - 1;
  }

  /** The words at these code points. */
  words(start, end) {
    return this.text.slice(this.unitsOf(start - this.from), this.unitsOf(end - this.from));
  }

  /** Whether the part still shows the text that was walked. */
  get isThere() {
    return this.part.isConnected && this.nodes.every((node) => node.isConnected);
  }
}

/** UTF-16 units before each code point, and at the end. */
export function pointsOf(text) {
  const found = new Uint32Array(text.length + 1);
  let count = 0;
  for (let i = 0; i < text.length; count++) {
    found[count] = i;
    i += text.codePointAt(i) > 0xffff ? 2 : 1;
  }
  found[count] = text.length;
  return found.subarray(0, count + 1);
}
