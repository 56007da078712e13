"""Logs in, creates, conflicts and lists by the generated package `client`."""

import json
import sys

from client import AuthenticatedClient, Client
from client.api.auth import login
from client.api.items import create_item, list_items
from client.models import CreateItemBody, ItemDTO, ItemPage, LoginBody, Problem, SparseItemPage, TokensDTO

origin, email, password, sku = sys.argv[1:]
tokens = login.sync(client=Client(base_url=origin), body=LoginBody(email=email, password=password))
assert isinstance(tokens, TokensDTO), tokens
client = AuthenticatedClient(base_url=origin, token=tokens.access_token)
body = CreateItemBody(sku=sku, name="Chair", category="furniture")
created = create_item.sync(client=client, body=body)
assert isinstance(created, ItemDTO), created
again = create_item.sync(client=client, body=body)
assert isinstance(again, Problem), again
listed = list_items.sync(client=client, q=sku)
assert isinstance(listed, ItemPage), listed
sparse = list_items.sync(client=client, limit=1, fields="id,name")
assert isinstance(sparse, SparseItemPage), sparse
print(
    json.dumps(
        {
            "created": created.sku,
            "conflict": again.type_,
            "listed": [one.sku for one in listed.items],
            "sparse": [name for one in sparse.items for name in one.to_dict()],
        }
    )
)
