"""Messages as elements of a page."""

from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

from auditor.corpus.document import Cut, Document, render
from auditor.corpus.templatetags.printed import printed_messages, printed_outline

HOSTILE = "a\"><img src=x onerror='alert(1)'>"


def document(cut: Cut | None = None, **said: Any) -> Document:
    plain = {"position": 3, "role": "assistant", "text": "", "reasoning": "", "parts": [], "model_name": ""}
    return render(
        [SimpleNamespace(**{**plain, **said})], markdown=True, media=lambda digest: f"/m/{digest}", cut=cut
    )


class Page(HTMLParser):
    """The elements with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def printed(made: Document, linked: Any = None, **more: Any) -> str:
    project = SimpleNamespace(slug="an-audit")
    return printed_messages(made, project, linked, **{"folds": False, "show_model": False, **more})


def test_whatever_a_source_calls_things_stays_text_and_attribute() -> None:
    parts: list[dict[str, Any]] = [
        {"kind": "image", "blob": "a" * 64, "media_type": "image/png", "name": HOSTILE},
        {"kind": "tool_call", "name": HOSTILE, "text": HOSTILE, "valid": False},
        {"kind": "tool_result", "name": HOSTILE, "text": HOSTILE, "error": HOSTILE},
        {"kind": HOSTILE, "text": HOSTILE},
    ]
    made = document(role=HOSTILE, text=HOSTILE, reasoning=HOSTILE, parts=parts, model_name=HOSTILE)
    page = Page(printed(made, show_model=True) + printed_outline(made))
    images = [attributes for tag, attributes in page.elements if tag == "img"]
    assert [one["src"] for one in images] == [f"/m/{'a' * 64}"]
    assert HOSTILE in str(images[0]["alt"])
    assert not [one for _, one in page.elements if any(name.startswith("on") for name in one)]
    assert (
        page.text.count(HOSTILE) == 13
    )  # role (in the outline too), model, texts, names, the kind, error and file


def test_a_stretch_of_a_long_text_leads_to_the_rest_where_there_is_an_address() -> None:
    made = document(Cut(4, {(3, "text"): (2, 6)}), text="0123456789")
    assert "2\u00a0characters before this</p>" in printed(made)
    html = printed(made, SimpleNamespace(pk=7))
    ways = [one["data-part-url"] for tag, one in Page(html).elements if "data-part-url" in one]
    assert [way.split("?")[1] for way in ways if way] == ["at=3.text.0-6", "at=3.text.2-10"]
    assert 'data-from="2" dir="auto">2345</div>' in html
    assert "Copy message 4 as JSON" in html


def test_long_output_of_tools_is_folded_where_it_is_asked_for() -> None:
    made = document(role="tool", text="line\n" * 40)
    assert "Show all 41\u00a0lines" in printed(made, folds=True)
    assert "Show all" not in printed(made)


def test_what_is_empty_says_so() -> None:
    assert "This message is empty." in printed(document())
    assert '<p class="nothing">nothing</p>' in printed(document(role="tool"))
