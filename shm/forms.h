// Thread rule: constants only.
//
// The numbers of value forms and patch operations. shm/FORMAT.md, "Values" and "Patches", gives the fields of each;
// change both together.
#pragma once

#include <cstdint>

namespace smiley::shm {

// The first item of a tag 6 array. The wire holds the number, so a form never gets another one.
enum Form : std::uint8_t {
  kFormNone = 0,  // no form; never on the wire
  kFormList = 1,
  kFormTuple = 2,
  kFormSet = 3,
  kFormFrozenset = 4,
  kFormDeque = 5,
  kFormDict = 6,
  kFormDefaultdict = 7,
  kFormCounter = 8,
  kFormOrderedDict = 9,
  kFormRef = 10,
  kFormObject = 11,
  kFormStrCut = 12,
  kFormStrRaw = 13,  // a str with lone surrogates
  kFormBytesCut = 14,
  kFormBytearray = 15,
  kFormBigInt = 16,
  kFormComplex = 17,
  kFormText = 18,
  kFormException = 19,
  kFormSubclass = 20,
  kFormRedacted = 21,
  kFormLost = 22,     // only readers create it
  kFormUnbound = 23,  // only readers create it
  kFormUnreadable = 24,
};
inline constexpr std::uint8_t kLastForm = kFormUnreadable;

// The two ranges below rely on the order of the numbers.
static_assert(kFormDeque - kFormList == 4 && kFormOrderedDict - kFormDict == 3 && kFormDict == kFormDeque + 1);
static_assert(kLastForm == 24, "FORMAT.md has one row for each form");

// Containers whose items are single values.
constexpr bool IsSequenceForm(std::uint8_t form) { return form >= kFormList && form <= kFormDeque; }
// Containers whose items are pairs of key and value.
constexpr bool IsDictForm(std::uint8_t form) { return form >= kFormDict && form <= kFormOrderedDict; }

// The first item of each array in a kPatch attachment.
enum PatchOperation : std::uint8_t {
  kPatchSetItem = 0,
  kPatchTruncate = 1,
  kPatchAppend = 2,
  kPatchSetKey = 3,
  kPatchDeleteKey = 4,
  kPatchSetAttribute = 5,
  kPatchDeleteAttribute = 6,
  kPatchCut = 7,
  kPatchRemove = 8,
  kPatchRemoveAttribute = 9,
};
static_assert(kPatchRemoveAttribute == 9, "FORMAT.md has one row for each operation");

}  // namespace smiley::shm
