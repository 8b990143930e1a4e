"""The statements by which slots change hands, each a single one: it picks, marks and writes.

Values: %(me)s the reviewer, %(round)s, %(now)s and %(until)s the lease's time. Who takes a slot is written into the
trail by the same statement, as `ledger.record` would: %(name)s and %(project)s are for that.
"""

from auditor.web.plainrows import Columns
from labeling.queues.models import Lease, RoundMember

LEASES, SEATS = Columns(Lease), Columns(RoundMember)
# One tab of a reviewer at a time, until the transaction ends.
SEAT = f"""
    SELECT {SEATS.of("seat")} FROM queues_roundmember seat
    WHERE seat.round_id = %(round)s AND seat.user_id = %(me)s FOR UPDATE
"""  # noqa: S608 - made of constants
# What lies on the reviewer's desk, held; or held with the full time ahead of it, in a round that is open.
HELD = """
    SELECT lease.* FROM queues_lease lease JOIN queues_item item ON item.id = lease.item_id
    WHERE lease.reviewer_id = %(me)s AND lease.state = 'held' AND item.round_id = %(round)s
    ORDER BY lease.id FOR UPDATE OF lease
"""
KEPT = """
    UPDATE queues_lease lease SET expires_at = %(until)s FROM queues_item item JOIN queues_round r ON r.id = item.round_id
    WHERE item.id = lease.item_id AND item.round_id = %(round)s AND lease.reviewer_id = %(me)s AND lease.state = 'held'
        AND r.closed_at IS NULL
    RETURNING lease.*
"""
# Whether the round hands out, whether the time of one of its leases has run out, and what lies on the reviewer's desk,
# the oldest first. Asked once the seat is held: whoever closes a round holds all its seats first.
DESK = f"""
    WITH held AS ({HELD})
    SELECT round.closed_at, round.paused_at,
        EXISTS (SELECT FROM queues_lease over JOIN queues_item late ON late.id = over.item_id
                WHERE over.state = 'held' AND over.expires_at < %(now)s AND late.round_id = %(round)s),
        {LEASES.of("held")}
    FROM queues_round round LEFT JOIN held ON true WHERE round.id = %(round)s ORDER BY held.id
"""  # noqa: S608 - made of constants
DESK_KEPT = DESK.replace(HELD, KEPT)
RENEW = """
    UPDATE queues_lease lease SET expires_at = %(until)s FROM queues_item item
    WHERE item.id = lease.item_id AND item.round_id = %(round)s AND lease.reviewer_id = %(me)s AND lease.state = 'held'
"""

# A reviewer may get a slot of an item that they neither have, had, nor gave back.
MAY = """
    NOT EXISTS (SELECT FROM queues_lease l WHERE l.item_id = a.item_id AND l.reviewer_id = %(me)s
                AND (l.state IN ('held', 'done') OR l.reason = 'skipped'))
    AND NOT EXISTS (SELECT FROM queues_assignment o WHERE o.item_id = a.item_id AND o.reviewer_id = %(me)s)
"""
GIVEN = f"""
    taken AS (UPDATE queues_assignment t SET is_open = false, reviewer_id = %(me)s FROM picked
              WHERE t.id = picked.id RETURNING t.item_id, t.slot),
    lease AS (INSERT INTO queues_lease
                  (item_id, slot, reviewer_id, state, reason, skip_reason, note, taken_at, expires_at)
              SELECT item_id, slot, %(me)s, 'held', '', '', '', %(now)s, %(until)s FROM taken RETURNING *),
    event AS (INSERT INTO ledger_event
                  (at, actor_id, actor_name, project_id, verb, subject, subject_id, detail)
              SELECT %(now)s, %(me)s, %(name)s, %(project)s, 'item.taken', 'queues.lease', lease.id::text,
                  jsonb_build_object('item', lease.item_id, 'slot', lease.slot) FROM lease)
    SELECT {LEASES.of("lease")} FROM lease
"""  # noqa: S608 - made of constants
# What the reviewer lost to the clock and may still have, then what others gave back, then what is
# planned for them in their own order; whoever is still in training gets the training alone. Only as
# much is looked for as it takes to find one.
TAKE = f"""
    WITH begun AS (SELECT a.id FROM queues_lease b JOIN queues_assignment a ON a.item_id = b.item_id
             WHERE b.reviewer_id = %(me)s AND b.state = 'released' AND b.reason = 'expired'
               AND a.round_id = %(round)s AND a.is_open AND a.reviewer_id IS NULL AND {MAY}
             ORDER BY b.id LIMIT 1 FOR UPDATE OF a SKIP LOCKED),
         freed AS (SELECT a.id FROM queues_assignment a
             WHERE a.round_id = %(round)s AND a.reviewer_id IS NULL AND a.is_open AND {MAY}
             ORDER BY a.place LIMIT 1 FOR UPDATE SKIP LOCKED),
         own AS (SELECT a.id FROM queues_assignment a
             WHERE a.round_id = %(round)s AND a.reviewer_id = %(me)s AND a.is_open
             ORDER BY a.place LIMIT 1 FOR UPDATE),
         picked AS (SELECT id FROM begun UNION ALL SELECT id FROM freed UNION ALL SELECT id FROM own LIMIT 1),
    {GIVEN}
"""  # noqa: S608 - made of constants
TRAIN = f"""
    WITH picked AS (SELECT a.id FROM queues_assignment a
             WHERE a.round_id = %(round)s AND a.reviewer_id = %(me)s AND a.is_open AND a.place < 0
             ORDER BY a.place LIMIT 1 FOR UPDATE),
    {GIVEN}
"""  # noqa: S608 - made of constants
# As TAKE, but it waits for the rows that others hold instead of stepping over them.
TAKE_AFTER_OTHERS = TAKE.replace("SKIP LOCKED", "")
# For whoever has finished their plan where people help each other: the last item, in their order, of
# each of the others, those who have done least first.
OF_OTHERS = f"""
    SELECT x.id FROM queues_roundmember m CROSS JOIN LATERAL (
        SELECT a.id FROM queues_assignment a JOIN queues_item i ON i.id = a.item_id AND i.role = 'work'
        WHERE a.round_id = %(round)s AND a.reviewer_id = m.user_id AND a.is_open AND {MAY}
        ORDER BY a.place DESC LIMIT 1) x
    WHERE m.round_id = %(round)s AND m.user_id <> %(me)s ORDER BY m.n_done, m.id
"""  # noqa: S608 - made of constants
HELP = f"""
    WITH picked AS (SELECT id FROM queues_assignment WHERE id = ANY(%(among)s::bigint[]) AND is_open
             ORDER BY array_position(%(among)s::bigint[], id) LIMIT 1 FOR UPDATE),
    {GIVEN}
"""  # noqa: S608 - made of constants
AGAIN = f"""
    WITH picked AS (SELECT id FROM queues_assignment WHERE item_id = %(item)s AND is_open
             AND (reviewer_id = %(me)s OR reviewer_id IS NULL) ORDER BY reviewer_id LIMIT 1 FOR UPDATE),
    {GIVEN}
"""  # noqa: S608 - made of constants
DONE = """
    WITH mine AS (UPDATE queues_lease SET state = 'done', ended_at = %(now)s
             WHERE id = %(lease)s AND state <> 'done' RETURNING item_id, reviewer_id),
         item AS (UPDATE queues_item i SET n_done = n_done + 1,
                         finished_at = CASE WHEN n_done + 1 >= wanted THEN %(now)s ELSE finished_at END
             FROM mine WHERE i.id = mine.item_id RETURNING i.*),
         seat AS (UPDATE queues_roundmember m SET n_done = m.n_done + 1 FROM mine, item
             WHERE m.round_id = item.round_id AND m.user_id = mine.reviewer_id)
    SELECT item.round_id, item.transcript_id, r.policy FROM item JOIN queues_round r ON r.id = item.round_id
    WHERE item.n_done = item.wanted AND item.role = 'work'
"""
# A slot that was given out is free again: for everybody, or for nobody else where it taught or checked.
FREE = """
    UPDATE queues_assignment a SET
        is_open = i.escalated_at IS NULL AND (i.role = 'work' OR %(reason)s <> 'skipped'),
        reviewer_id = CASE WHEN i.role = 'work' THEN NULL ELSE a.reviewer_id END
    FROM queues_item i WHERE i.id = a.item_id AND a.item_id = %(item)s AND a.slot = %(slot)s AND NOT a.is_open
"""
