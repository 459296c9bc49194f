// Thread rule: constants.
//
// Numbers of the value forms (shm/FORMAT.md, "Values").
#pragma once

namespace smiley::tracer {

enum Form {
  kFormList = 1,
  kFormTuple,
  kFormSet,
  kFormFrozenSet,
  kFormDeque,
  kFormDict,
  kFormDefaultDict,
  kFormCounter,
  kFormOrderedDict,
  kFormRef,
  kFormObject,
  kFormCutStr,
  kFormSurrogates,
  kFormCutBytes,
  kFormByteArray,
  kFormBigInt,
  kFormComplex,
  kFormText,
  kFormException,
  kFormSubclass,
  kFormRedacted,
  kFormLost,
  kFormUnbound,
  kFormUnreadable,
};

}  // namespace smiley::tracer
