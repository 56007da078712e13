"""Names in the styles of other languages."""


def camel(name: str) -> str:
    """Return `sales_orders` as `salesOrders`, and `_sales_orders` as `SalesOrders`."""
    head, *words = name.split("_")
    return head + "".join(word.capitalize() for word in words)
