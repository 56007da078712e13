"""Names in the styles of other languages, paths and sentences."""


def camel(name: str) -> str:
    """Return `sales_orders` as `salesOrders`, and `_sales_orders` as `SalesOrders`."""
    head, *words = name.split("_")
    return head + "".join(word.capitalize() for word in words)


def in_path(name: str) -> str:
    """Return `sales_orders` as it stands in paths: `sales-orders`."""
    return name.replace("_", "-")


def words(name: str) -> str:
    """Return `sales_orders` as it is read: `sales orders`."""
    return name.replace("_", " ")


def with_article(name: str) -> str:
    """Return `note` as `a note`, and `sales_order` as `a sales order`; `an` stands before a, e, i and o."""
    return f"{'an' if name[0] in 'aeio' else 'a'} {words(name)}"
