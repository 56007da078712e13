"""Messages for pydantic's error codes, one table for request bodies, parameters and settings.

A message completes the sentence that starts with the name of the value: "name must not be empty". pydantic's own message never leaves
the process. A code that is not in the table belongs to a validator of the application, whose message is already ours.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

type Details = Mapping[str, Any]
"""The details of an error from pydantic, such as `{"min_length": 1}`."""
type Message = str | Callable[[Details], str]
"""A template over the details, or a function of them."""

MAX_QUOTED: Final = 50
"""Characters of a value that a message repeats."""

NOT_VALID: Final = "is not valid"
"""For a code that no JSON document, parameter or setting can cause: pydantic raises it for Python objects and calls only."""
_EMAIL: Final = "must be an e-mail address"
_LIST: Final = "must be a list"


def _by_code(codes: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {code: message for message, group in codes.items() for code in group}


def _count(number: object, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _at_least(noun: str) -> Callable[[Details], str]:
    def message(details: Details) -> str:
        least = details["min_length"]
        return "must not be empty" if least == 1 else f"must have at least {_count(least, noun)}"

    return message


def _at_most(noun: str, limit: str = "max_length") -> Callable[[Details], str]:
    return lambda details: f"must have at most {_count(details[limit], noun)}"


def _bound(words: str, limit: str) -> Callable[[Details], str]:
    """A whole number that pydantic gives as a float has no decimal places in the message."""

    def message(details: Details) -> str:
        bound = details[limit]
        return f"{words} {int(bound) if isinstance(bound, float) and bound.is_integer() else bound}"

    return message


def _raised_message(details: Details) -> str:
    """The message of the validator that raised `ValueError` or `AssertionError`; pydantic's own check of addresses gives a `reason` instead."""
    return _EMAIL if "reason" in details else str(details["error"]) or NOT_VALID


def _unknown_tag(details: Details) -> str:
    return f"must have {details['discriminator']} set to one of {details['expected_tags']}, not {details['tag'][:MAX_QUOTED]!r}"


def _utc_offset(details: Details) -> str:
    return f"must have the UTC offset of {_count(details['tz_expected'], 'second')}"


_SHARED: Final[Mapping[str, Sequence[str]]] = {
    NOT_VALID: (
        "arguments_type",
        "callable_type",
        "dataclass_exact_type",
        "datetime_object_invalid",
        "ellipsis_error",
        "frozen_field",
        "frozen_instance",
        "get_attribute_error",
        "is_instance_of",
        "is_subclass_of",
        "iteration_error",
        "missing_argument",
        "missing_keyword_only_argument",
        "missing_positional_only_argument",
        "missing_sentinel_error",
        "multiple_argument_values",
        "needs_python_object",
        "no_such_attribute",
        "recursion_loop",
        "unexpected_keyword_argument",
        "unexpected_positional_argument",
    ),
    "must be a URL such as https://example.com": ("url_parsing", "url_syntax_violation", "url_type"),
    "must be a UUID": ("uuid_parsing", "uuid_type"),
    "must be a complex number such as 1+2j": ("complex_str_parsing", "complex_type"),
    "must be a date such as 2026-01-31": ("date_from_datetime_parsing", "date_parsing", "date_type"),
    "must be a decimal number such as 12.50": ("decimal_parsing", "decimal_type"),
    "must be a duration such as PT1H30M": ("time_delta_parsing", "time_delta_type"),
    "must be a fraction such as 3/4": ("fraction_parsing", "fraction_type"),
    _LIST: ("deque_type", "frozen_set_type", "iterable_type", "list_type", "set_type", "tuple_type"),
    "must be a number": ("float_parsing", "float_type"),
    "must be a time as in RFC 3339, such as 2026-01-31T12:00:00Z": ("datetime_from_date_parsing", "datetime_parsing", "datetime_type"),
    "must be a time of day such as 12:00:00": ("time_parsing", "time_type"),
    "must be a whole number": ("int_from_float", "int_parsing", "int_type"),
    "must be an object": (
        "counter_type",
        "dataclass_type",
        "dict_type",
        "frozen_dict_type",
        "mapping_type",
        "model_attributes_type",
        "model_type",
        "ordered_dict_type",
    ),
    "must be in the future": ("date_future", "datetime_future"),
    "must be in the past": ("date_past", "datetime_past"),
    "must be true or false": ("bool_parsing", "bool_type"),
    "must be {expected}": ("enum", "literal_error"),
}
"""The codes of a message that serves several."""

MESSAGES: Final[Mapping[str, Message]] = {
    **_by_code(_SHARED),
    "assertion_error": _raised_message,
    "bytes_invalid_encoding": "must be encoded as {encoding}",
    "bytes_too_long": _at_most("byte"),
    "bytes_too_short": _at_least("byte"),
    "bytes_type": "must be a string of bytes",
    "date_from_datetime_inexact": "must be a date without a time of day, such as 2026-01-31",
    "decimal_max_digits": _at_most("digit", "max_digits"),
    "decimal_max_places": _at_most("decimal place", "decimal_places"),
    "decimal_whole_digits": lambda details: f"must have at most {_count(details['whole_digits'], 'digit')} before the decimal point",
    "default_factory_not_called": "has no default while another field is not valid",
    "extra_forbidden": "is not a known field",
    "finite_number": "must be a finite number",
    "greater_than": _bound("must be greater than", "gt"),
    "greater_than_equal": _bound("must be at least", "ge"),
    "int_parsing_size": "must be a whole number with fewer digits",
    "invalid_key": "must have strings as keys",
    "json_invalid": "must be valid JSON",
    "json_type": "must be a string of JSON",
    "less_than": _bound("must be less than", "lt"),
    "less_than_equal": _bound("must be at most", "le"),
    "missing": "is required",
    "multiple_of": _bound("must be a multiple of", "multiple_of"),
    "named_tuple_type": "must be a list or an object",
    "none_required": "must be null",
    "recursion_depth_exceeded": "is nested too deeply",
    "set_item_not_hashable": "must contain only strings, numbers, true, false and null",
    "string_not_ascii": "must have ASCII characters only",
    "string_pattern_mismatch": "must match the pattern {pattern}",
    "string_too_long": _at_most("character"),
    "string_too_short": _at_least("character"),
    "string_type": "must be a string",
    "string_unicode": "must be UTF-8 text",
    "timezone_aware": "must have a time zone, such as Z",
    "timezone_naive": "must not have a time zone",
    "timezone_offset": _utc_offset,
    "too_long": _at_most("item"),
    "too_short": _at_least("item"),
    "union_tag_invalid": _unknown_tag,
    "union_tag_not_found": "must have {discriminator}",
    "url_scheme": "must be a URL that starts with {expected_schemes}",
    "url_too_long": _at_most("character"),
    "uuid_version": "must be a UUID of version {expected_version}",
    "value_error": _raised_message,
}

_SHARED_BY_PYTHON_TYPES: Final[Mapping[str, Sequence[str]]] = {
    "is not an accepted value": ("is_type", "not_operation_failed", "predicate_failed"),
    "must be a regular expression": ("pattern_bytes_type", "pattern_regex", "pattern_str_type", "pattern_type"),
    "must be a size such as 10MB": ("byte_size", "byte_size_unit"),
}

PYTHON_TYPES: Final[Mapping[str, str]] = {
    **_by_code(_SHARED_BY_PYTHON_TYPES),
    "base64_decode": "must be encoded as Base64",
    "color_error": "must be a colour such as #ff8800",
    "import_error": "must be the dotted path of a Python object",
    "invalid-json-value": "must be a JSON value",
    "ip_any_address": "must be an IP address",
    "ip_any_interface": "must be an IP interface such as 10.0.0.1/8",
    "ip_any_network": "must be an IP network such as 10.0.0.0/8",
    "ip_v4_address": "must be an IPv4 address",
    "ip_v4_interface": "must be an IPv4 interface such as 10.0.0.1/8",
    "ip_v4_network": "must be an IPv4 network such as 10.0.0.0/8",
    "ip_v6_address": "must be an IPv6 address",
    "ip_v6_interface": "must be an IPv6 interface such as fd00::1/8",
    "ip_v6_network": "must be an IPv6 network such as fd00::/8",
    "is_hashable": "must be a string, a number, true, false or null",
    "name_email_type": _EMAIL,
    "parent_does_not_exist": "must be a path in an existing directory",
    "path_exists": "must be a path where nothing exists",
    "path_not_directory": "must be the path of a directory",
    "path_not_file": "must be the path of a file",
    "path_not_socket": "must be the path of a socket",
    "path_type": "must be a path",
    "payment_card_number_brand": "must have as many digits as cards of its brand",
    "payment_card_number_digits": "must have digits only",
    "payment_card_number_luhn": "must be a card number with a valid check digit",
    "sequence_str": _LIST,
    "zoneinfo_str": "must be a time zone such as Europe/Lisbon",
}
"""The codes of the types that pydantic writes in Python."""


def validation_message(code: str, details: Details, own: str) -> str:
    """Return the message for pydantic's `code`; `own` for the code of an application's own `PydanticCustomError`.

    >>> validation_message("too_short", {"min_length": 1}, "")
    'must not be empty'
    """
    message = MESSAGES.get(code) or PYTHON_TYPES.get(code)
    if message is None:
        return own
    return message(details) if callable(message) else message.format_map(details)
