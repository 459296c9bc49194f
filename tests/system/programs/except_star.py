"""Exception groups and except*."""


def raises(*kinds):
    raise ExceptionGroup("several", [kind("x") for kind in kinds])


def sort(*kinds):
    trail = []
    try:
        try:
            raises(*kinds)
        except* ValueError as group:
            trail.append(("value", len(group.exceptions)))
        except* (TypeError, KeyError) as group:
            trail.append(("type", len(group.exceptions)))
        else:
            trail.append("else")
        finally:
            trail.append("finally")
    except ExceptionGroup as rest:
        trail.append(("rest", len(rest.exceptions)))
    return trail


print(sort(ValueError))
print(sort(ValueError, TypeError, KeyError))
print(sort(OSError, ValueError))
try:
    raise KeyError("alone")
except* KeyError as group:
    print(group.exceptions)
try:
    try:
        raises(ValueError)
    except* ValueError:
        raise LookupError("new")
except Exception as error:
    print(type(error).__name__)
