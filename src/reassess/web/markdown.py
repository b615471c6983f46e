"""A study's own Markdown as part of a page: HTML in it is shown as text, and images are not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from markdown_it import MarkdownIt

_LOWEST = 6


@dataclass(frozen=True, slots=True)
class StudyText:
    """A text of the study's own, in Markdown, in one language or several.

    Attributes:
        usual: the text for whoever reads none of the other languages; empty where there is none.
        translations: the text in other languages, by their codes.
    """

    usual: str = ""
    translations: Mapping[str, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[str]:
        """Every version of the text."""
        yield self.usual
        yield from self.translations.values()

    def __bool__(self) -> bool:
        return bool(self.usual)

    def markdown(self, language: str) -> str:
        """The text for readers of a language."""
        return self.translations.get(language, self.usual)

    def html(self, language: str) -> str:
        """The same as safe HTML."""
        return markdown_page(self.markdown(language))


NO_TEXT = StudyText()


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
