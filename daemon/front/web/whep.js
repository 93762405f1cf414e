// One WHEP session: an offer, an answer, a peer connection that only receives.

const POST_WITHIN_MS = 4000;

// What a request was refused with. status 0: the hub could not be reached.
export class Refusal extends Error {
  constructor(status, { title = "", detail = "" } = {}, retryAfterMs = 0) {
    super(title || `status ${status}`);
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.retryAfterMs = retryAfterMs;
  }
}

export class WhepSession {
  #url;
  #token;
  #on;
  #peer = null;
  #resource = null;
  #closed = false;

  // on: {stream(MediaStream), ended()}. ended is called once, unless close() was.
  constructor(url, token, on) {
    this.#url = url;
    this.#token = token;
    this.#on = on;
  }

  // Throws a Refusal, or whatever the browser does with an answer that it can't take.
  async open() {
    const peer = new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers: [] });
    this.#peer = peer;
    const stream = new MediaStream();
    peer.ontrack = ({ track, receiver }) => {
      showAtOnce(receiver);
      stream.addTrack(track);
      this.#on.stream(stream);
    };
    peer.onconnectionstatechange = () => {
      if (["disconnected", "failed", "closed"].includes(peer.connectionState)) this.#end();
    };
    peer.addTransceiver("video", { direction: "recvonly" });
    peer.addTransceiver("audio", { direction: "recvonly" });
    await peer.setLocalDescription();
    // The hub learns this side's addresses from its checks: nothing is gathered first, nothing trickled.
    const answer = await this.#post(peer.localDescription.sdp);
    if (this.#closed) return;
    await peer.setRemoteDescription({ type: "answer", sdp: answer });
  }

  // Ends it on the hub as well; also while the page goes away.
  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#peer?.close();
    this.#delete();
  }

  get peer() {
    return this.#peer;
  }

  #end() {
    if (this.#closed) return;
    this.close();
    this.#on.ended();
  }

  async #post(sdp) {
    let response;
    try {
      response = await fetch(this.#url, {
        method: "POST",
        headers: { Authorization: `Bearer ${this.#token}`, "Content-Type": "application/sdp" },
        body: sdp,
        cache: "no-store",
        credentials: "omit",
        signal: AbortSignal.timeout(POST_WITHIN_MS),
      });
    } catch {
      throw new Refusal(0);
    }
    if (response.status !== 201) throw await refusalOf(response);
    const location = response.headers.get("Location");
    if (location) this.#resource = new URL(location, response.url).href;
    const text = await response.text();
    if (this.#closed) this.#delete();
    return text;
  }

  #delete() {
    if (this.#resource === null) return;
    const resource = this.#resource;
    this.#resource = null;
    fetch(resource, {
      method: "DELETE",
      headers: { Authorization: `Bearer ${this.#token}` },
      credentials: "omit",
      keepalive: true,
    }).catch(() => {});
  }
}

// No buffering for smoothness: the hub sends whole frames in order, and an old picture helps nobody.
function showAtOnce(receiver) {
  try {
    if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
    if ("playoutDelayHint" in receiver) receiver.playoutDelayHint = 0;
  } catch {
    // A browser that refuses the hint plays with its own.
  }
}

async function refusalOf(response) {
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    // Not our own words: the status has to do.
  }
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  return new Refusal(response.status, problem, Number.isFinite(seconds) ? seconds * 1000 : 0);
}
