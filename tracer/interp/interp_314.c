// CPython 3.14: see interp.h.
#include <patchlevel.h>
#if (PY_VERSION_HEX >> 16) == 0x030E
#define Py_BUILD_CORE 1
#include <Python.h>
#include <internal/pycore_audit.h>
#include <internal/pycore_ceval.h>
#include <internal/pycore_code.h>
#include <internal/pycore_dict.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_interpframe.h>
#include <internal/pycore_long.h>
#include <internal/pycore_object.h>
#include <internal/pycore_runtime.h>
#include <internal/pycore_setobject.h>
#include <internal/pycore_stackref.h>
#include <internal/pycore_tstate.h>

#include "tracer/interp/interp.h"
#include "tracer/interp/interp_312_up.h"
#include "tracer/interp/interp_313_up.h"
#include "tracer/interp/interp_314_up.h"
#include "tracer/interp/interp_parts.h"
#endif
