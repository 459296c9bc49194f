"""Strings: freed and made again, appended to in place, at the limits, with every kind of character."""


def remade(n):
    for i in range(n):
        s = "text %d" % i
        s = "text %d" % (i + 1)
    return s


def appended():
    s = "".join(["a", "b"])
    for i in range(6):
        s += "c"
        t = s
    s = ""
    for i in range(4):
        s += chr(97 + i)
    return s


def limits():
    s = "x" * 255
    s = s + "y"
    s = s + "z"
    s = s + "z"
    s = "y" + s
    u = "\u00e4" * 256
    u = u + "\u20ac"
    return len(s) + len(u)


def characters():
    a = "\u00e4\u20ac\U0001f600"
    b = "\ud800 alone"
    c = "nul \0 and \x1f \x7f \" \\ \n\r\t"
    d = "\u2028\ufeff\uffff"
    e = ""
    f = "\U0010ffff" * 256 + "x"
    g = "\udfff" * 300
    return a + c


def octets():
    a = b""
    a = b"abc" + bytes([0, 255])
    b = bytes(range(256))
    b = b + b"x"
    c = bytearray(b"12")
    c.append(51)
    c[0] = 0
    c += b"y" * 260
    d = c
    d.clear()
    return a


print(remade(4), appended(), limits(), characters(), octets())
