r"""How COPY spells a row in its text form.

Fields are joined by tabs, rows end in a line feed; in a field a backslash, tab, line feed and carriage
return are written as \\, \t, \n and \r. Source: PostgreSQL's manual, COPY, text format.
"""

NULL = b"\\N"


def row(*values: object) -> bytes:
    """One row of texts, numbers and None."""
    return b"\t".join([field_of(value) for value in values]) + b"\n"


def field_of(value: object) -> bytes:
    """One field: a text, a number, or None for null."""
    if value.__class__ is int:
        return b"%d" % value
    return NULL if value is None else escaped(str(value).encode())


def escaped(data: bytes) -> bytes:
    """UTF-8 as a field."""
    if b"\\" in data:
        data = data.replace(b"\\", b"\\\\")
    if b"\n" in data:
        data = data.replace(b"\n", b"\\n")
    if b"\t" in data:
        data = data.replace(b"\t", b"\\t")
    if b"\r" in data:
        data = data.replace(b"\r", b"\\r")
    return data
