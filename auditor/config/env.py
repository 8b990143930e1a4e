"""All reading of the environment: each variable once, typed, with its default."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def env_str(name: str, default: str = "") -> str:
    """The variable, or the content of the file that `NAME_FILE` names, or the default."""
    if file := os.environ.get(f"{name}_FILE"):
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as problem:
            raise ImproperlyConfigured(
                f"{name}_FILE names {file}, which cannot be read: {problem}"
            ) from problem
    return os.environ.get(name, default)


def env_bool(name: str, default: bool) -> bool:
    """True or False, spelled so; anything else stops the start."""
    value = env_str(name, str(default))
    if value not in ("True", "False"):
        raise ImproperlyConfigured(f"{name} must be True or False, not {value!r}")
    return value == "True"


def env_int(name: str, default: int) -> int:
    """A whole number; anything else stops the start."""
    value = env_str(name, str(default))
    try:
        return int(value)
    except ValueError as problem:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}") from problem


def env_list(name: str, default: str = "") -> list[str]:
    """Values separated by commas."""
    return [part.strip() for part in env_str(name, default).split(",") if part.strip()]


DATABASE_URL = env_str("DATABASE_URL")  # empty: the embedded PostgreSQL
CELERY_BROKER_URL = env_str("CELERY_BROKER_URL")  # empty: the embedded broker
SECRET_KEY = env_str("AUDITOR_SECRET_KEY")  # empty: made once and kept under var/
DEBUG = env_bool("AUDITOR_DEBUG", False)
ALLOWED_HOSTS = env_list("AUDITOR_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
TRUSTED_ORIGINS = env_list("AUDITOR_TRUSTED_ORIGINS")
HTTPS = env_bool("AUDITOR_HTTPS", False)  # True behind a TLS proxy: secure cookies, HSTS
MAX_UPLOAD_MB = env_int("AUDITOR_MAX_UPLOAD_MB", 2048)
HOST = env_str("AUDITOR_HOST", "127.0.0.1")  # where `manage.py run` listens
PORT = env_int("AUDITOR_PORT", 8000)
WORKER_PROCESSES = env_int("AUDITOR_WORKER_PROCESSES", 2)
CALLER_PROCESSES = env_int("AUDITOR_CALLER_PROCESSES", 2)  # long runs of calls to models at once
TIME_ZONE = env_str("AUDITOR_TIME_ZONE", "UTC")
ALLOWED_HOOK_HOSTS = env_list("AUDITOR_ALLOWED_HOOK_HOSTS")  # webhooks may reach these, private ones too
ALLOWED_MODEL_HOSTS = env_list("AUDITOR_ALLOWED_MODEL_HOSTS")  # endpoints may be these, private ones too
MODEL_FOLDERS = env_list("AUDITOR_MODEL_FOLDERS")  # absolute; subject models may lie below these
ALLOW_HUB = env_bool("AUDITOR_ALLOW_HUB", False)  # subject models may come from the Hugging Face hub
INTERP_PYTHON = env_str("AUDITOR_INTERP_PYTHON")  # interpreter with torch; empty: the one that is found
EAGER_TASKS = env_bool("AUDITOR_EAGER_TASKS", False)  # tests: tasks run where they are queued
