"""What the model read, as it read it: the rendered text and its tokens, some at a time."""

from dataclasses import dataclass

from auditor.evidence.blockformat import BlockValues
from auditor.evidence.layers import Blocks
from auditor.evidence.models import Block, Channel

MOST = 300  # tokens on one page


@dataclass(frozen=True)
class TokenRow:
    """One token, with the words it stands on."""

    index: int
    number: int  # in the vocabulary
    words: str  # of the rendered text
    position: int | None  # message; None between messages
    part: str
    start: int
    end: int
    special: bool
    counted: bool
    value: float | None  # of the channel asked for

    @property
    def anchor(self) -> str:
        """Its words in the transcript, as an address has them; empty where it has none."""
        if self.position is None or self.end <= self.start:
            return ""
        return f"{self.position}.{self.part}.{self.start}-{self.end}"


@dataclass(frozen=True)
class Rendered:
    """A page of a block's tokens, and the rendered text that they cover."""

    block: Block
    subject: str
    n_tokens: int
    n_counted: int
    n_chars: int
    first: int
    text: str
    rows: list[TokenRow]

    @property
    def end(self) -> int:
        """One past the last token shown."""
        return self.first + len(self.rows)


def rendered(blocks: Blocks, block: Block, *, first: int, channel: Channel | None) -> Rendered | None:
    """The tokens of one of the blocks from `first` on; None where its file cannot be read."""
    values = blocks.values(block)
    if values is None:
        return None
    tokens = values.tokens
    first = max(0, min(first, len(tokens) - 1))
    end = min(first + MOST, len(tokens))
    rows = [_row(values, index, block, channel) for index in range(first, end)]
    return Rendered(
        block=block,
        subject=str(values.facts.get("subject") or values.facts.get("model") or ""),
        n_tokens=len(tokens),
        n_counted=int((tokens.counted > 0).sum()),
        n_chars=len(values.rendered),
        first=first,
        text=values.rendered[int(tokens.at[first]) : int(tokens.till[end - 1])],
        rows=rows,
    )


def _row(values: BlockValues, index: int, block: Block, channel: Channel | None) -> TokenRow:
    tokens = values.tokens
    position = int(tokens.position[index])
    value = None
    if channel is not None and channel.pk in block.channels:
        value = float(values.values[block.channels.index(channel.pk), index])
    return TokenRow(
        index=index,
        number=int(tokens.id[index]),
        words=values.rendered[int(tokens.at[index]) : int(tokens.till[index])],
        position=position if position >= 0 else None,
        part=values.parts[int(tokens.part[index])] if values.parts and position >= 0 else "",
        start=int(tokens.start[index]),
        end=int(tokens.end[index]),
        special=bool(tokens.special[index]),
        counted=bool(tokens.counted[index]),
        value=value,
    )
