"""global: read, written, made and deleted in functions."""

count = 0
names = []


def bump():
    global count
    count += 1
    return count


def make():
    global made
    made = [count]
    made.append(1)


def unmake():
    global made
    del made


def read():
    return count + len(names)


bump()
bump()
make()
print(read(), made)
unmake()
print("made" in globals())
for count in range(3):
    names.append(count)
print(read())
