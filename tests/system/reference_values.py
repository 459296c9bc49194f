"""reference_values.py OUT PROGRAM ARGS…: runs PROGRAM and writes its touched variables at each event.

A sys.settrace function reads f_locals (f_globals for names that a function declares global) and renders the names that the
design calls T, computed with dis: at a line, the names of the line just run, of the line about to run, and of instructions
without a line; at calls and returns, every name of the frame. The result is JSON: for each thread, by name, a list of
[event, function, line, {name: value}].
"""

import dis
import json
import sys

import reference_program
import reference_render

CO_OPTIMIZED = 1


class Touched:
    """The names of one code object, by line (None: instructions without a line)."""

    def __init__(self, code):
        self.optimized = bool(code.co_flags & CO_OPTIMIZED)
        self.lines = {}
        self.globals = set()
        instructions = list(dis.get_instructions(code))
        for i in instructions:
            if i.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
                self.globals.add(i.argval)
        lines = {}
        for start, end, line in code.co_lines():
            for offset in range(start, end, 2):
                lines[offset] = line
        for i in instructions:
            names = self.names(i)
            self.lines.setdefault(lines.get(i.offset), set()).update(names)
        self.every = set().union(*self.lines.values()) if self.lines else set()
        if self.optimized:
            self.every |= set(code.co_varnames + code.co_cellvars + code.co_freevars)

    def names(self, i):
        if "GLOBAL" in i.opname:
            return {i.argval} & self.globals
        if "FAST" in i.opname or "DEREF" in i.opname or "CLOSURE" in i.opname:
            if not self.optimized:
                return set()
            return set(i.argval) if isinstance(i.argval, tuple) else {i.argval}
        if i.opname in ("LOAD_NAME", "STORE_NAME", "DELETE_NAME"):
            return {i.argval}
        return set()

    def at(self, *lines):
        return set().union(*(self.lines.get(line, ()) for line in (None, *lines)))


def main():
    sys.dont_write_bytecode = True
    out, path, *words = sys.argv[1:]
    threads = reference_program.Threads()
    codes = {}
    last_line = {}

    def look(frame, touched, names):
        code = frame.f_code
        if not touched.optimized and code.co_name == "<module>":
            held = frame.f_globals  # f_locals shows other names while a comprehension runs inside
        elif not touched.optimized and code.co_nlocals:
            return {}
        else:
            held = frame.f_locals
        found = {}
        for name in names:
            where = frame.f_globals if name in touched.globals else held
            if name in where:
                found[name] = reference_render.render(where[name])
            else:
                found[name] = reference_render.UNBOUND
        return found

    def trace(frame, event, arg):
        code = frame.f_code
        if code.co_filename != path:
            return None
        touched = codes.get(code)
        if touched is None:
            touched = codes[code] = Touched(code)
        line = frame.f_lineno
        if event == "line":
            names = touched.at(last_line.get(frame), line)
            last_line[frame] = line
        elif event == "exception":
            names = touched.at(last_line.get(frame))
        else:
            names = touched.every
        threads.current().append((event, code.co_qualname, line, look(frame, touched, names)))
        if event == "return" and not code.co_flags & 0x2A0:
            last_line.pop(frame, None)
        return trace

    def finish():
        with open(out, "w") as file:
            json.dump(threads.lists, file)

    reference_program.run(path, words, trace, finish)


main()
