// Thread rule: call with the GIL held; nothing here runs the program's code, allocates objects or keeps references.
//
// What the tracer needs of CPython's insides. One small file per version implements it (interp_311.c …), in C because
// some internal headers do not compile as C++. All pointers are borrowed and valid only during the hook's call.
#pragma once

#include <Python.h>
#include <frameobject.h>

#ifdef __cplusplus
extern "C" {
#endif

// One activation as a hook sees it.
typedef struct SmileyFrame {
  void* key;          // address of the interpreter's frame: unique while it is open or suspended
  PyObject** locals;  // co_nlocalsplus slots, read with smiley_slot; cells may or may not be cells yet
  PyCodeObject* code;
  int lasti;  // code unit last begun, negative before the first
} SmileyFrame;

// What only few events need of a frame.
PyObject* smiley_function(const SmileyFrame* frame);  // function object, or NULL
PyObject* smiley_globals(const SmileyFrame* frame);
PyObject* smiley_names(const SmileyFrame* frame);  // namespace of a module or class body, NULL in functions
PyObject* smiley_top(
    const SmileyFrame* frame);  // of the evaluation stack, NULL = empty: where a generator is resumed, the value sent

// The object behind what a frame holds, NULL = none. From 3.14 on the lowest bits of a reference are a tag: 1 for one
// that is not counted (alone: nothing), 2 and 3 for what is no object.
static inline PyObject* smiley_untag(void* held) {
#if PY_VERSION_HEX >= 0x030E0000
  const uintptr_t bits = (uintptr_t)held;
  return (bits & 2) != 0 ? NULL : (PyObject*)(bits & ~(uintptr_t)1);
#else
  return (PyObject*)held;
#endif
}

// What is in a slot of the frame's `locals`, NULL = unbound.
static inline PyObject* smiley_slot(const SmileyFrame* frame, size_t index) {
  return smiley_untag(frame->locals[index]);
}

// The line of the instruction that the frame is at, below 1 for none.
static inline int smiley_line(const SmileyFrame* frame) {
  return PyCode_Addr2Line(frame->code, frame->lasti * (int)sizeof(uint16_t));  // code units have two bytes
}

// Whether the running interpreter's insides lie where this was built to look for them: NULL, or what is wrong in one
// line.
const char* smiley_layout_problem(void);

#if PY_VERSION_HEX < 0x030C0000
void smiley_read_frame(PyFrameObject* frame, SmileyFrame* out);
// As _PyCode_SetExtra, but room is made for the indices up to this one only: when the code object dies, the functions
// of those who came later are not called for what they do not have. 0, or -1 with an exception set.
int smiley_set_code_extra(PyCodeObject* code, Py_ssize_t index, void* extra);
#else
// The innermost frame of the calling thread, without making a frame object of it.
void smiley_current_frame(SmileyFrame* out);
#endif

// The asyncio task that runs in the calling thread, where the interpreter itself knows (asyncio's table does before).
// Borrowed, or NULL.
#if PY_VERSION_HEX >= 0x030E0000
PyObject* smiley_running_task(void);
#else
static inline PyObject* smiley_running_task(void) { return NULL; }
#endif

// The frames that run in a thread of this interpreter, innermost first; what the interpreter itself has between them
// and what has not begun is left out. 0: there is none (any more).
int smiley_innermost_frame(PyThreadState* thread, SmileyFrame* out);
int smiley_outer_frame(SmileyFrame* frame);

// Attributes of an instance that does not have a __dict__ object made, where they lie: `count` places, of which those
// whose value or name is NULL are empty. If the instance has a real dict, that is `dict` and there are no places. All
// borrowed.
typedef struct SmileyAttributes {
  PyObject* dict;          // or NULL
  PyObject* const* names;  // every other one: names[2 * i] belongs to values[i]; strs
  PyObject* const* values;
  Py_ssize_t count;
} SmileyAttributes;
void smiley_attributes(PyObject* object, SmileyAttributes* out);

// A dict's keys and values where they lie, in their order: `count` places, `stride` pointers apart, of which those
// whose value is NULL are empty. 0: they lie elsewhere (in a table that instances share), ask PyDict_Next. Borrowed.
typedef struct SmileyItems {
  PyObject* const* keys;
  PyObject* const* values;
  Py_ssize_t stride;
  Py_ssize_t count;
} SmileyItems;
int smiley_dict_items(PyObject* dict, SmileyItems* out);

// Value of the str `name` in a dict (exact or subclass, by its C layout); never compares foreign keys. Borrowed.
PyObject* smiley_dict_lookup(PyObject* dict, PyObject* name);

// The exception being handled in the innermost running handler of this thread, or NULL. Borrowed.
PyObject* smiley_handled_exception(void);

// Digits of an int: |value| fits 64 bits → 1 and *value (with *negative), else 0.
int smiley_small_int(PyObject* number, uint64_t* magnitude, int* negative);

// The digits in memory of an int too large for that, for comparing.
const void* smiley_int_digits(PyObject* number, size_t* bytes);

int smiley_signals_pending(void);
// Takes the hook out of the runtime's list; 1 when it was there. Its memory is not freed: it may be running.
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
// Who has the calling thread's place for a trace or profile function.
SmileySlot smiley_look_at_slot(Py_tracefunc ours, int profile);
// Threads where `ours` stands with an argument get what `set` (sys.settrace or sys.setprofile) would have put there.
void smiley_hand_back_slots(Py_tracefunc ours, PyCFunction set, int profile);
// The program's own local trace function of a frame: borrowed, NULL = none; setting takes a new reference (NULL
// clears).
PyObject* smiley_frame_trace(PyFrameObject* frame);
void smiley_set_frame_trace(PyFrameObject* frame, PyObject* function);
#endif
// Element access of containers by their C layout.
int smiley_set_next(PyObject* set, Py_ssize_t* pos, PyObject** key);

#ifdef __cplusplus
}
#endif
