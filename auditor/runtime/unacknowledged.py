"""Work that a killed worker had taken from the embedded broker: put back at once, not after a timeout."""

import json
from collections.abc import Collection
from typing import Any

from kombu import Connection


def restore(broker_url: str, queues: Collection[str]) -> int:
    """Put every delivery that was not acknowledged back on its queue, of these queues; returns how many.

    Only for the embedded broker, and only while no worker of these queues lives: the supervisor knows that, nobody
    else does.
    """
    restored = 0
    with Connection(broker_url) as broker:
        channel: Any = broker.default_channel
        for tag in channel.client.zrange(channel.unacked_index_key, 0, -1):
            kept = channel.client.hget(channel.unacked_key, tag)
            if kept is not None and json.loads(kept)[2] in queues:  # message, exchange, routing key
                channel.qos.restore_by_tag(tag.decode(), client=channel.client)
                restored += 1
    return restored
