// Log-in by REST; list, create, conflict and a subscription (graphql-ws link) by @apollo/client. Prints what it saw.
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [origin, email, password] = process.argv.slice(2);
const login = await fetch(`${origin}/api/v1/auth/login`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ email, password }),
});
const { access_token: token } = await login.json();
const authorization = `Bearer ${token}`;
const url = `${origin}/graphql`;
const socket = createClient({ url: url.replace("http", "ws"), webSocketImpl: WebSocket, connectionParams: { Authorization: authorization } });
const link = ApolloLink.split(
  ({ operationType }) => operationType === "subscription",
  new GraphQLWsLink(socket),
  new HttpLink({ uri: url, headers: { authorization } }),
);
const client = new ApolloClient({ link, cache: new InMemoryCache() });

const ITEM = gql`
  fragment Shown on Item {
    id
    name
    version
    tenant {
      id
    }
  }
`;
const LIST = gql`
  query List($first: Int) {
    items(first: $first, filter: { sku: { startsWith: "apollo" } }) {
      nodes {
        ...Shown
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
  ${ITEM}
`;
const CREATE = gql`
  mutation Create($input: CreateItemInput!) {
    createItem(input: $input) {
      item {
        ...Shown
      }
    }
  }
  ${ITEM}
`;
const UPDATE = gql`
  mutation Update($id: ID!, $version: Long, $input: PatchItemInput!) {
    updateItem(id: $id, expectedVersion: $version, input: $input) {
      item {
        ...Shown
      }
    }
  }
  ${ITEM}
`;
const CHANGED = gql`
  subscription Changed($id: ID!) {
    itemChanged(id: $id) {
      position
      event {
        name
      }
      item {
        ...Shown
      }
    }
  }
  ${ITEM}
`;

async function code(promise) {
  try {
    await promise;
    return null;
  } catch (error) {
    return CombinedGraphQLErrors.is(error) ? error.errors[0].extensions.code : String(error);
  }
}

const input = { sku: `apollo-${Date.now()}`, name: "Chair", category: "furniture" };
const created = await client.mutate({ mutation: CREATE, variables: { input } });
const item = created.data.createItem.item;
const duplicate = await code(client.mutate({ mutation: CREATE, variables: { input } }));
const listed = await client.query({ query: LIST, variables: { first: 2 } });

const names = [];
const seen = new Promise((resolve, reject) => {
  client.subscribe({ query: CHANGED, variables: { id: item.id } }).subscribe({
    next: async ({ data, error }) => {
      if (error) return reject(error);
      const { event, item: shown } = data.itemChanged;
      names.push(shown.name);
      if (event === null) {
        const change = { id: item.id, version: item.version, input: { name: "Armchair" } };
        await client.mutate({ mutation: UPDATE, variables: change });
      } else if (event.name === "items.changed.v1") resolve(shown.version);
    },
    error: reject,
  });
});
const version = await seen;
const stale = await code(client.mutate({ mutation: UPDATE, variables: { id: item.id, version: item.version, input: { name: "Sofa" } } }));
const cached = client.readFragment({ id: `Item:${item.id}`, fragment: ITEM });
client.stop();
await socket.dispose();
console.log(
  JSON.stringify({
    created: item.name,
    duplicate,
    listed: listed.data.items.nodes.map((node) => [node.__typename, node.name]),
    first: names[0],
    last: names.at(-1),
    version,
    stale,
    cached: cached.name,
  }),
);
