// Thread rule: as interp.h.
//
// Reads frames, also those that run already. Included by the version files, which first define FillFrame (reads one
// frame), INNERMOST(thread) (a thread's running frame), FUNCTION(frame) and TopOf.
#pragma once

PyObject* smiley_function(const SmileyFrame* frame) { return FUNCTION((_PyInterpreterFrame*)frame->key); }

PyObject* smiley_globals(const SmileyFrame* frame) { return ((_PyInterpreterFrame*)frame->key)->f_globals; }

PyObject* smiley_names(const SmileyFrame* frame) {
  return (frame->code->co_flags & CO_OPTIMIZED) != 0 ? NULL : ((_PyInterpreterFrame*)frame->key)->f_locals;
}

PyObject* smiley_top(const SmileyFrame* frame) { return TopOf((_PyInterpreterFrame*)frame->key); }

// Reads the frame, or the nearest of its callers, that runs Python code and has begun. 0: there is none.
static int FillWhole(_PyInterpreterFrame* f, SmileyFrame* out) {
  while (f != NULL && _PyFrame_IsIncomplete(f)) f = f->previous;
  if (f == NULL) return 0;
  FillFrame(f, out);
  return 1;
}

int smiley_innermost_frame(PyThreadState* thread, SmileyFrame* out) { return FillWhole(INNERMOST(thread), out); }

int smiley_outer_frame(SmileyFrame* frame) { return FillWhole(((_PyInterpreterFrame*)frame->key)->previous, frame); }
