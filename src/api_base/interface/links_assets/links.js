// The pages that links in mails lead to: the token comes out of the fragment, and goes to the API when the form is sent.
const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
history.replaceState(null, "", location.pathname);

async function post(path, body, bearer) {
  const headers = { "Content-Type": "application/json", ...(bearer && { Authorization: `Bearer ${bearer}` }) };
  const answer = await fetch(new URL(`../api/v1${path}`, document.baseURI), { method: "POST", headers, body: JSON.stringify(body) });
  const shown = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error([shown.detail, ...(shown.errors ?? []).map((error) => error.message)].filter(Boolean).join(" "));
  return shown;
}

for (const form of document.forms) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(form));
    const told = document.getElementById("told");
    try {
      if (form.dataset.login === undefined) {
        await post(form.dataset.path, { token, ...fields });
      } else {
        const { access_token } = await post("/auth/login", fields);
        await post(form.dataset.path, { token }, access_token);
      }
      document.querySelectorAll("form").forEach((one) => one.remove());
      told.textContent = document.body.dataset.done;
    } catch (error) {
      told.textContent = error.message;
    }
  });
}
