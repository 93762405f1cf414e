// The hub's word on the cameras: one WebSocket that comes back by itself.
import { jittered } from "/backoff.js";
import { keepHead, keptHead } from "/head.js";

// The hub speaks every second while anything is live; otherwise it is asked. Milliseconds.
const ASK_AFTER_MS = 1500;
const LOST_AFTER_MS = 3000;
const CONNECT_WITHIN_MS = 2000;
const LOOK_EVERY_MS = 500;

// Close codes of the hub (daemon/front/events.h).
const UNAUTHORISED = 4401;

export class EventChannel {
  #token;
  #url;
  #on;
  #socket = null;
  #timer = null;
  #retry = null;
  #attempts = 0;
  #openedAt = 0;
  #heardAt = 0;
  #asked = false;
  #running = false;

  // on: {cameras(list), refused(problem), lost(problem), back()}
  constructor(url, token, on) {
    this.#url = url;
    this.#token = token;
    this.#on = on;
  }

  start() {
    if (this.#running) return;
    this.#running = true;
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#connect();
  }

  stop() {
    this.#running = false;
    clearInterval(this.#timer);
    clearTimeout(this.#retry);
    this.#drop();
  }

  // The network is back, or the page is looked at again: no waiting for the next attempt.
  hurry() {
    if (!this.#running) return;
    this.#attempts = 0;
    if (this.#socket === null) {
      clearTimeout(this.#retry);
      this.#connect();
    } else {
      this.#look();
    }
  }

  #connect() {
    this.#drop();
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#openedAt = this.#heardAt = performance.now();
    this.#asked = false;
    let problem = null;
    socket.onopen = () => {
      this.#heardAt = performance.now();
      const head = keptHead();
      socket.send(JSON.stringify(head ? { token: this.#token, head } : { token: this.#token }));
    };
    socket.onmessage = (event) => {
      this.#heardAt = performance.now();
      this.#asked = false;
      const message = parse(event.data);
      if (message?.type === "cameras" && Array.isArray(message.cameras)) {
        this.#attempts = 0;
        keepHead(message.head);
        this.#on.back();
        this.#on.cameras(message.cameras);
      } else if (message?.type === "refused") {
        problem = message;
      }
    };
    socket.onclose = (event) => {
      if (socket !== this.#socket) return;
      this.#socket = null;
      // A camera's token (403) opens no page either, however often it is tried.
      if (event.code === UNAUTHORISED || problem?.status === 401 || problem?.status === 403) {
        this.stop();
        this.#on.refused(problem ?? { status: 401, title: "token not valid", detail: "" });
        return;
      }
      this.#lost(problem);
    };
  }

  #look() {
    if (this.#socket === null) return;
    const now = performance.now();
    if (this.#socket.readyState === WebSocket.CONNECTING) {
      if (now - this.#openedAt > CONNECT_WITHIN_MS) this.#abandon();
      return;
    }
    const silence = now - this.#heardAt;
    if (silence > LOST_AFTER_MS) {
      this.#abandon();
    } else if (silence > ASK_AFTER_MS && !this.#asked && this.#socket.readyState === WebSocket.OPEN) {
      this.#asked = true;
      this.#socket.send(JSON.stringify({ type: "ping" }));
    }
  }

  #abandon() {
    this.#drop();
    this.#lost();
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  // problem: why the hub ended it, if it said so; it may say for how long as well.
  #lost(problem = null) {
    if (!this.#running) return;
    this.#on.lost(problem);
    clearTimeout(this.#retry);
    const told = (problem?.retry_after_s ?? 0) * 1000;
    const wait = told || jittered(this.#attempts++, { first: 100, most: 900 });
    this.#retry = setTimeout(() => this.#connect(), wait);
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
