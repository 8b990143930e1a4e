"""Names and short names of what a project has one of."""

from django.utils.text import slugify


class CannotDo(ValueError):
    """It cannot be as asked; `field` says what it is about, the message why."""

    def __init__(self, reason: str, *, field: str = "") -> None:
        super().__init__(reason)
        self.field = field


def named(name: str, slug: str = "") -> tuple[str, str]:
    """The name and the short name of something new.

    Raises:
        CannotDo: nothing in it that a short name can be made of.
    """
    name = name.replace("\0", "").strip()[:150]
    short = slugify(slug or name)[:60].strip("-")
    if not name or not short:
        raise CannotDo("Give it a name with letters or digits in it.", field="name")
    return name, short
