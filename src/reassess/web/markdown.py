"""A study's own Markdown as part of a page: HTML in it is shown as text, and images are not."""

from markdown_it import MarkdownIt

_LOWEST = 6


def markdown_page(text: str) -> str:
    """Safe HTML of a Markdown text, whose headings stand below the page's own.

    Tags in the text are escaped, and links lead nowhere but to http, https and mail addresses.
    Images are not shown: pages load nothing from other sites.
    """
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    tokens = reader.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(_LOWEST, int(token.tag[1]) + 1)}"
    return str(reader.renderer.render(tokens, reader.options, {}))


def contact_link(contact: str) -> str | None:
    """Where a contact leads: a web or mail address; None where it is words."""
    if contact.startswith(("https://", "http://")):
        return contact
    is_mail = contact.count("@") == 1 and " " not in contact
    return f"mailto:{contact}" if is_mail else None
