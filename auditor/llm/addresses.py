"""Which endpoints may be called: public ones over https://, and hosts that the deployment names."""

from django.conf import settings

from auditor.webhooks.addresses import Forbidden, Target, read, resolve

__all__ = ["Forbidden", "Target", "check", "origin", "tidy"]
OWN = " A host of your own network is named in AUDITOR_ALLOWED_MODEL_HOSTS."
PATH = "/chat/completions"  # appended to the base


def tidy(base_url: str) -> str:
    """A base address without the end that people paste along with it."""
    return base_url.strip().rstrip("/").removesuffix(PATH).rstrip("/")


def origin(base_url: str) -> tuple[str, str, int]:
    """Scheme, host and port: to whom a key is given.

    Raises:
        Forbidden: no such address.
    """
    target = read(base_url, allowed=settings.ALLOWED_MODEL_HOSTS)
    return target.scheme, target.host, target.port


def check(base_url: str) -> None:
    """An address that could be called; a name that cannot be looked up now may be there tomorrow.

    Raises:
        Forbidden: not public and not named by the deployment, not HTTPS, or no address; the message says which.
    """
    if "?" in base_url or "#" in base_url:
        raise Forbidden("A base address has neither ? nor #.")
    try:
        resolve(base_url, allowed=settings.ALLOWED_MODEL_HOSTS)
    except Forbidden as problem:
        raise Forbidden(_about_endpoints(str(problem))) from problem
    except OSError:
        return


def _about_endpoints(words: str) -> str:
    """The same refusal, of an endpoint instead of a message."""
    if "password" in words:
        return "Leave name and password out of the address: the key says who is calling."
    if words.startswith("Messages"):
        return "Endpoints are called over https:// only." + OWN
    return words + OWN if "not a public address" in words else words
