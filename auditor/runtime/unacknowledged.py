"""Work that a killed worker had taken from the embedded broker: put back at once, not after a timeout."""

from typing import Any

from kombu import Connection


def restore(broker_url: str) -> int:
    """Put every delivery that was not acknowledged back on its queue; returns how many.

    Only for the embedded broker, and only while no worker lives: the supervisor knows that, nobody else does.
    """
    with Connection(broker_url) as broker:
        channel: Any = broker.default_channel
        tags = channel.client.zrange(channel.unacked_index_key, 0, -1)
        for tag in tags:
            channel.qos.restore_by_tag(tag.decode(), client=channel.client)
        return len(tags)
