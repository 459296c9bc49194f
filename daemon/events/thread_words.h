// Thread rule: a ThreadWords belongs to one thread.
//
// Turns the words of one recorded thread into events with attachments. It checks lengths, joins events that continue
// in the next block, counts sequence numbers, and converts units to wall clock time. Every word is treated as
// hostile.
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
  std::string_view bytes;  // points into the piece; inline CBOR: all four bytes
  bool is_inline = false;
};

struct RawEvent {
  shm::Kind kind{};
  std::uint32_t flags = 0, id = 0;
  std::uint64_t seq = 0;
  std::int64_t time_ns = 0;
  std::uint64_t lost_count = 0;  // kLost: how many events
  std::int64_t lost_first_ns = 0, lost_last_ns = 0;
  const Piece* opens = nullptr;  // the piece whose first event this is; null: the event is not a first one
  bool gap = false;              // events or words are missing before the event
  bool tail_missing = false;     // its last attachments were lost
  std::vector<Attachment> attachments;
};

class ThreadWords {
 public:
  void Start(PiecePtr piece);
  // The next event; null: another piece is needed. The event stays the same until Take.
  const RawEvent* Peek();
  void Take();
  // Continues at a snapshot: `seq` is the number of the next event, and nothing before it is missing.
  void ContinueAt(std::uint64_t seq);
  // Says that no more pieces come: an event that waits for its continuation is given as it is.
  void Finish();
  std::uint64_t damaged() const { return damaged_; }
  // Whether an event continues in the thread's next piece.
  bool waiting() const { return have_ && waiting_; }
  // Sequence number that is expected next.
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
  bool known_ = false;  // a piece was started, or ContinueAt called
  bool told_ = false;   // ContinueAt was called, and no event was read since
  bool opens_ = false;  // the next event is the first of its piece
  bool gap_ = false;
  RawEvent event_;
  bool have_ = false;           // event_ was not taken
  bool waiting_ = false;        // event_ continues in the next piece
  std::vector<PiecePtr> held_;  // earlier pieces that event_ points into
};

}  // namespace smiley::daemon
