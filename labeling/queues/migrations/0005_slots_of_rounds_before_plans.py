from django.db import migrations

# Rounds that were opened before there were plans: what is held or done has its slot, the rest is free
# for everybody, in an order that tells nothing.
SLOTS = """
    INSERT INTO queues_assignment (round_id, item_id, slot, reviewer_id, place, is_open)
    SELECT i.round_id, i.id, s.slot, l.reviewer_id, hashint8extended(i.id, s.slot) & 1073741823,
           l.id IS NULL AND r.closed_at IS NULL
    FROM queues_item i JOIN queues_round r ON r.id = i.round_id
    CROSS JOIN LATERAL generate_series(0, i.wanted - 1) AS s(slot)
    LEFT JOIN queues_lease l ON l.item_id = i.id AND l.slot = s.slot AND l.state IN ('held', 'done')
"""
DONE = """
    UPDATE queues_item i SET n_done = d.n FROM (SELECT item_id, count(*) AS n FROM queues_lease
        WHERE state = 'done' GROUP BY item_id) d WHERE d.item_id = i.id
"""
DONE_BY = """
    UPDATE queues_roundmember m SET n_done = d.n FROM (SELECT round_id, reviewer_id, count(*) AS n
        FROM queues_lease JOIN queues_item ON queues_item.id = item_id WHERE state = 'done'
        GROUP BY round_id, reviewer_id) d WHERE d.round_id = m.round_id AND d.reviewer_id = m.user_id
"""


class Migration(migrations.Migration):
    dependencies = [("queues", "0004_plans_and_gold")]

    operations = [migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in (SLOTS, DONE, DONE_BY)]
