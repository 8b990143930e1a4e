"""Pieces of a page that are the same again and again, drawn once for each set of values that they depend on."""

from collections import OrderedDict
from threading import Lock
from typing import Any

from django import template
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.utils.safestring import SafeString

register = template.Library()
MOST = 2000  # pieces held by a process; the one not used for longest goes
_kept: OrderedDict[tuple[Any, ...], SafeString] = OrderedDict()
_lock = Lock()


class Drawn(template.Node):
    def __init__(self, nodelist: NodeList, keys: list[FilterExpression]) -> None:
        self.nodelist, self.keys = nodelist, keys

    def render(self, context: template.Context) -> SafeString:
        """As it was drawn for the same values, else anew; a first value that is empty keeps nothing."""
        values = [key.resolve(context) for key in self.keys]
        if not values[0]:
            return self.nodelist.render(context)
        name = (self, *values)
        with _lock:
            if (found := _kept.get(name)) is not None:
                _kept.move_to_end(name)
                return found
        found = self.nodelist.render(context)
        with _lock:
            _kept[name] = found
            while len(_kept) > MOST:
                _kept.popitem(last=False)
        return found


@register.tag
def drawn(parser: Parser, token: Token) -> Drawn:
    """`{% drawn codebook.digest is_open %}…{% enddrawn %}`: what stands inside may depend on these values and on nothing else.

    So no token of CSRF, no name of who asks, and no address that one of them does not fix.
    """
    keys = [parser.compile_filter(bit) for bit in token.split_contents()[1:]]
    if not keys:
        raise template.TemplateSyntaxError("drawn: say what the piece depends on")
    nodelist = parser.parse(("enddrawn",))
    parser.delete_first_token()
    return Drawn(nodelist, keys)
