// A list of items that updates itself, by EventSource or by WebSocket. Serve this folder, and allow its origin to call the API:
//
//   SERVER__CORS_ORIGINS='["http://127.0.0.1:8080"]' SERVER__CORS_CREDENTIALS=true api-base serve
//   python -m http.server 8080 --bind 127.0.0.1 --directory examples/live
//
// Open http://127.0.0.1:8080/?api=http://127.0.0.1:8000. Events say that something changed; what the page shows is read from the API.

const api = new URLSearchParams(location.search).get("api") ?? "http://127.0.0.1:8000";
const find = (id) => document.getElementById(id);
let token;

async function call(method, path, body, options = {}) {
  const headers = { ...(token && { Authorization: `Bearer ${token}` }), ...(body && { "Content-Type": "application/json" }) };
  const response = await fetch(`${api}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body), ...options });
  const answer = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Error(answer.detail ?? answer.title); // a problem [RFC 9457]
  return answer;
}

const show = (state) => { find("state").value = state; };
const fail = (error) => { find("problem").textContent = error?.message ?? ""; };

// One request at a time; what changes meanwhile is read by the next one.
let reading = false, changed = false;
async function readItems() {
  changed = true;
  if (reading) return;
  reading = true;
  try {
    while (changed) {
      changed = false;
      const { items } = await call("GET", "/items?sort=-created_at&limit=20");
      find("items").replaceChildren(...items.map((item) => {
        const line = document.createElement("li");
        line.textContent = `${item.sku}: ${item.name}`;
        return line;
      }));
    }
  } catch (error) {
    changed = true; // read again once connected
    fail(error);
  } finally {
    reading = false;
  }
}

// What follows a position is delivered. If something before it may be missing, the state is read again.
function subscribed({ recovered }) {
  show(recovered === null ? "live" : recovered ? "live, nothing missed" : "live, read again");
  if (recovered !== true || changed) readItems();
}

// The browser reconnects by itself, and sends the id of the last event; after another answer than a stream it gives up.
async function followByEventSource() {
  await call("POST", "/events/session", undefined, { credentials: "include" }); // EventSource sends this cookie, and no Authorization header
  const source = new EventSource(`${api}/api/v1/events/stream?channels=tenant`, { withCredentials: true });
  source.addEventListener("subscribed", ({ data }) => subscribed(JSON.parse(data)));
  source.addEventListener("event", readItems);
  source.addEventListener("reset", readItems);
  source.addEventListener("end", ({ data }) => {
    const { reason } = JSON.parse(data);
    show(`ended: ${reason}`);
    if (reason === "revoked") source.close();
  });
  source.onerror = () => {
    show("reconnecting");
    if (source.readyState === EventSource.CLOSED) setTimeout(() => followByEventSource().catch(fail), 2000);
  };
}

// A WebSocket sends no header either: a ticket, which is valid once, stands for the token.
let position;
async function followByWebSocket() {
  const again = () => setTimeout(() => followByWebSocket().catch(again), 500 + 1000 * Math.random());
  const { ticket } = await call("POST", "/events/ticket");
  const socket = new WebSocket(`${api.replace("http", "ws")}/ws`, "api-base.v1");
  const send = (message) => socket.send(JSON.stringify(message));
  socket.onopen = () => send({ type: "authenticate", ticket });
  socket.onclose = ({ code, reason }) => {
    show(`closed: ${code} ${reason}`);
    if (code !== 3000) again(); // 3000: the session has ended
  };
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    switch (message.type) {
      case "authenticated": send({ type: "subscribe", channel: "tenant", position }); break;
      case "subscribed":
        if (message.recovered !== true) position = message.position; // else the events after the old position follow
        subscribed(message);
        break;
      case "event":
      case "reset":
        position = message.position;
        readItems();
        break;
      case "error": fail(new Error(message.problem.detail));
    }
  };
}

find("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { email, password, transport } = Object.fromEntries(new FormData(event.target));
  try {
    ({ access_token: token } = await call("POST", "/auth/login", { email, password }));
    fail(null);
    find("login").hidden = true;
    find("create").hidden = false;
    await (transport === "WebSocket" ? followByWebSocket() : followByEventSource());
  } catch (error) {
    fail(error);
  }
});

find("create").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { sku, name } = Object.fromEntries(new FormData(event.target));
  try {
    await call("POST", "/items", { sku, name, category: "goods" });
    fail(null);
    event.target.reset();
  } catch (error) {
    fail(error);
  }
});
