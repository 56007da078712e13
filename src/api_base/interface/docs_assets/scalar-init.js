// What Scalar would load from other hosts, or send to them, is switched off: the page works offline, and tells nobody what is typed in it.
window.addEventListener("load", () => {
  const version = /^\d+$/.exec(new URLSearchParams(location.search).get("version")); // /docs/reference?version=1
  Scalar.createApiReference("#reference", {
    url: new URL(version ? `../openapi/v${version}.json` : "../openapi.json", document.baseURI).href,
    agent: { disabled: true },
    hideClientButton: true,
    mcp: { disabled: true },
    persistAuth: false,
    proxyUrl: "",
    showDeveloperTools: "never",
    telemetry: false,
    withDefaultFonts: false,
    authentication: {
      preferredSecurityScheme: "password",
    },
  });
});
