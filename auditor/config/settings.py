"""Settings: each once, in headed paragraphs; all environment reading is in `env`."""

import os
import secrets
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from auditor.config import env
from auditor.runtime import places

# --- Who we are

BASE_DIR = Path(__file__).resolve().parent.parent.parent
ROOT_URLCONF = "auditor.config.urls"
WSGI_APPLICATION = "auditor.config.wsgi.application"
DEBUG = env.DEBUG
ALLOWED_HOSTS = env.ALLOWED_HOSTS
CSRF_TRUSTED_ORIGINS = env.TRUSTED_ORIGINS


def _own_secret() -> str:
    """The secret of a one-machine installation: made at first use, readable by its owner only."""
    path = places.VAR / "secret_key"
    places.VAR.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with open(path, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    return path.read_text(encoding="utf-8")


if env.SECRET_KEY:
    SECRET_KEY = env.SECRET_KEY
elif env.DATABASE_URL:
    raise ImproperlyConfigured(
        "AUDITOR_SECRET_KEY (or AUDITOR_SECRET_KEY_FILE) is required with DATABASE_URL"
    )
else:
    SECRET_KEY = _own_secret()

# --- What is installed, in the order in which data flows

EVIDENCE_APPS = [
    "auditor.runtime",
    "auditor.ledger",
    "auditor.web",
    "auditor.accounts",
    "auditor.runs",
    "auditor.webhooks",
    "auditor.corpus",
    "auditor.evidence",
    "auditor.llm",
    "auditor.sampling",
    "auditor.judging",
    "auditor.interp",
    "auditor.intake",
    "auditor.browse",
]
PEOPLE_APPS = [
    "labeling.codebooks",
    "labeling.discussion",
    "labeling.queues",
    "labeling.annotations",
    "labeling.agreement",
    "labeling.adjudication",
    "labeling.validity",
    "labeling.datasets",
    "labeling.overview",
]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
    "template_partials.apps.SimpleAppConfig",
    *EVIDENCE_APPS,
    *PEOPLE_APPS,
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "auditor.accounts.signed_in.SignedIn",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "auditor.accounts.resting.RestingProjects",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [
                        (
                            "django.template.loaders.cached.Loader",
                            ["django.template.loaders.filesystem.Loader"],
                        )
                    ],
                )
            ],
            "builtins": ["template_partials.templatetags.partials", "auditor.web.templatetags.words"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "auditor.config.context.page",
            ],
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Where things live


def _database(url: str) -> dict[str, object]:
    """A DATABASES entry from a `postgresql://user:password@host:port/name?option=value` URL."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(f"DATABASE_URL must start with postgresql://, not {parts.scheme}://")
    options = dict(parse_qsl(parts.query))
    return {
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(options.pop("host", parts.hostname or "")),
        "PORT": str(parts.port or options.pop("port", "") or "5432"),
        "OPTIONS": options,
    }


DATABASES = {
    "default": {
        "ENGINE": "auditor.web.postgresql",
        "CONN_MAX_AGE": 60,  # seconds
        "CONN_HEALTH_CHECKS": True,
        **(_database(env.DATABASE_URL) if env.DATABASE_URL else places.embedded_database()),
    }
}
DATABASES["default"]["OPTIONS"]["prepare_threshold"] = (
    2  # times a statement of `web.prepared` is planned anew
)
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": places.FILES,
            "base_url": None,
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
FILE_UPLOAD_MAX_MEMORY_SIZE = 1 << 20  # bytes; larger uploads go to disk
FILE_UPLOAD_HANDLERS = [
    "auditor.web.uploads.BoundedUpload",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
FILE_UPLOAD_PERMISSIONS = 0o600

# --- People and safety

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "accounts:sign_in"
LOGIN_REDIRECT_URL = "overview:home"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_ENGINE = "auditor.accounts.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600  # seconds
if env.HTTPS:
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- Background work: rows are the truth, the broker is a doorbell

CELERY_BROKER_URL = env.CELERY_BROKER_URL or places.embedded_broker_url()
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        "visibility_timeout": 3600,  # seconds; longer than any task
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
    }
    if CELERY_BROKER_URL.startswith("redis")
    else {}
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = env.WORKER_PROCESSES
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ALWAYS_EAGER = env.EAGER_TASKS
CELERY_TASK_EAGER_PROPAGATES = env.EAGER_TASKS
CELERY_TASK_DEFAULT_QUEUE = "io"
CELERY_TASK_ROUTES = {
    "judging.preflight": {"queue": "io"},  # a few calls that somebody waits for
    "judging.*": {"queue": "llm"},  # long: they wait for models, and short work does not wait for them
    "interp.explain": {"queue": "io"},  # texts alone
    "interp.*": {"queue": "gpu"},  # one device, and the only worker that loads torch
}
CELERY_BEAT_SCHEDULE = {
    "pulse": {"task": "runs.pulse", "schedule": 10.0, "options": {"expires": 20}},
    "pulse-calls": {
        "task": "runs.pulse",
        "schedule": 10.0,
        "args": ["llm"],
        "options": {"queue": "llm", "expires": 20},
    },
    "pulse-models": {
        "task": "runs.pulse",
        "schedule": 10.0,
        "args": ["gpu"],
        "options": {"queue": "gpu", "expires": 20},
    },
    "sweep": {"task": "runs.sweep", "schedule": 15.0, "options": {"expires": 30}},
    "webhooks": {"task": "webhooks.sweep", "schedule": 5.0, "options": {"expires": 10}},
    "webhook-log": {"task": "webhooks.forget", "schedule": 3600.0, "options": {"expires": 3600}},
    "give_on": {"task": "queues.give_on", "schedule": 15.0, "options": {"expires": 30}},
    "leftovers": {"task": "overview.sweep_files", "schedule": 3600.0, "options": {"expires": 3600}},
    "settle": {"task": "adjudication.settle_due", "schedule": 15.0, "options": {"expires": 30}},
}

# --- Who keeps a record of what stands behind evidence of a kind that came from outside

WITNESSES = {"judge": "auditor.judging.actions.imported_version"}

# --- The one-command run

OWN_DATABASE = not env.DATABASE_URL
OWN_BROKER = not env.CELERY_BROKER_URL
RUN_HOST = env.HOST
RUN_PORT = env.PORT
CALLER_PROCESSES = env.CALLER_PROCESSES
INTERP_PYTHON = env.INTERP_PYTHON

# --- Words, times and limits

LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = env.TIME_ZONE
USE_THOUSAND_SEPARATOR = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 << 20  # bytes of a form, files excluded
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000
ALLOWED_HOOK_HOSTS = env.ALLOWED_HOOK_HOSTS
ALLOWED_MODEL_HOSTS = env.ALLOWED_MODEL_HOSTS
MAX_UPLOAD_BYTES = env.MAX_UPLOAD_MB << 20
MODEL_FOLDERS = env.MODEL_FOLDERS
ALLOW_HUB = env.ALLOW_HUB

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {  # a line for each call would be all that a log holds, and OPENAI_LOG may not ask for more
        name: {"level": "WARNING"} for name in ("openai", "httpx2", "httpcore2")
    },
}
