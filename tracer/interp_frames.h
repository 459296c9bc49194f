// Thread rule: as interp.h. Included at the end of the version files: frames that run already. Before it FillFrame, which
// reads one frame, and INNERMOST(thread), a thread's running frame, were defined.
#pragma once

// The frame or the nearest of its callers that is of Python code and past its beginning.
static int FillWhole(_PyInterpreterFrame* f, SmileyFrame* out) {
  while (f != NULL && _PyFrame_IsIncomplete(f)) f = f->previous;
  if (f == NULL) return 0;
  FillFrame(f, out);
  return 1;
}

int smiley_innermost_frame(PyThreadState* thread, SmileyFrame* out) { return FillWhole(INNERMOST(thread), out); }

int smiley_outer_frame(SmileyFrame* frame) { return FillWhole(((_PyInterpreterFrame*)frame->key)->previous, frame); }
