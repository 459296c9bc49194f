"""The named test points (shm/README.md), and how often each can be reached in a trial: its nth time is chosen below that."""

# Of the synthetic producer: with which options it comes there.
PRODUCER = {
    "block": {
        "segment.created": 3,
        "segment.live": 3,
        "catalogue.record_written": 14,
        "catalogue.published": 14,
        "ring.header_written": 8,
        "ring.words_written": 11000,
        "ring.published": 11000,
        "ring.block_left": 6,
    },
    "drop": {
        "ring.header_written": 4,
        "ring.block_left": 3,
        "ring.loss_counted": 100,
        "ring.loss_ready": 1,
        "ring.loss_written": 1,
        "ring.loss_cleared": 1,
        "ring.published": 9000,
    },
    "overwrite": {"ring.intent": 6, "ring.header_written": 8, "ring.published": 11000, "ring.block_left": 6},
    "names": {"catalogue.sealed": 1, "segment.created": 4, "segment.live": 4, "catalogue.published": 9000},
}
# Of a real program under the tracer.
PYTHON = {
    "segment.created": 3,
    "segment.live": 3,
    "catalogue.record_written": 20,
    "catalogue.published": 20,
    "ring.header_written": 2,
    "ring.words_written": 4000,
    "ring.published": 4000,
    "ring.block_left": 1,
}
# Of the daemon while it follows a program. The value: how often, in a short trial.
DAEMON = {
    "drain.listed": 5,
    "drain.attached": 3,
    "drain.numbered": 1,
    "drain.copied": 6,
    "drain.closed": 4,
    "drain.queued": 5,
    "store.writing": 5,
    "store.writing_pieces": 3,
    "store.committed": 5,
    "drain.handled": 5,
    "store.synced": 1,
    "ring.freed": 4,
    "drain.finished": 1,
    "segment.removed": 3,
    "drain.run_ended": 1,
}
# Reached only once the program has ended.
AFTER_THE_PROGRAM = {"drain.finished", "segment.removed", "drain.run_ended", "drain.loss_taken"}
# Of a daemon that comes after one that was killed.
RECOVERY = [
    "daemon.locked",
    "daemon.opened",
    "daemon.listening",
    "drain.attached",
    "drain.rewalked",
    "drain.copied",
    "drain.closed",
    "drain.queued",
    "store.writing",
    "store.writing_pieces",
    "store.committed",
    "drain.handled",
    "ring.freed",
    "drain.finished",
    "segment.removed",
    "drain.run_ended",
]
# Of a daemon that is asked for something.
IMPORT = {"import.written": 2, "import.finished": 1, "store.writing": 2, "store.committed": 2}
DELETE = {"store.deleting": 1, "store.deleted": 1, "store.compacted": 3}
EXPORT = {"answer.step": 3, "answer.ended": 1}
SPOOL = {"drain.spool_read": 1, "drain.spool_removed": 1, "store.writing": 1, "store.committed": 1, "drain.queued": 1}
# Where the daemon stands while the program goes on from its point to its end: between what was listed and what is attached.
BETWEEN = [
    ("segment.live:1", "drain.listed:1"),
    ("segment.created:2", "drain.listed:1"),
    ("segment.live:2", "drain.listed:1"),
    ("segment.created:1", "drain.unfinished:1"),
    ("segment.created:2", "drain.unfinished:1"),
    ("segment.created:3", "drain.unfinished:1"),
    ("segment.live:1", "drain.attached:1"),
    ("segment.live:2", "drain.attached:1"),
    ("segment.live:2", "drain.numbered:1"),
]
