// The viewer's token: out of the address bar at once, and kept for this tab alone.

const KEY = "latchkey.token";
const FORM = /^lk_[0-9a-f]{64}$/;

export function isToken(text) {
  return FORM.test(text);
}

// From the fragment (which never leaves the browser), else what this tab kept; "" when there is none.
// A fragment's token is kept even when it is malformed, so that the page can say so.
export function takeToken(location, history, storage) {
  const fragment = new URLSearchParams(location.hash.replace(/^#/, ""));
  const given = (fragment.get("token") ?? "").trim();
  if (given) {
    history.replaceState(history.state, "", location.pathname);
    keepToken(storage, given);
    return given;
  }
  try {
    return storage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

export function keepToken(storage, token) {
  try {
    if (token) storage.setItem(KEY, token);
    else storage.removeItem(KEY);
  } catch {
    // Storage may be forbidden: the token then lives as long as the page.
  }
}
