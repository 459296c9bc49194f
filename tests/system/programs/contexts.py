"""Context variables and functions run in contexts."""
import contextvars

level = contextvars.ContextVar("level", default=0)


def deeper(n):
    token = level.set(level.get() + 1)
    try:
        if n:
            return deeper(n - 1)
        return level.get()
    finally:
        level.reset(token)


def leave():
    level.set(50)
    raise LookupError(level.get())


context = contextvars.copy_context()
print(context.run(deeper, 2), level.get())
try:
    context.run(leave)
except LookupError as error:
    print(error, level.get(), context[level])
print([contextvars.copy_context().run(lambda: deeper(i)) for i in range(2)])
