// Words that can be read: a camera that comes back goes through several reasons within a second, and a cover
// that told each of them would flicker. Pure.

// Words over a cover give way to others that have stood in their stead for this long (milliseconds).
export const STEADY_MS = 300;

export class SteadyVerdict {
  #told = null;
  #othersSince = null;

  // next: of judge(); now: milliseconds of a monotonic clock. -> what to paint, in the shape of judge()'s.
  // Whether a picture shows is never kept back, nor is a suspension: only one cover's words for another's.
  take(next, now) {
    const told = this.#told;
    const same = told !== null && told.state === next.state && told.reason === next.reason;
    const atOnce = told === null || told.show || next.show || next.state === "suspended";
    if (same || atOnce) {
      this.#othersSince = null;
      this.#told = next;
      return next;
    }
    this.#othersSince ??= now;
    if (now - this.#othersSince < STEADY_MS) return told;
    this.#othersSince = null;
    this.#told = next;
    return next;
  }
}
