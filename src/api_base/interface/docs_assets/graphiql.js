// GraphiQL on /graphql of this server. Subscriptions are event streams [graphql-sse, distinct connections mode].
const endpoint = new URL("../graphql", document.baseURI).href;

function isSubscription({ operationName }, documentAST) {
  const operations = (documentAST?.definitions ?? []).filter((one) => one.kind === "OperationDefinition");
  return operations.some((one) => one.operation === "subscription" && (!operationName || one.name?.value === operationName));
}

async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      buffer += value;
      const parts = buffer.split("\n\n");
      buffer = parts.pop();
      for (const part of parts) {
        const event = /^event: next\ndata: (.*)$/s.exec(part);
        if (event) yield JSON.parse(event[1]);
      }
    }
  } finally {
    reader.cancel();
  }
}

async function fetcher(parameters, { headers, documentAST } = {}) {
  const streams = isSubscription(parameters, documentAST);
  const accept = streams ? "text/event-stream" : "application/graphql-response+json";
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { "content-type": "application/json", accept, ...headers },
    body: JSON.stringify(parameters),
  });
  return response.headers.get("content-type")?.startsWith("text/event-stream") ? events(response) : response.json();
}

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultHeaders: JSON.stringify({ Authorization: "Bearer <access token of POST /api/v1/auth/login>" }, null, 2),
    inputValueDeprecation: true,
    isHeadersEditorEnabled: true,
    shouldPersistHeaders: false,
  }),
);
