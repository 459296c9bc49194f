"""try with except, else and finally, nested, in loops, with returns."""


def nest(kind):
    trail = []
    try:
        try:
            trail.append("try")
            if kind:
                raise kind("x")
        except KeyError:
            trail.append("key")
        except (ValueError, TypeError) as error:
            trail.append(type(error).__name__)
            raise
        else:
            trail.append("else")
        finally:
            trail.append("finally")
    except Exception:
        trail.append("outer")
    return trail


def overrides():
    try:
        return "try"
    finally:
        return "finally"


def loop():
    seen = []
    for i in range(4):
        try:
            if i == 1:
                continue
            if i == 3:
                break
            seen.append(i)
        finally:
            seen.append(-i)
    else:
        seen.append("never")
    return seen


def swallowed():
    try:
        try:
            1 / 0
        finally:
            raise KeyError("instead")
    except KeyError as error:
        return type(error.__context__).__name__


def later():
    try:
        pass
    except ValueError:
        pass
    try:
        int("x")
    except (KeyError, IndexError):
        return "no"
    except ValueError:
        return "yes"


for kind in (None, KeyError, ValueError, OSError):
    print(nest(kind))
print(overrides(), loop(), swallowed(), later())
try: 1 / 0
except ZeroDivisionError: print("one line")
