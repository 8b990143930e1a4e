#!/bin/sh
# One image, six roles: web, worker, caller, modeller (which needs the image with torch), beat, migrate. Anything else is a command of manage.py.
set -eu

role="${1:-web}"
[ "$#" -eq 0 ] || shift

case "$role" in
    web)
        exec python -m auditor.runtime.web --host "${AUDITOR_HOST:-0.0.0.0}" --port "${AUDITOR_PORT:-8000}" "$@"
        ;;
    worker)
        exec python -m celery -A auditor.config worker -Q io -l INFO --without-gossip --without-mingle "$@"
        ;;
    caller)
        # Long runs of calls to models, apart so that no short work waits for them.
        exec python -m celery -A auditor.config worker -Q llm -c "${AUDITOR_CALLER_PROCESSES:-2}" -l INFO \
            --without-gossip --without-mingle "$@"
        ;;
    modeller)
        # Loads models and reads their activations. It never forks: torch and a device do not live through that.
        exec python -m celery -A auditor.config worker -Q gpu --pool solo -l INFO --without-gossip --without-mingle "$@"
        ;;
    beat)
        # One beat only. Its schedule is intervals of seconds, so its memory may be lost.
        exec python -m celery -A auditor.config beat -l INFO --pidfile= -s "$(mktemp -d)/schedule" "$@"
        ;;
    migrate)
        exec python manage.py migrate --noinput "$@"
        ;;
    *)
        exec python manage.py "$role" "$@"
        ;;
esac
