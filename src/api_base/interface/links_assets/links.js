// The pages behind the links in e-mails: read the token from the fragment, and send it to the API with the form.
const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
history.replaceState(null, "", location.pathname);

async function post(path, body, bearer) {
  const headers = { "Content-Type": "application/json", ...(bearer && { Authorization: `Bearer ${bearer}` }) };
  const response = await fetch(new URL(document.body.dataset.api + path, document.baseURI), { method: "POST", headers, body: JSON.stringify(body) });
  const content = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Error([content.detail, ...(content.errors ?? []).map((error) => error.message)].filter(Boolean).join(" "));
  return content;
}

for (const form of document.forms) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(form));
    const message = document.getElementById("message");
    try {
      if (form.dataset.login === undefined) {
        await post(form.dataset.path, { token, ...fields });
      } else {
        const { access_token } = await post("/auth/login", fields);
        await post(form.dataset.path, { token }, access_token);
      }
      document.querySelectorAll("form").forEach((one) => one.remove());
      message.textContent = document.body.dataset.done;
    } catch (error) {
      message.textContent = error.message;
    }
  });
}
