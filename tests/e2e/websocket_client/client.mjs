// Authenticates with a ticket, subscribes, creates an item over HTTP, and prints the event of that item. Arguments: base URL, token, "deflate" or "plain".
import WebSocket from "ws";

const [base, token, compression] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };

async function post(path, body) {
  const response = await fetch(base + path, { method: "POST", headers, body: body === undefined ? undefined : JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return await response.json();
}

const { ticket } = await post("/api/v1/events/ticket");
const socket = new WebSocket(base.replace("http", "ws") + "/ws", "api-base.v1", { perMessageDeflate: compression === "deflate" });
const send = (message) => socket.send(JSON.stringify(message));
const sku = `NODE-${Date.now()}`;
let recovered;

socket.on("open", () => send({ type: "authenticate", id: "1", ticket }));
socket.on("error", (error) => { console.error(error); process.exit(1); });
socket.on("message", async (data) => {
  const message = JSON.parse(data);
  if (message.type === "authenticated") send({ type: "subscribe", id: "2", channel: "tenant" });
  else if (message.type === "subscribed") {
    recovered = message.recovered;
    await post("/api/v1/items", { sku, name: "Chair", category: "furniture" });
  } else if (message.type === "event") {
    if (message.event.data.sku !== sku) return; // those of the first start, such as the creation of the tenant, may come before
    const extensions = socket.extensions;
    socket.on("close", (code) => console.log(JSON.stringify({ name: message.event.name, code, recovered, extensions, protocol: socket.protocol })));
    socket.close(1000);
  } else { console.error(message); process.exit(1); }
});
