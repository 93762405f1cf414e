// The page as a whole: which panel stands, which tiles there are, which one is large.
import { EventChannel } from "/events.js";
import { Tile } from "/tile.js";
import { isToken, keepToken } from "/token.js";
import { columnsFor, stateLabel, summaryText } from "/verdict.js";

const LOOK_EVERY_MS = 250;
// Changes within this time are told to a screen reader in one sentence.
const ANNOUNCE_AFTER_MS = 900;
// A page that nobody has seen for so long lets its sessions go.
const REST_AFTER_MS = 20000;

export class App {
  #document;
  #token = "";
  #events = null;
  #tiles = new Map();
  #hubLost = false;
  #large = null; // id of the camera shown large
  #announcing = null;
  #announced = new Map(); // id -> state last told
  #resting = null;
  #parts;

  constructor(document) {
    this.#document = document;
    const byId = (id) => document.getElementById(id);
    this.#parts = {
      grid: byId("grid"),
      main: byId("main"),
      summary: byId("summary"),
      link: byId("link-state"),
      announce: byId("announce"),
      panels: { welcome: byId("welcome"), empty: byId("empty"), waiting: byId("waiting") },
      why: byId("welcome-why"),
      form: byId("token-form"),
      input: byId("token-input"),
      error: byId("token-error"),
    };
    this.#listen();
    setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  start(token) {
    this.#stop();
    this.#token = token;
    if (!token) return this.#welcome("");
    if (!isToken(token)) return this.#welcome("That isn't a whole token: it is lk_ and 64 letters and digits.");
    this.#show("waiting");
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.#events = new EventChannel(`${scheme}//${location.host}/events`, token, {
      cameras: (list) => this.#cameras(list),
      refused: () => this.#refused(),
      lost: (problem) => this.#hub(false, problem),
      back: () => this.#hub(true),
    });
    this.#events.start();
  }

  #stop() {
    this.#events?.stop();
    this.#events = null;
    for (const tile of this.#tiles.values()) tile.close();
    this.#tiles.clear();
    this.#announced.clear();
    this.#close(false);
    this.#hub(true);
    this.#parts.summary.textContent = "";
    // Names of cameras are for whoever may still see them.
    this.#parts.announce.textContent = "";
  }

  #listen() {
    const { form, input } = this.#parts;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const token = input.value.trim();
      keepToken(sessionStorage, isToken(token) ? token : "");
      if (isToken(token)) input.value = "";
      this.start(token);
      if (!token) this.#welcome("Paste the token first.");
    });
    this.#document.addEventListener("keydown", (event) => this.#key(event));
    addEventListener("popstate", (event) => this.#restore(event.state));
    addEventListener("resize", () => this.#layout());
    addEventListener("online", () => this.#hurry());
    addEventListener("pagehide", () => this.#rest());
    addEventListener("pageshow", (event) => event.persisted && this.#wake());
    this.#document.addEventListener("visibilitychange", () => {
      clearTimeout(this.#resting);
      if (this.#document.hidden) this.#resting = setTimeout(() => this.#rest(), REST_AFTER_MS);
      else this.#wake();
    });
  }

  #rest() {
    this.#events?.stop();
    for (const tile of this.#tiles.values()) tile.rest();
  }
  #wake() {
    this.#events?.start();
    this.#hurry();
  }
  #hurry() {
    this.#events?.hurry();
    for (const tile of this.#tiles.values()) tile.hurry();
  }

  #hub(there, problem = null) {
    if (there && this.#hubLost) for (const tile of this.#tiles.values()) tile.hurry();
    this.#hubLost = !there;
    const { link } = this.#parts;
    link.hidden = there;
    const why = problem?.retry_after_s > 0 ? problem.title : "";
    link.textContent = there ? "" : why ? `The hub asks to wait: ${why}.` : "Reconnecting to the hub…";
  }

  #refused() {
    keepToken(sessionStorage, "");
    this.#stop();
    this.#token = "";
    this.#welcome("The hub doesn't know this token. It may have been removed, or copied in part. " +
      "Ask whoever keeps the hub for a new one.");
  }

  // The whole list, each time: what is missing in it is no longer granted and goes at once.
  #cameras(list) {
    const granted = new Set(list.map((view) => view.id));
    const before = [...this.#tiles.keys()].join();
    for (const [id, tile] of this.#tiles) {
      if (granted.has(id)) continue;
      if (this.#large === id) this.#close(true);
      tile.close();
      this.#tiles.delete(id);
      this.#announced.delete(id);
    }
    for (const view of list) {
      const known = this.#tiles.get(view.id);
      if (known) known.update(view);
      else this.#add(view);
    }
    this.#show(list.length === 0 ? "empty" : "grid");
    if (before !== [...this.#tiles.keys()].join()) {
      this.#layout();
      this.#coverOthers();
      this.#restore(history.state);
    }
    this.#summarise();
  }

  #add(view) {
    const tile = new Tile(this.#document, view, this.#token, {
      toggle: (which) => this.#toggle(which),
      changed: () => {
        this.#summarise();
        this.#announceSoon();
      },
    });
    this.#tiles.set(view.id, tile);
    this.#parts.grid.append(tile.element);
    this.#announceSoon();
  }

  #look() {
    for (const tile of this.#tiles.values()) tile.look(this.#hubLost);
    this.#summarise();
  }

  #summarise() {
    const text = summaryText([...this.#tiles.values()].map((tile) => tile.state));
    if (this.#parts.summary.textContent !== text) this.#parts.summary.textContent = text;
  }

  #announceSoon() {
    clearTimeout(this.#announcing);
    this.#announcing = setTimeout(() => this.#announce(), ANNOUNCE_AFTER_MS);
  }

  // What has changed since the last sentence; delayed pictures and attempts to connect are no news.
  #announce() {
    const news = [];
    for (const tile of this.#tiles.values()) {
      const state = tile.state === "stale" ? "live" : tile.state;
      if (state === "connecting" || this.#announced.get(tile.id) === state) continue;
      this.#announced.set(tile.id, state);
      const why = state === "live" || !tile.reason ? "" : `: ${tile.reason.replace(/\.$/, "")}`;
      news.push(`${tile.name}: ${stateLabel(state).toLowerCase()}${why}.`);
    }
    if (news.length > 0) this.#parts.announce.textContent = news.join(" ");
  }

  #welcome(error) {
    this.#parts.error.textContent = error;
    this.#show("welcome");
    this.#parts.input.focus();
  }

  #show(what) {
    this.#parts.grid.hidden = what !== "grid";
    for (const [name, panel] of Object.entries(this.#parts.panels)) panel.hidden = name !== what;
  }

  #layout() {
    const { grid, main } = this.#parts;
    const style = getComputedStyle(main);
    const width = main.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const height = innerHeight - main.offsetTop - parseFloat(style.paddingBottom);
    const gap = parseFloat(getComputedStyle(grid).gap) || 12;
    const { columns, tileWidth } = columnsFor(this.#tiles.size, width, height, { gap });
    grid.style.setProperty("--columns", columns);
    grid.style.setProperty("--tile-width", `${tileWidth}px`);
  }

  // Large and back. The history has one entry more while a camera is large, so that a phone's back
  // gesture returns to all cameras.
  #toggle(tile) {
    if (this.#large === null) {
      history.pushState({ camera: tile.id }, "");
      this.#enlarge(tile.id);
    } else if (history.state?.camera) {
      history.back();
    } else {
      this.#close(true);
    }
  }

  #restore(state) {
    const id = state?.camera;
    if (id && this.#tiles.has(id)) this.#enlarge(id);
    else if (this.#large !== null) this.#close(true);
  }

  #enlarge(id) {
    if (this.#large === id) return;
    this.#tiles.get(this.#large)?.enlarge(false);
    this.#large = id;
    this.#document.body.toggleAttribute("data-large", true);
    const tile = this.#tiles.get(id);
    tile.enlarge(true);
    this.#coverOthers();
    tile.focus();
  }

  #close(focus) {
    const tile = this.#tiles.get(this.#large);
    this.#large = null;
    this.#document.body.removeAttribute("data-large");
    tile?.enlarge(false);
    this.#coverOthers();
    if (focus) tile?.focus();
  }

  #coverOthers() {
    for (const tile of this.#tiles.values()) tile.cover(this.#large !== null && tile.id !== this.#large);
  }

  #key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || this.#tiles.size === 0) return;
    if (event.key === "Escape" && this.#large !== null) {
      this.#toggle(this.#tiles.get(this.#large));
      event.preventDefault();
      return;
    }
    const columns = Number(this.#parts.grid.style.getPropertyValue("--columns")) || 1;
    const forward = getComputedStyle(this.#document.documentElement).direction === "rtl" ? -1 : 1;
    const steps = { ArrowRight: forward, ArrowLeft: -forward, ArrowDown: columns, ArrowUp: -columns };
    if (!(event.key in steps) || this.#document.activeElement?.tagName === "INPUT") return;
    const tiles = [...this.#tiles.values()];
    const at = this.#large === null ? tiles.findIndex((tile) => tile.hasFocus(this.#document))
                                    : tiles.findIndex((tile) => tile.id === this.#large);
    const step = this.#large === null ? steps[event.key] : Math.sign(steps[event.key]);
    const to = at < 0 ? 0 : at + step;
    if (to < 0 || to >= tiles.length) return;
    if (this.#large === null) {
      tiles[to].focus();
    } else {
      history.replaceState({ camera: tiles[to].id }, "");
      this.#enlarge(tiles[to].id);
    }
    event.preventDefault();
  }
}
