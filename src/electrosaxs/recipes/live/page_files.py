"""The files of the page."""


def page_files() -> dict[str, tuple[str, bytes]]:
    """Path -> media type and content."""
    return {}
