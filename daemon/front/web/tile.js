// One camera on the page: its picture, or a cover that says why there is none.
import { Player } from "/player.js";
import { SteadyVerdict } from "/steady.js";
import { ageText, judge, stateLabel, watchedText } from "/verdict.js";

const COVER_ICONS = { suspended: "icon-pause", connecting: "icon-wait", unavailable: "icon-off" };

export class Tile {
  #view;
  #viewAt = 0;
  #player;
  #parts;
  #shownAt = null; // when this page last showed a picture of it
  #verdict = null;
  #steady = new SteadyVerdict();
  #large = false;
  #told;

  // told: {toggle(tile), changed(tile)}
  constructor(document, view, token, told) {
    this.#told = told;
    this.#parts = build(document, view.id);
    this.#player = new Player(view.whep, token, this.#parts.video, () => this.look());
    this.#parts.open.addEventListener("click", () => told.toggle(this));
    this.#parts.back.addEventListener("click", () => told.toggle(this));
    this.#parts.sound.addEventListener("click", () => this.#toggleSound());
    this.update(view);
  }

  get id() {
    return this.#view.id;
  }
  get name() {
    return this.#view.name || "Unnamed camera";
  }
  get element() {
    return this.#parts.item;
  }
  get state() {
    return this.#verdict.state;
  }
  get reason() {
    return this.#verdict.reason;
  }

  // The hub's newest word.
  update(view) {
    this.#view = view;
    this.#viewAt = performance.now();
    this.#parts.name.textContent = this.name;
    this.#paintWatched();
    if (view.state === "suspended") this.#player.stop();
    else if (view.state === "live" || view.state === "stale") this.#player.want();
    else this.#player.unwant();
    this.look();
  }

  // Judges anew what may be shown; a few times a second, and at each change.
  look(hubLost = false) {
    const now = performance.now();
    this.#player.look(now);
    const frameAgeMs = this.#player.frameAgeMs(now);
    const before = this.#verdict;
    const verdict = judge({ view: this.#view, frameAgeMs, failure: this.#player.failure, hubLost });
    this.#verdict = this.#steady.take(verdict, now);
    if (this.#verdict.show) this.#shownAt = now - frameAgeMs;
    this.#paint(now, frameAgeMs);
    if (before !== null && before.state !== this.#verdict.state) this.#told.changed(this);
  }

  hurry() {
    this.#player.hurry();
  }
  // Nobody looks: the hub is spared the session.
  rest() {
    this.#player.stop();
    this.look();
  }
  close() {
    this.#player.stop();
    this.#parts.item.remove();
  }
  // The button that leads on from here: to this camera, or back from it.
  focus() {
    (this.#large ? this.#parts.back : this.#parts.open).focus();
  }
  hasFocus(document) {
    return this.#parts.item.contains(document.activeElement);
  }

  // Under another one that is large: out of the way of Tab and of screen readers.
  cover(covered) {
    this.#parts.item.inert = covered;
  }

  enlarge(large) {
    this.#large = large;
    this.#parts.tile.toggleAttribute("data-large", large);
    this.#parts.back.hidden = !large;
    this.#parts.figures.hidden = !large;
    this.#paintLabels();
  }

  #toggleSound() {
    const { video } = this.#parts;
    video.muted = !video.muted;
    if (!video.muted) video.play().catch(() => {});
    this.#paintLabels();
  }

  #paint(now, frameAgeMs) {
    const { tile, video, cover, coverIcon, coverTitle, coverReason, coverAge, badge, age, sound, figures } = this.#parts;
    const { state, show, reason } = this.#verdict;
    setData(tile, "state", state);
    cover.hidden = show;
    // Before its first frame an element has nothing to hide, and a hidden one is told of it later.
    video.hidden = !show && frameAgeMs !== null;
    setText(badge, stateLabel(state));
    setText(age, show ? ageText(frameAgeMs) : "");
    setText(coverTitle, state === "connecting" ? "Connecting…" : "Currently unavailable");
    setText(coverReason, reason);
    setText(coverAge, show ? "" : lastPicture(this.#lastPictureMs(now)));
    setIcon(coverIcon, COVER_ICONS[state] ?? "icon-off");
    sound.hidden = !(show && this.#player.hasSound);
    if (this.#large) setText(figures, show ? figuresText(this.#view) : "");
    this.#paintLabels();
  }

  // Whoever is filmed, or lives where it films, may see who looks.
  #paintWatched() {
    const { watched, watchedNames } = this.#parts;
    const text = watchedText(this.#view.watched_by ?? [], this.#view.watched_by_more ?? 0);
    watched.hidden = text === "";
    setText(watchedNames, text);
    watched.title = (this.#view.watched_by ?? []).join(", ");
  }

  #paintLabels() {
    const { open, back, sound, soundIcon, video, watchedNames } = this.#parts;
    const state = this.#verdict === null ? "" : stateLabel(this.#verdict.state).toLowerCase();
    const watched = watchedNames.textContent === "" ? "" : `, ${watchedNames.textContent.replace(/^W/, "w")}`;
    setLabel(open, this.#large ? "Back to all cameras" : `Show ${this.name} large, ${state}${watched}`);
    setLabel(back, "Back to all cameras");
    setLabel(sound, video.muted ? `Turn on the sound of ${this.name}` : `Mute ${this.name}`);
    setIcon(soundIcon, video.muted ? "icon-muted" : "icon-sound");
  }

  // Since the newest picture that this page or the hub had; null when neither had one.
  #lastPictureMs(now) {
    const here = this.#shownAt === null ? null : now - this.#shownAt;
    const hub = this.#view.picture_age_ms;
    const there = typeof hub === "number" ? hub + now - this.#viewAt : null;
    if (here === null || there === null) return here ?? there;
    return Math.min(here, there);
  }
}

function lastPicture(ms) {
  return ms === null || ms < 2000 ? "" : `Last picture ${ageText(ms)}`;
}

function figuresText(view) {
  const megabits = (view.bitrate_kbit / 1000).toFixed(1);
  const viewers = view.viewers === 1 ? "1 viewer" : `${view.viewers} viewers`;
  return `${Math.round(view.fps)} fps · ${megabits} Mbit/s · ${view.loss_pct.toFixed(1)} % lost · ${viewers}`;
}

function build(document, id) {
  const make = (name, className, attributes = {}) => {
    const element = document.createElement(name);
    element.className = className;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const icon = () => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    svg.append(document.createElementNS("http://www.w3.org/2000/svg", "use"));
    return svg;
  };
  const item = make("li", "cell");
  const tile = make("article", "tile", { "data-camera-id": id });
  const video = make("video", "picture", { playsinline: "", tabindex: "-1", "aria-hidden": "true" });
  video.muted = true;
  video.autoplay = true;
  video.disablePictureInPicture = true;
  video.disableRemotePlayback = true;

  const cover = make("div", "cover");
  const coverIcon = icon();
  const coverTitle = make("p", "cover-title");
  const coverReason = make("p", "cover-reason", { dir: "auto" });
  const coverAge = make("p", "cover-age");
  cover.append(coverIcon, coverTitle, coverReason, coverAge);

  const open = make("button", "open", { type: "button" });
  const caption = make("div", "caption");
  const name = make("h2", "name", { dir: "auto" });
  const badge = make("span", "badge");
  const age = make("span", "age");
  const figures = make("p", "figures");
  figures.hidden = true;
  caption.append(name, badge, age, figures);

  const watched = make("p", "watched");
  watched.hidden = true;
  const watchedIcon = icon();
  setIcon(watchedIcon, "icon-eye");
  const watchedNames = make("span", "watched-names");
  watched.append(watchedIcon, watchedNames);

  const back = make("button", "round back", { type: "button" });
  back.hidden = true;
  const backIcon = icon();
  setIcon(backIcon, "icon-back");
  back.append(backIcon);
  const sound = make("button", "round sound", { type: "button" });
  const soundIcon = icon();
  sound.append(soundIcon);

  tile.append(video, cover, caption, watched, open, back, sound);
  item.append(tile);
  return { item, tile, video, cover, coverIcon, coverTitle, coverReason, coverAge, open, name, badge, age, figures, watched, watchedNames, back, sound, soundIcon };
}

// Only what differs is written: a screen reader and the layout have nothing to do otherwise.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
function setLabel(element, text) {
  if (element.getAttribute("aria-label") !== text) element.setAttribute("aria-label", text);
}
function setData(element, name, value) {
  if (element.dataset[name] !== value) element.dataset[name] = value;
}
function setIcon(svg, id) {
  const use = svg.firstChild;
  if (use.getAttribute("href") !== `#${id}`) use.setAttribute("href", `#${id}`);
}
