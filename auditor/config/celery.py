"""The Celery application: queues by what they exhaust, tasks found in each slice's `tasks`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "auditor.config.settings")
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")  # the tests check; else every worker loads every page

app = Celery("auditor")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
