"""What later versions can say; each text is run where the interpreter understands it, as part of this file."""

TEXTS = ['''
type Pair[T] = tuple[T, T]

def first[T](pair: Pair[T]) -> T:
    return pair[0]

class Box[T]:
    content: T

    def __init__(self, content: T):
        self.content = content

    def get(self) -> T:
        return self.content

print(first((1, 2)), Box(3).get(), Pair.__value__, Box.__type_params__)
''', '''
class Bound[T: (int, str) = int]:
    def __init__(self):
        self.kind = T.__default__

print(Bound().kind)
''', '''
names = ["a", "b"]
print(f"{"-".join(names)} {
    len(names)  # a remark within
!r}")
''', '''
def late(x: Undefined) -> list[Undefined]:
    return [x]

class Later:
    member: Undefined

class Undefined:
    pass

print(late(1), late.__annotations__["x"].__name__, Later.__annotations__)
''', '''
name = "world"
template = t"hello {name!r:>{10}}"
print(template.strings, [i.value for i in template.interpolations])
''', '''
def without_parentheses(kind):
    try:
        raise kind("x")
    except KeyError, ValueError:
        return kind.__name__

print(without_parentheses(KeyError), without_parentheses(ValueError))
''']


def understood(text):
    try:
        return compile(text, __file__, "exec")
    except SyntaxError:
        return None


for text in TEXTS:
    code = understood(text)
    if code is None:
        continue
    try:
        exec(code, {"__name__": "part"})
    except NameError as error:  # annotations are evaluated at once before 3.14
        print(error)
print("done")
