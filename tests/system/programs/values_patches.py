"""One change in a list or an object at a time, with every kind of neighbour."""


class Plain:
    def __init__(self):
        self.a = 0
        self.b = 1.5
        self.name_of_twenty_three_ch = 0
        self.name_of_twenty_four_chr = 0
        self.größe = 0
        self.other = "text"

    def step(self, n):
        self.a = n
        self.b = n / 2
        self.a += 1; self.b += 1
        self.name_of_twenty_three_ch = -n
        self.name_of_twenty_four_chr = -n
        self.größe = n
        self.other = "text %d" % n
        self.other = None
        self.other = n > 1
        self.other = 2 ** 70 + n
        self.other = [n]
        self.other = n
        return self.a


class Sparse:
    def __init__(self, first):
        if first:
            self.first = 1
        self.second = 2

    def step(self):
        self.second = 3
        self.first = 4
        del self.second
        self.first = 5
        self.second = 6
        del self.first
        self.second = 7
        self.third = 8
        self.second = 9
        self.__dict__["second"] = 10
        self.second = 11


class Other(Plain):
    pass


def in_lists(n):
    numbers = list(range(40))
    numbers[0] = n
    numbers[23] = n
    numbers[24] = n
    numbers[39] = -n
    numbers[0] = numbers[1] = 7
    numbers[5] = "text"
    numbers[5] = 5
    numbers[5] = None
    numbers[5] = True
    numbers[5] = 5.0
    numbers[6] = [n]
    numbers[6][0] = 1
    numbers[6] = 6
    numbers.pop(); numbers[3] = n
    long = list(range(100))
    long[63] = n
    long[64] = n
    objects = [Plain(), Plain(), Plain(), Plain(), Plain()]
    objects[4] = Plain()
    objects[2] = 3
    objects[2] = objects[1]
    objects[0].a = n
    return sum(x for x in long)


def seen_elsewhere(items, thing):
    items[1] = 5
    thing.a = 6
    return items


def shared():
    items, thing = [1, 2, 3], Plain()
    for n in range(3):
        items[0] = n
        seen_elsewhere(items, thing)
        thing.b = n
        alias = items
        alias[2] = n
        items[2] = -n
        other = thing
        other.a = n
    return items


def main():
    thing = Plain()
    for n in range(3):
        thing.step(n)
        in_lists(n)
        Other().step(n)
    for first in (True, False):
        Sparse(first).step()
    shared()


main()
