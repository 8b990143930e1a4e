/* Words in a text and walking over them: what the keys of the marking mode do, without a page.

   A choice is { part, from, to }: the part's index and the first and last word of it that are chosen.
*/
/** [start, end) of each word, in UTF-16 units; languages without spaces are cut into words too. */
export function wordsOf(text) {
  const words = [];
  if (globalThis.Intl?.Segmenter) {
    for (const { segment, index, isWordLike } of new Intl.Segmenter(undefined, { granularity: "word" }).segment(text)) {
      if (isWordLike) words.push([index, index + segment.length]);
    }
    if (words.length) return words;
  }
  for (const match of text.matchAll(/\S+/gu)) words.push([match.index, match.index + match[0].length]);
  return words;
}

/** The last word of the sentence that the word `from` stands in. */
export function sentenceEnd(text, words, from) {
  for (let i = from; i < words.length - 1; i++) {
    if (/[.!?。！？]["'”’)]*\s|\n/u.test(text.slice(words[i][1], words[i + 1][0]) + " ") && /[.!?。！？\n]/u.test(text.slice(words[i][1], words[i + 1][0]))) return i;
  }
  return words.length - 1;
}

/** The choice after a step by words; over the end of a part it goes on in the next one. */
export function move(choice, by, counts) {
  let { part } = choice;
  let at = (by > 0 ? choice.to : choice.from) + by;
  if (at >= counts[part]) {
    if (part + 1 >= counts.length) at = counts[part] - 1;
    else [part, at] = [part + 1, 0];
  } else if (at < 0) {
    if (part === 0) at = 0;
    else [part, at] = [part - 1, counts[part - 1] - 1];
  }
  return { part, from: at, to: at };
}

/** The choice with its end moved, staying inside its part and never empty. */
export function extend(choice, by, counts) {
  return { ...choice, to: Math.min(Math.max(choice.to + by, choice.from), counts[choice.part] - 1) };
}

/** The choice of whole words that covers the next place where `needle` stands, looking onwards and around; null if nowhere. */
export function find(texts, words, needle, choice, onwards = false) {
  const wanted = needle.toLowerCase();
  if (!wanted.trim()) return null;
  for (let step = 0; step <= texts.length; step++) {
    const part = (choice.part + step) % texts.length;
    const text = texts[part].toLowerCase();
    const begin = step === 0 ? words[part][onwards ? choice.to : choice.from]?.[onwards ? 1 : 0] ?? 0 : 0;
    const at = text.indexOf(wanted, begin);
    if (at < 0) continue;
    const to = at + wanted.length;
    const first = words[part].findIndex(([, end]) => end > at);
    let last = first;
    while (last + 1 < words[part].length && words[part][last + 1][0] < to) last++;
    if (first >= 0) return { part, from: first, to: last };
  }
  return null;
}
