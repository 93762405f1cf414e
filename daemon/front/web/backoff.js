// Waiting before another attempt: growing, bounded, and different in every tab, so that a hub which comes
// back isn't met by all of them in the same instant.

// Milliseconds before attempt number `attempt` (0 is the first): between half and the whole of
// first * 2^attempt, at most `most`.
export function jittered(attempt, { first, most }, random = Math.random) {
  const whole = Math.min(most, first * 2 ** Math.min(attempt, 16));
  return whole / 2 + (whole / 2) * random();
}
