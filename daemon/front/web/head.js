// The newest signed head of the hub's audit log, kept by this browser. Shown again when the page connects, it
// proves to the hub that its log once held so many records: one that was cut or replaced lacks them.
const KEY = "latchkey.head";
const HEAD = /^[0-9a-f]{32}\.[0-9]{1,20}\.[0-9a-f]{64}\.[0-9]{1,20}\.[0-9a-f]{128}$/;

// A browser that refuses its storage keeps nothing.
export function keptHead() {
  try {
    const head = localStorage.getItem(KEY);
    return head !== null && HEAD.test(head) ? head : "";
  } catch {
    return "";
  }
}

export function keepHead(head) {
  try {
    if (typeof head === "string" && HEAD.test(head)) localStorage.setItem(KEY, head);
  } catch {
    // Private windows of some browsers.
  }
}
