"""reference_settrace.py OUT PROGRAM ARGS…: runs PROGRAM and writes what a sys.settrace function sees of its file.

The result is JSON: for each thread, by name, a list of [event, function, line]. The `line` of a
call that begins a function is the first line of the code object, as in smiley.
"""

import dis
import json
import sys

import reference_program

RESUME = dis.opmap["RESUME"]


def begins(frame):
    code = frame.f_code.co_code
    at = frame.f_lasti
    return at < 0 or (code[at] == RESUME and code[at + 1] & 3 == 0)


def main():
    sys.dont_write_bytecode = True
    out, path, *words = sys.argv[1:]
    threads = reference_program.Threads()
    lines = {}

    def trace(frame, event, arg):
        code = frame.f_code
        if code.co_filename != path:
            return None
        line = code.co_firstlineno if event == "call" and begins(frame) else frame.f_lineno
        # Clean-up code of the compiler has no line: the frame keeps its last line.
        line = lines[frame] = lines.get(frame) if line is None else line
        if event == "return":
            del lines[frame]
        threads.current().append((event, code.co_qualname, line))
        return trace

    def finish():
        with open(out, "w") as file:
            json.dump(threads.lists, file)

    reference_program.run(path, words, trace, finish)


main()
