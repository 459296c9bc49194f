// Thread rule: constants only.
//
// The operations of patches (shm/FORMAT.md, "Patches"), by their numbers there.
#pragma once

namespace smiley::tracer {

enum PatchOperation {
  kSetItem,
  kTruncate,
  kAppend,
  kSetKey,
  kDeleteKey,
  kSetAttribute,
  kDeleteAttribute,
  kCut,
  kRemove,
  kRemoveAttribute
};

}  // namespace smiley::tracer
