"""Values as the golden boards and the conformance kit have them."""

from typing import Any


def plain(value: Any) -> Any:
    """Bytes in hexadecimal digits, tuples as lists."""
    if isinstance(value, bytes):
        return value.hex()
    return list(value) if isinstance(value, tuple) else value


def of_php(value: Any) -> Any:
    """As PHP has it: integers beyond 64 bits with a sign are texts; empty objects are lists."""
    if isinstance(value, dict):
        return {key: of_php(of) for key, of in value.items()} or []
    if isinstance(value, list):
        return [of_php(of) for of in value]
    return str(value) if isinstance(value, int) and value >= 2**63 else value
