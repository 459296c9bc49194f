#include "daemon/drain/outbox.h"

#include <algorithm>

namespace smiley::daemon {
namespace {

constexpr std::size_t kLargeBytes = 1u << 20;

}  // namespace

void Outbox::AddPiece(PiecePtr piece) {
  bytes_ += piece->words.size() * shm::kWordBytes;
  batch_.pieces.push_back(std::move(piece));
}

void Outbox::AddRecord(CatalogueEntry record) {
  bytes_ += record.payload.size();
  batch_.catalogue.push_back(std::move(record));
}

void Outbox::AddSource(const std::string& run, SourceInfo info) {
  bytes_ += info.text.size();
  batch_.sources.emplace_back(run, std::move(info));
}

void Outbox::SetCursor(RingProgress* ring, std::uint64_t position) {
  if (position == ring->queued) return;
  ring->queued = position;
  batch_.cursors.push_back({ring->found.name, position});
  frees_.emplace_back(ring, position);
}

void Outbox::SetCursor(CatalogueProgress* catalogue, std::uint64_t position) {
  if (position == catalogue->queued) return;
  catalogue->queued = position;
  batch_.cursors.push_back({catalogue->found.name, position});
}

void Outbox::ForgetRing(const RingProgress* ring) {
  std::erase_if(frees_, [ring](const auto& item) { return item.first == ring; });
}

bool Outbox::empty() const {
  return batch_.pieces.empty() && batch_.catalogue.empty() && batch_.cursors.empty() &&
         batch_.forget_cursors.empty() && batch_.runs.empty() && batch_.processes.empty() && batch_.threads.empty() &&
         batch_.sources.empty() && batch_.tasks.empty();
}

bool Outbox::IsLarge() const { return bytes_ > kLargeBytes; }

std::uint64_t Outbox::Push() {
  if (empty()) return pushed_;
  archive_.DrainRecords(batch_);
  pushed_ = pipeline_.Push(std::exchange(batch_, {}));
  bytes_ = 0;
  for (const auto& [ring, position] : std::exchange(frees_, {})) ring->frees.emplace_back(pushed_, position);
  return pushed_;
}

}  // namespace smiley::daemon
