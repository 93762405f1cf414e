// What may be shown of a camera right now. Pure: the hub's word, the age of the newest frame that reached
// this page, and nothing remembered. In doubt the answer is "currently unavailable".

// An older picture than this is never left standing (milliseconds).
export const UNAVAILABLE_AFTER_MS = 2000;
export const STALE_AFTER_MS = 1000;

const REASONS = {
  none: "No picture is coming.",
  camera_offline: "The camera is off or out of reach.",
  no_media: "The camera is connected but sends nothing.",
  no_keyframe: "Waiting for the camera's first whole picture.",
  unsupported_media: "The camera sends a format that can't be shown.",
  too_fast: "The camera sends more than the hub lets it. Lower its bitrate.",
  too_late: "What the camera sends arrives too late. Its network is overloaded, or its clock stood still.",
  lane_restarting: "The hub restarts this camera's service.",
  suspended: "It was switched off until the cause of a fault is known.",
  unrecorded: "The hub can't write its log of who sees what. Its disk may be full.",
  replayed: "What comes from the camera was sent before. If it was started anew, start it once more.",
  key_refused: "The hub refused the camera's key. Its owner finds the reason in the hub's log.",
  no_picture_here: "No new picture reaches this screen.",
  hub_lost: "The hub can't be reached from here.",
};

export function reasonText(reason) {
  return REASONS[reason] ?? REASONS.none;
}

// view: the camera as the hub last described it. frameAgeMs: since the newest frame of this session was
// shown, null before the first. failure: {title, detail} of the last refused request, or null. hubLost: no
// word from the hub. -> {state, show, reason}; state is live, stale, connecting, unavailable or suspended.
export function judge({ view, frameAgeMs, failure = null, hubLost = false }) {
  if (view.state === "suspended") {
    return { state: "suspended", show: false, reason: view.suspension || reasonText("suspended") };
  }
  const fresh = frameAgeMs !== null && frameAgeMs <= UNAVAILABLE_AFTER_MS;
  if (hubLost && !fresh) return { state: "unavailable", show: false, reason: reasonText("hub_lost") };
  if (view.state === "connecting") return { state: "connecting", show: false, reason: reasonText(view.reason) };
  if (view.state !== "live" && view.state !== "stale") {
    return { state: "unavailable", show: false, reason: reasonText(view.reason) };
  }
  if (frameAgeMs === null) {
    if (failure) return { state: "unavailable", show: false, reason: failure.detail || failure.title };
    return { state: "connecting", show: false, reason: "" };
  }
  if (!fresh) return { state: "unavailable", show: false, reason: reasonText("no_picture_here") };
  const stale = view.state === "stale" || frameAgeMs > STALE_AFTER_MS;
  return { state: stale ? "stale" : "live", show: true, reason: "" };
}

const LABELS = {
  live: "Live",
  stale: "Delayed",
  connecting: "Connecting",
  unavailable: "Currently unavailable",
  suspended: "Currently unavailable",
};

export function stateLabel(state) {
  return LABELS[state];
}

// "0.2 s old", "3 s ago", "5 min ago", "2 h ago", "3 days ago".
export function ageText(ms) {
  if (ms === null) return "";
  if (ms < UNAVAILABLE_AFTER_MS) return `${(ms / 1000).toFixed(1)} s old`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.round(hours / 24)} days ago`;
}

// A name of another script keeps its own direction.
const isolated = (name) => `\u2068${name}\u2069`;

// "Watched by Anna's phone", "Watched by Anna and Ben", "Watched by Anna, Ben and 3 others". Two are named.
export function watchedText(names, more = 0) {
  if (names.length === 0) return "";
  if (names.length === 1 && more === 0) return `Watched by ${isolated(names[0])}`;
  if (names.length === 2 && more === 0) return `Watched by ${names.map(isolated).join(" and ")}`;
  const others = Math.max(names.length - 2, 0) + more;
  return `Watched by ${names.slice(0, 2).map(isolated).join(", ")} and ${others === 1 ? "1 other" : `${others} others`}`;
}

// "3 cameras, all live", "1 of 3 cameras live".
export function summaryText(states) {
  const live = states.filter((state) => state === "live" || state === "stale").length;
  if (states.length === 0) return "";
  if (states.length === 1) return live ? "1 camera, live" : "1 camera, currently unavailable";
  if (live === states.length) return `${live} cameras, all live`;
  return live ? `${live} of ${states.length} cameras live` : `${states.length} cameras, none live`;
}

// Columns that make the tiles largest without scrolling (nearly: of two such, the wider grid); tiles that
// would be less than `smallest` wide scroll instead.
// How much narrower a tile may be for that.
const NEARLY = 0.92;
export function columnsFor(count, width, height, { gap = 12, ratio = 16 / 9, smallest = 240 } = {}) {
  const tileWidth = (columns) => {
    const rows = Math.ceil(count / columns);
    const byWidth = (width - gap * (columns - 1)) / columns;
    const byHeight = ((height - gap * (rows - 1)) / rows) * ratio;
    return Math.min(byWidth, byHeight);
  };
  let best = 1;
  for (let columns = 2; columns <= count; ++columns) {
    if (tileWidth(columns) > tileWidth(best)) best = columns;
  }
  while (best < count && tileWidth(best + 1) > tileWidth(best) * NEARLY) ++best;
  const bestWidth = tileWidth(best);
  if (bestWidth >= Math.min(smallest, width)) return { columns: best, tileWidth: Math.floor(bestWidth) };
  const columns = Math.max(1, Math.floor((width + gap) / (smallest + gap)));
  return { columns, tileWidth: Math.floor((width - gap * (columns - 1)) / columns) };
}
