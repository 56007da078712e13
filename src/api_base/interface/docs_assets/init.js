// /docs?version=1 shows that version of the API, /docs the newest one.
window.addEventListener("load", () => {
  const version = /^\d+$/.exec(new URLSearchParams(location.search).get("version"));
  window.ui = SwaggerUIBundle({
    url: new URL(version ? `openapi/v${version}.json` : "openapi.json", document.baseURI).href,
    dom_id: "#swagger-ui",
    deepLinking: true,
    displayRequestDuration: true,
    persistAuthorization: false,
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
  });
});
