/* How long somebody really worked on an item, and whether somebody still does.

   const activity = new Activity({ seconds: 12, now });   touch() at each input, tick() each second
*/
export const PAUSE = 30_000; // ms without input after which time no longer counts
export const AWAY = 5 * 60_000; // ms without input after which nobody is held to be there; reading takes longer than typing
export const BEAT = 60_000; // ms between signs of life

export class Activity {
  constructor({ seconds = 0, now = () => Date.now() } = {}) {
    this.now = now;
    this.before = seconds;
    this.counted = 0; // ms
    this.touched = now();
    this.ticked = now();
  }

  touch() {
    this.touched = this.now();
  }

  /** Count the time since the last tick if the page is seen and somebody is at it. */
  tick(visible) {
    const now = this.now();
    const gone = Math.min(now - this.ticked, 5000); // a sleeping computer wakes with one long tick
    this.ticked = now;
    if (visible && now - this.touched < PAUSE) this.counted += gone;
  }

  get seconds() {
    return this.before + Math.round(this.counted / 1000);
  }

  isThere(visible) {
    return visible && this.now() - this.touched < AWAY;
  }
}
