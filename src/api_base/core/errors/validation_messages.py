"""Messages for pydantic's error codes, one table for request bodies, parameters and settings.

A message completes the sentence that starts with the name of the value: "name must not be empty". pydantic's own message never leaves
the process. A code that is not in the table belongs to a validator of the application, whose message is already ours.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

type Details = Mapping[str, Any]
"""The details of an error from pydantic, such as `{"min_length": 1}`."""
type Message = str | Callable[[Details], str]
"""A template over the details, or a function of them."""

MAX_QUOTED: Final = 50
"""Characters of a value that a message repeats."""

NOT_VALID: Final = "is not valid"
"""For a code that no JSON document, parameter or setting can cause: pydantic raises it for Python objects and calls only."""
_BOOLEAN: Final = "must be true or false"
_BYTES: Final = "must be a string of bytes"
_COMPLEX: Final = "must be a complex number such as 1+2j"
_DATE: Final = "must be a date such as 2026-01-31"
_DATETIME: Final = "must be a time as in RFC 3339, such as 2026-01-31T12:00:00Z"
_DECIMAL: Final = "must be a decimal number such as 12.50"
_DURATION: Final = "must be a duration such as PT1H30M"
_EMAIL: Final = "must be an e-mail address"
_FRACTION: Final = "must be a fraction such as 3/4"
_FILE_SIZE: Final = "must be a size such as 10MB"
_INTEGER: Final = "must be a whole number"
_LIST: Final = "must be a list"
_NUMBER: Final = "must be a number"
_OBJECT: Final = "must be an object"
_PATTERN: Final = "must be a regular expression"
_PLAIN: Final = "must be a string, a number, true, false or null"
_STRING: Final = "must be a string"
_TIME: Final = "must be a time of day such as 12:00:00"
_UNACCEPTED: Final = "is not an accepted value"
_URL: Final = "must be a URL such as https://example.com"
_UTF8: Final = "must be UTF-8 text"
_UUID: Final = "must be a UUID"


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


MESSAGES: Final[Mapping[str, Message]] = {
    "arguments_type": NOT_VALID,
    "assertion_error": _raised_message,
    "bool_parsing": _BOOLEAN,
    "bool_type": _BOOLEAN,
    "bytes_invalid_encoding": "must be encoded as {encoding}",
    "bytes_too_long": _at_most("byte"),
    "bytes_too_short": _at_least("byte"),
    "bytes_type": _BYTES,
    "callable_type": NOT_VALID,
    "complex_str_parsing": _COMPLEX,
    "complex_type": _COMPLEX,
    "counter_type": _OBJECT,
    "dataclass_exact_type": NOT_VALID,
    "dataclass_type": _OBJECT,
    "date_from_datetime_inexact": "must be a date without a time of day, such as 2026-01-31",
    "date_from_datetime_parsing": _DATE,
    "date_future": "must be in the future",
    "date_parsing": _DATE,
    "date_past": "must be in the past",
    "date_type": _DATE,
    "datetime_from_date_parsing": _DATETIME,
    "datetime_future": "must be in the future",
    "datetime_object_invalid": NOT_VALID,
    "datetime_parsing": _DATETIME,
    "datetime_past": "must be in the past",
    "datetime_type": _DATETIME,
    "decimal_max_digits": _at_most("digit", "max_digits"),
    "decimal_max_places": _at_most("decimal place", "decimal_places"),
    "decimal_parsing": _DECIMAL,
    "decimal_type": _DECIMAL,
    "decimal_whole_digits": lambda details: f"must have at most {_count(details['whole_digits'], 'digit')} before the decimal point",
    "default_factory_not_called": "has no default while another field is not valid",
    "deque_type": _LIST,
    "dict_type": _OBJECT,
    "ellipsis_error": NOT_VALID,
    "enum": "must be {expected}",
    "extra_forbidden": "is not a known field",
    "finite_number": "must be a finite number",
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "fraction_parsing": _FRACTION,
    "fraction_type": _FRACTION,
    "frozen_dict_type": _OBJECT,
    "frozen_field": NOT_VALID,
    "frozen_instance": NOT_VALID,
    "frozen_set_type": _LIST,
    "get_attribute_error": NOT_VALID,
    "greater_than": _bound("must be greater than", "gt"),
    "greater_than_equal": _bound("must be at least", "ge"),
    "int_from_float": _INTEGER,
    "int_parsing": _INTEGER,
    "int_parsing_size": "must be a whole number with fewer digits",
    "int_type": _INTEGER,
    "invalid_key": "must have strings as keys",
    "is_instance_of": NOT_VALID,
    "is_subclass_of": NOT_VALID,
    "iterable_type": _LIST,
    "iteration_error": NOT_VALID,
    "json_invalid": "must be valid JSON",
    "json_type": "must be a string of JSON",
    "less_than": _bound("must be less than", "lt"),
    "less_than_equal": _bound("must be at most", "le"),
    "list_type": _LIST,
    "literal_error": "must be {expected}",
    "mapping_type": _OBJECT,
    "missing": "is required",
    "missing_argument": NOT_VALID,
    "missing_keyword_only_argument": NOT_VALID,
    "missing_positional_only_argument": NOT_VALID,
    "missing_sentinel_error": NOT_VALID,
    "model_attributes_type": _OBJECT,
    "model_type": _OBJECT,
    "multiple_argument_values": NOT_VALID,
    "multiple_of": _bound("must be a multiple of", "multiple_of"),
    "named_tuple_type": "must be a list or an object",
    "needs_python_object": NOT_VALID,
    "no_such_attribute": NOT_VALID,
    "none_required": "must be null",
    "ordered_dict_type": _OBJECT,
    "recursion_depth_exceeded": "is nested too deeply",
    "recursion_loop": NOT_VALID,
    "set_item_not_hashable": "must contain only strings, numbers, true, false and null",
    "set_type": _LIST,
    "string_not_ascii": "must have ASCII characters only",
    "string_pattern_mismatch": "must match the pattern {pattern}",
    "string_too_long": _at_most("character"),
    "string_too_short": _at_least("character"),
    "string_type": _STRING,
    "string_unicode": _UTF8,
    "time_delta_parsing": _DURATION,
    "time_delta_type": _DURATION,
    "time_parsing": _TIME,
    "time_type": _TIME,
    "timezone_aware": "must have a time zone, such as Z",
    "timezone_naive": "must not have a time zone",
    "timezone_offset": _utc_offset,
    "too_long": _at_most("item"),
    "too_short": _at_least("item"),
    "tuple_type": _LIST,
    "unexpected_keyword_argument": NOT_VALID,
    "unexpected_positional_argument": NOT_VALID,
    "union_tag_invalid": _unknown_tag,
    "union_tag_not_found": "must have {discriminator}",
    "url_parsing": _URL,
    "url_scheme": "must be a URL that starts with {expected_schemes}",
    "url_syntax_violation": _URL,
    "url_too_long": _at_most("character"),
    "url_type": _URL,
    "uuid_parsing": _UUID,
    "uuid_type": _UUID,
    "uuid_version": "must be a UUID of version {expected_version}",
    "value_error": _raised_message,
}


PYTHON_TYPES: Final[Mapping[str, str]] = {
    "base64_decode": "must be encoded as Base64",
    "byte_size": _FILE_SIZE,
    "byte_size_unit": _FILE_SIZE,
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
    "is_hashable": _PLAIN,
    "is_type": _UNACCEPTED,
    "name_email_type": _EMAIL,
    "not_operation_failed": _UNACCEPTED,
    "parent_does_not_exist": "must be a path in an existing directory",
    "path_exists": "must be a path where nothing exists",
    "path_not_directory": "must be the path of a directory",
    "path_not_file": "must be the path of a file",
    "path_not_socket": "must be the path of a socket",
    "path_type": "must be a path",
    "pattern_bytes_type": _PATTERN,
    "pattern_regex": _PATTERN,
    "pattern_str_type": _PATTERN,
    "pattern_type": _PATTERN,
    "payment_card_number_brand": "must have as many digits as cards of its brand",
    "payment_card_number_digits": "must have digits only",
    "payment_card_number_luhn": "must be a card number with a valid check digit",
    "predicate_failed": _UNACCEPTED,
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
