"""Which names of its query a page reads: a query that names none of them need not be asked of it."""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import pytest
from django.core.handlers import wsgi
from django.http import QueryDict


class Watched(QueryDict):
    """A query that remembers what was read of it. Writing it out again, as links of a page do, reads nothing."""

    names: ClassVar[set[str]] = set()  # read since `forget`
    whole: ClassVar[list[bool]] = [False]  # whether somebody looked through all of it

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._silent = True
        super().__init__(*args, **kwargs)
        self._silent = False

    @classmethod
    def forget(cls) -> None:
        """Begin anew, with another page."""
        cls.names.clear()
        cls.whole[0] = False

    @classmethod
    def is_asked(cls, names: Iterable[str]) -> bool:
        """Whether the page has read one of these names, or all there are."""
        return cls.whole[0] or not cls.names.isdisjoint(names)

    def _read(self, name: str) -> None:
        if not self._silent:
            self.names.add(name)

    def _all(self) -> None:
        if not self._silent:
            self.whole[0] = True

    def __getitem__(self, key: str) -> Any:
        self._read(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self._read(str(key))
        return super().__contains__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._read(key)
        return super().get(key, default)

    def getlist(self, key: str, default: Any = None) -> Any:
        self._read(key)
        return super().getlist(key, default)

    def pop(self, key: str, *default: Any) -> Any:
        self._read(key)
        return super().pop(key, *default)

    def __iter__(self) -> Iterator[str]:
        self._all()
        return super().__iter__()

    def keys(self) -> Any:
        self._all()
        return super().keys()

    def items(self) -> Any:
        self._all()
        return super().items()

    def lists(self) -> Any:
        self._all()
        return super().lists()

    def values(self) -> Any:
        self._all()
        return super().values()

    def dict(self) -> Any:
        self._all()
        return super().dict()

    def copy(self) -> "Watched":
        made = Watched("", mutable=True, encoding=self.encoding)
        made._silent = True
        for key in dict.__iter__(self):
            made.setlist(key, list(dict.__getitem__(self, key)))
        made._silent = False
        return made

    def urlencode(self, safe: str | None = None) -> str:
        plain = QueryDict("", mutable=True, encoding=self.encoding)
        for key in dict.__iter__(self):
            plain.setlist(key, dict.__getitem__(self, key))
        return plain.urlencode(safe)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> type[Watched]:
    """Every request's query, watched."""
    monkeypatch.setattr(wsgi, "QueryDict", Watched)
    Watched.forget()
    return Watched
