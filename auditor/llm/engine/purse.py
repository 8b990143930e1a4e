"""A budget, kept by the worst that each call can cost until what it did cost is known. All in millionths of a unit."""

from auditor.llm import prices
from auditor.llm.calls import Call
from auditor.llm.engine.stops import NoPrice


class Purse:
    """What was spent, and what is promised to calls that are under way."""

    def __init__(self, *, models: list[prices.Model], cap: int | None, spent: int) -> None:
        self.spent = spent
        self.cap = cap
        self._models = {model.name: model for model in models}
        self._promised: dict[str, int] = {}  # key of a call -> the most that it can cost

    def worst(self, call: Call) -> int | None:
        """The most that a call can cost by its own estimate; None where its model has no price."""
        model = self._models.get(str(call.body.get("model", "")))
        return None if model is None else prices.cost(model, call.prompt_tokens, call.answer_tokens)

    def promise(self, call: Call) -> bool:
        """Set aside what a call can cost, if the budget bears it; one call may always go while a bit is left.

        Raises:
            NoPrice: there is a budget, and no price to keep it by.
        """
        if self.cap is None:
            return True
        worst = self.worst(call)
        if worst is None:
            raise NoPrice(
                f"A budget needs a price: there is none for {call.body.get('model') or 'no model'!r}."
            )
        bears = self.spent + sum(self._promised.values()) + worst <= self.cap
        if not bears and (self._promised or self.spent >= self.cap):
            return False
        self._promised[call.key] = worst
        return True

    def release(self, call: Call) -> None:
        """The call is not under way any more, or never was."""
        self._promised.pop(call.key, None)

    def cost(self, call: Call, prompt_tokens: int | None, completion_tokens: int | None) -> int | None:
        """What an answer cost; the worst that it can have cost where the endpoint did not count."""
        model = self._models.get(str(call.body.get("model", "")))
        if model is None:
            return None
        prompt = call.prompt_tokens if prompt_tokens is None else prompt_tokens
        return prices.cost(
            model, prompt, call.answer_tokens if completion_tokens is None else completion_tokens
        )
