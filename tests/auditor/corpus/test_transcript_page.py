"""The transcript as the browser gets it: the text of every part is the stored text."""

from html.parser import HTMLParser
from types import SimpleNamespace

from django.template.loader import render_to_string

from auditor.corpus.document import Mark, render

TEXTS = ["\n  two spaces & a <b>\n\n", "tab\there\n", '"quoted" </div></details>', "\U0001f600 \u6f22\u5b57"]


class Parts(HTMLParser):
    """The text of each .part by (position, part), and every link target on the page."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[tuple[str, str], str] = {}
        self.ids: list[str] = []
        self.position = ""
        self.part = ""
        self.depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        assert "style" not in found
        assert not any(name.startswith("on") for name in found)
        self.ids += [found["id"]] if "id" in found else []
        self.position = found.get("data-position", self.position)
        if "data-part" in found:
            self.part, self.depth = found["data-part"], 0
            self.texts[self.position, self.part] = ""
        self.depth += 1

    def handle_endtag(self, tag: str) -> None:
        self.depth -= 1
        if self.depth == 0:
            self.part = ""

    def handle_data(self, data: str) -> None:
        if self.part:
            self.texts[self.position, self.part] += data


def said(position: int, text: str, **more: object) -> SimpleNamespace:
    shape = {"role": "assistant", "reasoning": "", "parts": [], "model_name": "secret-model"}
    return SimpleNamespace(**{**shape, "position": position, "text": text, **more})


def page_of(messages: list[SimpleNamespace], marks: list[Mark], **context: object) -> str:
    document = render(messages, marks)
    return render_to_string("components/transcript.html", {"document": document, **context})


def test_the_text_of_every_part_is_the_stored_text() -> None:
    call = {"kind": "tool_call", "name": "sh", "text": TEXTS[2]}
    messages = [said(0, TEXTS[0], reasoning=TEXTS[1], parts=[call]), said(1, TEXTS[3], role="user")]
    reader = Parts()
    reader.feed(page_of(messages, [Mark(0, "text", 0, 7, "span", "intent", ident="a", label="a")]))
    assert reader.texts == {
        ("0", "reasoning"): TEXTS[1],
        ("0", "text"): TEXTS[0],
        ("0", "part:0"): TEXTS[2],
        ("1", "text"): TEXTS[3],
    }
    assert {"m0", "m1", "mark-a"} <= set(reader.ids)
    assert len(reader.ids) == len(set(reader.ids))


def test_the_model_is_named_only_where_the_page_allows_it() -> None:
    assert "secret-model" not in page_of([said(0, "Hello.")], [])
    assert "secret-model" in page_of([said(0, "Hello.")], [], show_model=True)


def test_a_transcript_without_messages_says_so() -> None:
    assert "no messages" in page_of([], [])


def test_the_outline_shows_the_heat_and_the_hues_of_each_message() -> None:
    marks = [Mark(0, "text", 0, 2, "heat", level=20), Mark(0, "text", 0, 2, "span", "halluc")]
    page = render_to_string("components/outline.html", {"document": render([said(0, "Hello.")], marks)})
    assert 'href="#m0"' in page
    assert "w-20" in page
    assert "dot halluc" in page
