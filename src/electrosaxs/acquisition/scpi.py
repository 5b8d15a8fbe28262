"""SCPI as instruments read it: long and short headers, several commands in one message, quoted arguments."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

Handler = Callable[[str], str | None]


def header_pattern(notation: str) -> re.Pattern[str]:
    """What a header in the notation of manuals matches: upper-case letters are the short form, [ ] may be left out.

    >>> bool(header_pattern("SOURce[1]:VOLTage[:LEVel]").fullmatch("sour:volt"))
    True
    """
    text = notation.replace("?", r"\?").replace("*", r"\*")
    text = re.sub(r"([A-Z]+)([a-z]+)", lambda m: f"{m[1]}(?:{m[2].upper()})?", text)
    text = text.replace("[", "(?:").replace("]", ")?")
    return re.compile(text, re.IGNORECASE)


def messages(line: str) -> Iterator[tuple[str, str]]:
    """Header (without the leading colon) and arguments of each command of a line.

    A command that begins without a colon goes on below the header of the one before it.
    """
    path = ""
    for part in split_outside_quotes(line, ";"):
        text = part.strip()
        if not text:
            continue
        header, _, arguments = text.partition(" ")
        rooted = header.startswith((":", "*"))
        header = header.lstrip(":") if rooted or not path else f"{path}:{header}"
        if not header.startswith("*"):
            path = header.rpartition(":")[0]
        yield header, arguments.strip()


def split_outside_quotes(text: str, mark: str) -> list[str]:
    """`text` cut at `mark`, but not within quotes of either kind."""
    parts, quote = [""], ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == mark:
            parts.append("")
            continue
        parts[-1] += letter
    return parts


def switch(text: str) -> bool:
    """ON, OFF or a number as a truth."""
    return text.upper() == "ON" or (text.upper() != "OFF" and float(text) != 0.0)
