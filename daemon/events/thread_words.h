// Thread rule: a ThreadWords belongs to one thread.
//
// The words of one recorded thread as events with their attachments: checks lengths, joins what goes on in the next
// block, counts sequence numbers, turns units into wall clock time. Every word is taken as hostile.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "daemon/run/piece.h"
#include "shm/format.h"

namespace smiley::daemon {

struct Attachment {
  shm::Kind kind{};
  std::uint32_t flags = 0, id = 0;
  std::string_view bytes;  // in the piece; inline CBOR: all four bytes
  bool is_inline = false;
};

struct RawEvent {
  shm::Kind kind{};
  std::uint32_t flags = 0, id = 0;
  std::uint64_t seq = 0;
  std::int64_t time_ns = 0;
  std::uint64_t lost_count = 0;  // kLost
  std::int64_t lost_first_ns = 0, lost_last_ns = 0;
  const Piece* opens = nullptr;  // first event of this piece (behind a continuation)
  bool gap = false;              // something is missing before it
  bool tail_missing = false;     // its last attachments were lost
  std::vector<Attachment> attachments;
};

class ThreadWords {
 public:
  void Start(PiecePtr piece);
  // The next event, or null: another piece is needed. Stays the same until Take.
  const RawEvent* Peek();
  void Take();
  // Goes on behind a snapshot, with this event: all before it is known.
  void ContinueAt(std::uint64_t seq);
  // No more pieces come: an event that waits for its rest is complete as it is.
  void Finish();
  std::uint64_t damaged() const { return damaged_; }
  // An event goes on in the thread's next piece.
  bool waiting() const { return have_ && waiting_; }
  // Number of the event that is expected next.
  std::uint64_t next_seq() const { return next_seq_; }

 private:
  bool ParseEvent();
  void ParseAttachments(std::vector<Attachment>* out);
  void SkipContinuation();
  std::int64_t TimeOf(std::uint64_t units) const;
  bool SetLoss(const Attachment& loss);
  std::uint64_t FirstSeq(const Piece& piece) const;

  PiecePtr piece_;
  std::size_t at_ = 0;
  std::uint64_t units_ = 0;
  TimeBase time_;
  std::int64_t last_ns_ = INT64_MIN;
  std::uint64_t next_seq_ = 0;
  std::uint64_t damaged_ = 0;
  bool known_ = false;  // a piece was started before, or a snapshot tells what was
  bool told_ = false;   // a snapshot does, and no event was read since
  bool opens_ = false;  // the next event is the first of its piece
  bool gap_ = false;
  RawEvent event_;
  bool have_ = false;           // event_ is not taken yet
  bool waiting_ = false;        // ... and goes on in the next piece
  std::vector<PiecePtr> held_;  // earlier pieces that event_ points into
};

}  // namespace smiley::daemon
