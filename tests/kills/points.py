"""The named test points (shm/README.md), each with the number of times that a trial reaches it at most."""

# Points of the synthetic producer, by the options with which it reaches them.
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
# Points of a real program with the tracer.
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
# Points of the daemon while it follows a program, with the number of times in a short trial.
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
# Points that are reached only after the program has ended.
AFTER_THE_PROGRAM = {"drain.finished", "segment.removed", "drain.run_ended", "drain.loss_taken"}
# Points of a daemon that starts after another one was killed.
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
# Points of a daemon that answers a request.
IMPORT = {"import.written": 2, "import.finished": 1, "store.writing": 2, "store.committed": 2}
DELETE = {"store.deleting": 1, "store.deleted": 1, "store.compacted": 3}
EXPORT = {"answer.step": 3, "answer.ended": 1}
SPOOL = {"drain.spool_read": 1, "drain.spool_removed": 1, "store.writing": 1, "store.committed": 1, "drain.queued": 1}
# Points between listing and attaching, at which the daemon waits while the program runs from its point to its end.
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
