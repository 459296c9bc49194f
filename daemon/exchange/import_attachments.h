// Thread rule: functions only; any thread.
//
// Encodes attachments of events as words, for imports (shm/FORMAT.md, "Words").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shm/base/status.h"
#include "shm/format.h"

namespace smiley::daemon {

using AttachmentWords = std::vector<std::uint64_t>;  // head and payload

AttachmentWords FrameAttachment(std::uint64_t frame);
AttachmentWords CodeAttachment(std::uint32_t code);
AttachmentWords LossAttachment(std::uint64_t first, std::uint64_t count, std::int64_t first_ns, std::int64_t last_ns);
// Appends one CBOR item. kInvalid: the item is larger than an attachment can be.
Status AppendCbor(shm::Kind kind, std::uint32_t id, std::string_view cbor, std::vector<AttachmentWords>* out);
// Appends a variable's full value; empty = unbound. A value that is too large for one attachment is set empty and
// then filled by patches.
Status AppendChange(std::uint32_t name, std::string_view cbor, std::vector<AttachmentWords>* out);
Status AppendException(std::string_view type, std::string_view message, std::vector<AttachmentWords>* out);

}  // namespace smiley::daemon
