"""import: star, from, as, inside functions, failing."""
from string import *
from math import pi as circle, floor
import os.path as path


def inside():
    import json
    from collections import OrderedDict as Ordered
    return json.dumps(Ordered(a=1))


print(digits, floor(circle), path.basename("/a/b"), inside())
try:
    import no_such_module_anywhere
except ImportError as error:
    print(error.name)
try:
    from math import no_such_name
except ImportError as error:
    print(error.name)
