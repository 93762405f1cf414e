// Latchkey's page: where the parts meet. Nothing is fetched from anywhere but this hub.
import { App } from "/app.js";
import { takeToken } from "/token.js";

const app = new App(document);
app.start(takeToken(location, history, sessionStorage));
addEventListener("hashchange", () => {
  const token = takeToken(location, history, sessionStorage);
  if (token) app.start(token);
});
