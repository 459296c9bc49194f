"""Containers and variables that another thread changes while this one waits for it."""
import threading

table = {}
listed = []
helpers = {}
name = "main"


class Box:
    def __init__(self):
        self.value = None


def change(box, d, closure):
    box.value = [1]
    d["thread"] = 1
    listed.append("thread")
    closure(5)


def rename():
    global name
    name = "thread"


def run(number, target, *args):
    helpers[number] = threading.Thread(target=target, args=args, name="helper %d" % number)
    helpers[number].start()
    helpers[number].join()
    del helpers[number]


def main():
    box = Box()
    d = {}
    n = 0

    def closure(by):
        nonlocal n
        n += by
        return n

    run(1, change, box, d, closure)
    a = box
    b = d
    c = n
    d["main"] = 2
    run(2, change, box, d, closure)
    box.value.append(3)
    return box, d, n


main()
run(3, rename)
name
table["a"] = name
run(4, table.update, {"b": 1})
listed
