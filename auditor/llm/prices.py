"""What tokens cost. Prices are decimal strings in units of a currency per million tokens; costs are whole
millionths of a unit, so that price times tokens is a cost as it stands."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any

DIGITS = 6  # after the point of a price
MOST = Decimal(1_000_000)  # a price per million tokens beyond this is a slip of the keyboard


@dataclass(frozen=True, slots=True)
class Model:
    """A model that an endpoint offers."""

    name: str
    context: int  # tokens of prompt and answer together
    price_in: Decimal | None = None  # per million tokens of prompt; null: not known
    price_out: Decimal | None = None  # per million tokens of answer

    @property
    def has_price(self) -> bool:
        """Whether a cost can be worked out."""
        return self.price_in is not None and self.price_out is not None

    def plain(self) -> dict[str, Any]:
        """As it is stored."""
        price_in, price_out = written(self.price_in), written(self.price_out)
        return {"name": self.name, "context": self.context, "price_in": price_in, "price_out": price_out}


def read_models(stored: list[dict[str, Any]]) -> list[Model]:
    """The models of an endpoint as they are stored."""
    return [
        Model(one["name"], one["context"], read_price(one["price_in"]), read_price(one["price_out"]))
        for one in stored
    ]


def read_price(text: str) -> Decimal | None:
    """A price as it is written down; empty is none.

    Raises:
        ValueError: no number, below 0, too large, or finer than six digits.
    """
    if not text.strip():
        return None
    try:
        price = Decimal(text.strip())
    except InvalidOperation as problem:
        raise ValueError("A price is a number, as 2.50.") from problem
    if not price.is_finite() or price < 0 or price > MOST:
        raise ValueError("A price is a number from 0 to 1000000.")
    if price != round(price, DIGITS):
        raise ValueError(f"A price has {DIGITS} digits after the point at most.")
    return price


def written(price: Decimal | None) -> str:
    """A price without needless zeros; empty for none."""
    return "" if price is None else f"{price.normalize():f}"


def cost(model: Model, prompt_tokens: int, answer_tokens: int) -> int | None:
    """Millionths of a unit, rounded up; None where a price is not known.

    Discounts (for cached prompts, for batches) are not known here, so this is the most that it can be.
    """
    if model.price_in is None or model.price_out is None:
        return None
    exact = model.price_in * prompt_tokens + model.price_out * answer_tokens
    return int(exact.to_integral_value(ROUND_CEILING))
