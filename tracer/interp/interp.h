// Thread rule: call with the GIL held; nothing here runs the program's code, allocates objects or keeps references.
//
// Access to CPython's insides. One small file for each version implements it (interp_311.c …), in C because some
// internal headers do not compile as C++. All pointers are borrowed and valid only during the hook's call.
#pragma once

#include <Python.h>
#include <frameobject.h>

#ifdef __cplusplus
extern "C" {
#endif

// One activation of a function, read in a hook.
typedef struct SmileyFrame {
  void* key;          // address of the interpreter's frame: unique while it is open or suspended
  PyObject** locals;  // co_nlocalsplus slots, read with smiley_slot; cells may or may not be cells yet
  PyCodeObject* code;
  int lasti;  // code unit last begun, negative before the first
} SmileyFrame;

// Members of a frame that few events need.
PyObject* smiley_function(const SmileyFrame* frame);  // function object, or NULL
PyObject* smiley_globals(const SmileyFrame* frame);
PyObject* smiley_names(const SmileyFrame* frame);  // namespace of a module or class body, NULL in functions
PyObject* smiley_top(
    const SmileyFrame* frame);  // of the evaluation stack, NULL = empty: where a generator is resumed, the value sent

// The object behind a reference in a frame, NULL = none. From 3.14 on the lowest bits of a reference are a tag: 1
// means not counted (without other bits: no object), 2 and 3 mean that it is no object.
static inline PyObject* smiley_untag(void* held) {
#if PY_VERSION_HEX >= 0x030E0000
  const uintptr_t bits = (uintptr_t)held;
  return (bits & 2) != 0 ? NULL : (PyObject*)(bits & ~(uintptr_t)1);
#else
  return (PyObject*)held;
#endif
}

// The object in a slot of the frame's `locals`, NULL = unbound.
static inline PyObject* smiley_slot(const SmileyFrame* frame, size_t index) {
  return smiley_untag(frame->locals[index]);
}

// The line of the frame's present instruction; below 1: none.
static inline int smiley_line(const SmileyFrame* frame) {
  return PyCode_Addr2Line(frame->code, frame->lasti * (int)sizeof(uint16_t));  // code units have two bytes
}

// Checks that the running interpreter has the layout that this was built for. NULL, or the problem in one line.
const char* smiley_layout_problem(void);

#if PY_VERSION_HEX < 0x030C0000
void smiley_read_frame(PyFrameObject* frame, SmileyFrame* out);
// As _PyCode_SetExtra, but allocates room for the indices up to this one only. When the code object dies, the free
// functions of later indices are then not called with nothing to free. 0, or -1 with an exception set.
int smiley_set_code_extra(PyCodeObject* code, Py_ssize_t index, void* extra);
#else
// The innermost frame of the calling thread, without allocating a frame object.
void smiley_current_frame(SmileyFrame* out);
#endif

// The asyncio task that runs in the calling thread, from 3.14 on, where the interpreter keeps it. Borrowed, or NULL.
// Before 3.14 only asyncio's own table has it.
#if PY_VERSION_HEX >= 0x030E0000
PyObject* smiley_running_task(void);
#else
static inline PyObject* smiley_running_task(void) { return NULL; }
#endif

// Iterate over the frames that run in a thread of this interpreter, innermost first. Frames of the interpreter itself
// and frames that have not begun are left out. 0: there is none, or no further one.
int smiley_innermost_frame(PyThreadState* thread, SmileyFrame* out);
int smiley_outer_frame(SmileyFrame* frame);

// The attributes that an instance without a __dict__ object stores inline: `count` entries, of which those with a
// NULL value or name are empty. An instance with a real dict has that in `dict`, and no entries. All borrowed.
typedef struct SmileyAttributes {
  PyObject* dict;          // or NULL
  PyObject* const* names;  // every other one: names[2 * i] belongs to values[i]; strs
  PyObject* const* values;
  Py_ssize_t count;
} SmileyAttributes;
void smiley_attributes(PyObject* object, SmileyAttributes* out);

// A dict's keys and values in place and in order: `count` entries, `stride` pointers apart, of which those with a
// NULL value are empty. 0: the values are in a table that instances share; use PyDict_Next. Borrowed.
typedef struct SmileyItems {
  PyObject* const* keys;
  PyObject* const* values;
  Py_ssize_t stride;
  Py_ssize_t count;
} SmileyItems;
int smiley_dict_items(PyObject* dict, SmileyItems* out);

// The value of the str `name` in a dict or its subclass, by the C layout; NULL = none. Borrowed. Keys that are no
// exact str are never compared, so no code of the program runs.
PyObject* smiley_dict_lookup(PyObject* dict, PyObject* name);

// The exception being handled in the innermost running handler of this thread, or NULL. Borrowed.
PyObject* smiley_handled_exception(void);

// Reads an int of at most 64 bits: 1, with *magnitude and *negative. 0: it has more bits.
int smiley_small_int(PyObject* number, uint64_t* magnitude, int* negative);

// The digits in memory of a larger int, for comparing.
const void* smiley_int_digits(PyObject* number, size_t* bytes);

int smiley_signals_pending(void);
// Removes the hook from the runtime's list; 1 when it was there. Its memory is not freed, because it may be running.
int smiley_unlink_audit_hook(void* hook, void* user_data);
#if PY_VERSION_HEX < 0x030C0000
// Makes `func` the trace function (`profile`: the profile function) of every thread of the interpreter that has none.
// Returns how many were set.
int smiley_trace_all_threads(Py_tracefunc func, PyObject* arg, int profile);
// Removes `func` wherever it is the trace or profile function.
void smiley_untrace_all_threads(Py_tracefunc func);
// Makes `func` with `arg` (may be NULL) the trace or profile function of the calling thread, as sys.settrace does:
// audited, -1 with an exception set when that refuses.
int smiley_set_slot(Py_tracefunc func, PyObject* arg, int profile);
typedef enum SmileySlot { kSmileySlotOurs, kSmileySlotEmpty, kSmileySlotTaken } SmileySlot;
// The owner of the calling thread's slot for a trace or profile function.
SmileySlot smiley_look_at_slot(Py_tracefunc ours, int profile);
// Gives the slot of each thread that holds `ours` with an argument the function that `set` (sys.settrace or
// sys.setprofile) would have put there.
void smiley_hand_back_slots(Py_tracefunc ours, PyCFunction set, int profile);
// The program's local trace function of a frame, borrowed; NULL = none. Setting it takes a new reference; NULL clears
// it.
PyObject* smiley_frame_trace(PyFrameObject* frame);
void smiley_set_frame_trace(PyFrameObject* frame, PyObject* function);
#endif
// Element access of containers by their C layout.
int smiley_set_next(PyObject* set, Py_ssize_t* pos, PyObject** key);

#ifdef __cplusplus
}
#endif
