// Keeps one camera's video element playing while the hub says that there is something to play.
import { jittered } from "/backoff.js";
import { UNAVAILABLE_AFTER_MS } from "/verdict.js";
import { Refusal, WhepSession } from "/whep.js";

// A session that shows nothing this long after it began is begun anew (milliseconds).
const FIRST_FRAME_WITHIN_MS = 4000;
const RETRY = { first: 200, most: 1000 };
// After so many failures in a row, or a refusal that time alone hardly lifts, knocking doesn't help.
const PATIENT_AFTER = 8;
const PATIENT_RETRY = { first: 6000, most: 6000 };
const LASTING = [401, 403, 404, 406];

export class Player {
  #url;
  #token;
  #video;
  #changed;
  #session = null;
  #wanted = false;
  #wantedAt = 0;
  #retry = null;
  #attempts = 0;
  #beganAt = 0;
  #frameAt = null;
  #frames = { shown: 0, decoded: Number.MAX_SAFE_INTEGER };
  #failure = null;
  #hasSound = false;

  constructor(url, token, video, changed) {
    this.#url = url;
    this.#token = token;
    this.#video = video;
    this.#changed = changed;
  }

  // Since the newest frame of this session was shown; null before the first.
  frameAgeMs(now = performance.now()) {
    return this.#frameAt === null ? null : Math.max(0, now - this.#frameAt);
  }
  get failure() {
    return this.#failure;
  }
  get hasSound() {
    return this.#hasSound;
  }

  // The hub has fresh frames of this camera.
  want() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#wantedAt = performance.now();
    this.#attempts = 0;
    if (this.#session === null) this.#again(40);
  }

  // It has none at the moment. A session that stands may stay: it goes on when the camera is back.
  unwant() {
    this.#wanted = false;
    this.#failure = null;
    clearTimeout(this.#retry);
    this.#retry = null;
  }

  // Ends whatever there is and clears the picture.
  stop() {
    this.unwant();
    this.#drop();
  }

  // To be called a few times a second.
  look(now = performance.now()) {
    if (this.#session === null) return;
    this.#count("shown", this.#video.getVideoPlaybackQuality?.().totalVideoFrames ?? 0, now);
    // Not every browser counts for an element that is hidden; the decoder does, from the hiding on.
    if (this.#video.hidden) this.#countDecoded(this.#session);
    else this.#frames.decoded = Number.MAX_SAFE_INTEGER;
    if (!this.#wanted || document.hidden) return;
    // The hub's silence isn't the session's: a camera that is back gets its time on the session that stands.
    const patience = this.#frameAt === null ? FIRST_FRAME_WITHIN_MS : UNAVAILABLE_AFTER_MS;
    if (now - Math.max(this.#frameAt ?? this.#beganAt, this.#wantedAt) > patience) this.#fail(null);
  }

  async #countDecoded(session) {
    const stats = await session.peer?.getStats?.();
    if (session !== this.#session || stats === undefined) return;
    for (const entry of stats.values()) {
      if (entry.type === "inbound-rtp" && entry.kind === "video") {
        this.#count("decoded", entry.framesDecoded ?? 0, performance.now());
      }
    }
  }

  #count(what, frames, now) {
    if (frames > this.#frames[what]) this.#seen(now);
    this.#frames[what] = frames;
  }

  // Without a picture to lose: try now (the network is back).
  hurry() {
    this.#attempts = 0;
    if (this.#wanted && this.#session === null) this.#again(0);
  }

  #again(delayMs) {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#begin(), delayMs);
  }

  async #begin() {
    this.#drop();
    this.#beganAt = performance.now();
    const session = new WhepSession(this.#url, this.#token, {
      stream: (stream) => this.#attach(stream),
      ended: () => {
        if (session === this.#session) this.#fail(null);
      },
    });
    this.#session = session;
    try {
      await session.open();
    } catch (error) {
      if (session === this.#session) this.#fail(error);
    }
  }

  #attach(stream) {
    const video = this.#video;
    if (video.srcObject !== stream) {
      video.srcObject = stream;
      this.#watch(video, stream);
    }
    // A track that carries nothing stays muted: a camera without a microphone has no mute button.
    for (const track of stream.getAudioTracks()) {
      track.onunmute = () => {
        this.#hasSound = true;
        this.#changed();
      };
    }
    video.play().catch(() => {});
  }

  // Each frame as it is shown, where the browser tells; look() counts elsewhere.
  #watch(video, stream) {
    if (!video.requestVideoFrameCallback) return;
    const next = () => {
      if (video.srcObject !== stream) return;
      this.#seen(performance.now());
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
  }

  #seen(now) {
    const first = this.#frameAt === null;
    this.#frameAt = now;
    this.#attempts = 0;
    this.#failure = null;
    if (first) this.#changed();
  }

  #fail(error) {
    this.#drop();
    this.#failure = error instanceof Refusal && error.status !== 0 ? error : null;
    if (error !== null && !(error instanceof Refusal)) console.warn("the answer could not be used:", error);
    if (this.#wanted) {
      const patient = this.#attempts >= PATIENT_AFTER || LASTING.includes(error?.status);
      const policy = patient ? PATIENT_RETRY : RETRY;
      this.#again(Math.max(jittered(this.#attempts, policy), Math.min(error?.retryAfterMs ?? 0, 5000)));
      this.#attempts += 1;
    }
    this.#changed();
  }

  #drop() {
    clearTimeout(this.#retry);
    this.#retry = null;
    const session = this.#session;
    this.#session = null;
    session?.close();
    this.#frameAt = null;
    this.#frames = { shown: 0, decoded: Number.MAX_SAFE_INTEGER };
    this.#hasSound = false;
    // Not even a hidden element keeps the last picture.
    if (this.#video.srcObject !== null) this.#video.srcObject = null;
  }
}
