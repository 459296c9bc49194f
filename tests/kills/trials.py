"""One trial: program and daemon run to their points, one or both are killed, a daemon starts again, judge.py decides."""

import json
import os
import signal
import time

import judge
from lab import Hung, Lab, Program, send, state_of, wait_until

PRODUCED = 9000  # events of each of the producer's two threads
PYTHON_CALLS = 900
PRODUCER_WORDS = {
    "block": ["--blocks", "2"],
    "drop": ["--blocks", "2", "--on-full", "drop", "--hesitate", "100"],
    "overwrite": ["--blocks", "2", "--on-full", "overwrite"],
    "names": ["--blocks", "2", "--names", "9000"],
}
PYTHON_PROGRAM = (
    """
import mmap, os, sys, threading
progress = mmap.mmap(os.open(sys.argv[1], os.O_RDWR), 4096)
def note(part, i):
    progress[8 * part:8 * part + 8] = i.to_bytes(8, "little")
def work(part):
    for i in range(1, %d + 1):
        note(part, i)
child = os.fork()
if child == 0:
    work(2)
    os._exit(0)
thread = threading.Thread(target=work, args=(1,))
thread.start()
work(0)
thread.join()
os.waitpid(child, 0)
"""
    % PYTHON_CALLS
)
LOOK = 0.25  # seconds without progress after which one is taken to wait for the other


class Trial:
    """`program` and `daemon` are points with their nth time, or None. `victims` names which of the two are killed.
    `recovery` is the points at which the following daemons are killed, one after the other."""

    def __init__(self, mode, program, daemon, victims, recovery=()):
        self.mode, self.program, self.daemon, self.victims, self.recovery = (
            mode,
            program,
            daemon,
            victims,
            tuple(recovery),
        )
        self.reached = set()

    def __str__(self):
        return "%s program=%s daemon=%s kill=%s recovery=%s" % (
            self.mode,
            self.program,
            self.daemon,
            "+".join(self.victims) or "nobody",
            ",".join(self.recovery) or "-",
        )

    # The steps of a trial.

    def run(self, bin_dir, python):
        lab = Lab(bin_dir)
        try:
            self.play(lab, python)
        finally:
            lab.close()

    produced = PRODUCED  # events of each of the producer's threads

    def start_program(self, lab, python):
        point = self.program and self.program + "=stop"
        if self.mode == "python":
            script = os.path.join(lab.home, "app.py")
            with open(script, "w") as file:
                file.write(PYTHON_PROGRAM)
            words = [
                os.path.join(lab.bin, "smiley-run"),
                "-q",
                "--block-timeout",
                "600",
                "--ring-size",
                "128K",
                "--python",
                python,
                script,
                "PROGRESS",
            ]
            return Program(lab, words, point, launcher=True)
        words = [
            os.path.join(lab.bin, "smiley_test_producer"),
            str(self.produced),
            "--threads",
            "2",
            "--progress",
            "PROGRESS",
        ]
        return Program(lab, words + PRODUCER_WORDS[self.mode], point)

    def play(self, lab, python):
        daemon = lab.start_daemon(self.daemon and self.daemon + "=stop")
        program = self.start_program(lab, python)
        self.go_to_points(lab, program, daemon)
        self.kill(lab, program, daemon)
        for point in self.recovery:
            if lab.start_daemon(point + "=kill") is not None:
                self.follow(lab, program, until_dead=True)
                lab.kill_daemon()  # it did not reach its point while the program waits at its own
        lab.start_daemon()
        program.go_on()
        self.follow(lab, program, until_dead=False)
        if "program" not in self.victims:
            wait_until(lambda: program.ended() or program.go_on(), "the program does not end")
        self.judge(lab, program)

    def go_to_points(self, lab, program, daemon):
        """Waits until both are at their points, or one waits for the other."""
        want_program, want_daemon = bool(self.program), bool(self.daemon)
        latest, since = None, time.monotonic()

        def settled():
            nonlocal latest, since
            program_there = program.ended() or (want_program and program.stopped())
            daemon_there = want_daemon and state_of(daemon) == "T"
            if (program_there or not want_program) and (daemon_there or not want_daemon):
                return want_program or want_daemon
            now = (program_there, daemon_there, program.progress())
            if now != latest:
                latest, since = now, time.monotonic()
            return (program_there or daemon_there) and time.monotonic() - since > LOOK

        wait_until(settled, "neither program nor daemon comes to its point")
        if want_program and program.stopped():
            self.reached.add(self.program)
        if want_daemon and state_of(daemon) == "T":
            self.reached.add(self.daemon)

    def kill(self, lab, program, daemon):
        if self.daemon and self.daemon not in self.reached and daemon is not None:
            # It reaches its point only now, because the program is dead or continues.
            program.kill() if "program" in self.victims else program.go_on()
            if "program" in self.victims or self.program is None or self.program in self.reached:

                def there():
                    run = None if state_of(daemon) == "T" else lab.find_run()
                    ended = run["state"] == "ended" if run else self.never_began(program)
                    return state_of(daemon) in "TZ" or ended

                wait_until(there, "the daemon neither comes to its point nor ends the run")
                if state_of(daemon) == "T":
                    self.reached.add(self.daemon)
        if "daemon" in self.victims and daemon is not None:
            send(daemon, signal.SIGKILL)
        if "program" in self.victims:
            program.kill()
        if daemon is not None:
            if "daemon" in self.victims:
                wait_until(lambda: state_of(daemon) in "ZX", "a killed daemon stays")
            else:
                send(daemon, signal.SIGCONT)

    def follow(self, lab, program, until_dead):
        """Waits until the run has ended, with `until_dead` also until the daemon died or waits for a stopped program."""
        since = time.monotonic()

        def done():
            if until_dead and (lab.daemon_pid() is None or time.monotonic() - since > 2 * LOOK):
                return True
            if not until_dead:
                program.go_on()  # it may have reached its point only now
            run = lab.find_run()
            if run is None:
                return self.never_began(program) and not lab.segments()
            return run["state"] == "ended" and not lab.segments()

        wait_until(done, "the run does not end, or segments stay")

    def never_began(self, program):
        """True when the program was killed before it had a segment, or did not start because no daemon answered."""
        return not any(program.progress()) and ("program" in self.victims or program.child.poll() == 125)

    # The checks after a trial.

    def judge(self, lab, program):
        killed = "program" in self.victims
        progress = program.progress()
        run = lab.find_run()
        if run is None:
            judge.require(self.never_began(program), "the run is gone")
            return
        answer, findings = lab.ask(op="check")
        judge.require(answer.get("sound"), "the store is not sound:", findings[:5])
        _, export = lab.ask(op="export", run=run["id"], format="jsonl")
        export = export.decode()
        if self.mode == "python":
            judge.check_python(export, progress, killed, PYTHON_CALLS)
        else:
            judge.check_producer(
                export,
                self.produced,
                ["MainThread", "worker-2"],
                progress,
                killed,
                self.mode in ("drop", "overwrite"),
            )


class Between(Trial):
    """The program waits at its point until the daemon reaches its own, then runs to its end while the daemon waits there."""

    produced = 500  # these events fit into the ring without a daemon

    def __init__(self, mode, program, daemon):
        super().__init__(mode, program, daemon, ())

    def __str__(self):
        return "%s program=%s ends at daemon=%s" % (self.mode, self.program, self.daemon)

    def play(self, lab, python):
        program = self.start_program(lab, python)
        wait_until(program.stopped, "the program does not come to its point")
        daemon = lab.start_daemon(self.daemon + "=stop")
        wait_until(lambda: state_of(daemon) == "T", "the daemon does not come to its point")
        self.reached.update((self.program, self.daemon))
        wait_until(lambda: program.ended() or program.go_on(), "the program does not end")
        send(daemon, signal.SIGCONT)
        self.follow(lab, program, until_dead=False)
        self.judge(lab, program)


class Stock:
    """An export that the trials of import, export and delete share."""

    def __init__(self, bin_dir):
        lab = Lab(bin_dir)
        try:
            lab.start_daemon()
            program = Program(lab, [os.path.join(bin_dir, "smiley_test_producer"), "60000", "--threads", "8"])
            wait_until(program.ended, "the program does not end")
            run = wait_until(
                lambda: (lab.find_run() or {}).get("state") == "ended" and lab.find_run(), "the run does not end"
            )
            self.run = run["id"]
            self.bytes = lab.ask(op="export", run=self.run)[1]
            self.events = run["events"]
        finally:
            lab.close()


class Asked:
    """The daemon is killed at a point while it carries out a request. Afterwards the request is done, or not begun."""

    def __init__(self, what, point, stock):
        self.what, self.point, self.stock = what, point, stock
        self.reached = set()

    def __str__(self):
        return "%s daemon=%s" % (self.what, self.point)

    def run(self, bin_dir, python):
        lab = Lab(bin_dir)
        try:
            getattr(self, "play_" + self.what)(lab)
        finally:
            lab.close()

    def armed(self, lab, **request):
        """Sends the request to a daemon that dies at the point. Returns True when it did."""
        lab.start_daemon(self.point + "=kill")
        try:
            lab.ask(**request)
        except OSError:
            pass
        return self.died(lab)

    def died(self, lab):
        dead = lambda: lab.daemon_pid() is None
        try:
            wait_until(dead, "", 1.0)
            self.reached.add(self.point)
        except Hung:
            lab.kill_daemon()
            return False
        return True

    def take_in(self, lab):
        lab.start_daemon()
        answer, _ = lab.ask(op="import", feed=self.stock.bytes)
        judge.require(answer["ok"] and answer["run"]["events"] == self.stock.events, "an import fails:", answer)

    def sound(self, lab, there):
        run = lab.find_run()
        judge.require((run is not None) == there, "the run is", "gone" if there else "still there")
        answer, findings = lab.ask(op="check")
        judge.require(answer.get("sound"), "the store is not sound:", findings[:5])
        if there:
            judge.require(lab.ask(op="export", run=self.stock.run)[1] == self.stock.bytes, "its export has changed")

    def play_import(self, lab):
        self.armed(lab, op="import", feed=self.stock.bytes)
        lab.start_daemon()
        run = lab.find_run()
        self.sound(lab, run is not None)
        answer, _ = lab.ask(op="import", feed=self.stock.bytes)
        judge.require(answer["ok"] and answer["already"] == (run is not None), "importing again:", answer)
        self.sound(lab, True)

    def play_delete(self, lab):
        self.take_in(lab)
        lab.kill_daemon()
        self.armed(lab, op="delete", run=self.stock.run)
        lab.start_daemon()
        run = lab.find_run()
        judge.require(run is None or self.point.startswith("store.deleting"), "a deleted run has come back")
        self.sound(lab, run is not None)
        if run is not None:
            judge.require(lab.ask(op="delete", run=self.stock.run)[0]["ok"], "it cannot be deleted again")
            self.sound(lab, False)
        self.take_in(lab)
        self.sound(lab, True)

    def play_export(self, lab):
        self.take_in(lab)
        lab.kill_daemon()
        self.armed(lab, op="export", run=self.stock.run)
        lab.start_daemon()
        self.sound(lab, True)

    def play_spool(self, lab):
        """The end of a run that no daemon received goes to the next one, which dies at it. The end must not be lost."""
        lab.start_daemon()
        program = Program(lab, [os.path.join(lab.bin, "smiley_test_producer"), "100", "--run", "r1"])
        wait_until(program.ended, "the program does not end")
        lab.kill_daemon()
        os.makedirs(os.path.join(lab.home, "spool"), exist_ok=True)
        with open(os.path.join(lab.home, "spool", "r1.json"), "w") as file:
            json.dump({"run": "r1", "command": ["shop.py"], "exit_code": 41}, file)
        lab.start_daemon(self.point + "=kill")
        self.died(lab)
        lab.start_daemon()
        wait_until(lambda: (lab.find_run() or {}).get("exit_code") == 41, "the exit code was forgotten", 10)
        wait_until(lambda: not os.listdir(os.path.join(lab.home, "spool")), "the spool is not emptied", 10)
        wait_until(lambda: lab.find_run()["state"] == "ended" and not lab.segments(), "the run does not end")
        answer, findings = lab.ask(op="check")
        judge.require(answer.get("sound"), "the store is not sound:", findings[:5])
