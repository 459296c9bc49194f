#include "daemon/server/session.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>

#include "daemon/background/heap.h"
#include "daemon/exchange/import.h"
#include "daemon/protocol/client.h"
#include "daemon/query/objects.h"
#include "shm/base/test_point.h"

namespace smiley::daemon {

namespace asio = boost::asio;
using SteadyClock = std::chrono::steady_clock;

namespace {

std::string AnswerLine(const std::string& id_json, std::string_view members) {
  std::string line = "{\"id\":" + id_json + ",\"ok\":true";
  if (!members.empty()) {
    line += ',';
    line += members;
  }
  return line + "}\n";
}
Status MakeNoMemory() {
  return Status(Code::kNoSpace, "the daemon has no memory for this request: try again, or for a part of the run");
}
std::string ErrorLine(const std::string& id_json, const Status& status) {
  return "{\"id\":" + id_json + ",\"ok\":false," + ErrorMember(status) + "}\n";
}
std::string EndLine(const std::string& id_json, const Status& status, const std::string& members) {
  std::string line = "{\"id\":" + id_json + ",\"end\":true";
  if (!members.empty()) line += "," + members;
  if (!status) line += "," + ErrorMember(status);
  return line + "}\n";
}
void PutLength(std::string* bytes, std::size_t at, std::uint32_t length) {
  for (std::size_t i = 0; i < 4; ++i) (*bytes)[at + i] = static_cast<char>(length >> (8 * i));
}
// Appends bytes as frames of the protocol.
void AppendFrames(std::string* out, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, Client::kMaxFrameBytes);
    out->append(4, '\0');
    PutLength(out, out->size() - 4, static_cast<std::uint32_t>(part.size()));
    *out += part;
    bytes.remove_prefix(part.size());
  }
}
// Gives way to traced programs and the drainer. Called by each thread of the pools.
void LowerPriority() {
  thread_local const int lowered = ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), 5);
  static_cast<void>(lowered);
}

}  // namespace

Session::Session(std::shared_ptr<SessionHost> host, Socket socket, bool remote)
    : host_(std::move(host)), socket_(std::move(socket)), remote_(remote), timer_(host_->io) {}

void Session::Start() {
  asio::co_spawn(
      host_->io, [self = shared_from_this()]() { return self->Run(); },
      [self = shared_from_this()](const std::exception_ptr&) {
        self->Close();
        self->host_->sessions.erase(self);
        self->host_->session_count.store(self->host_->sessions.size());
        self->host_->gate.cancel();
      });
}

void Session::Close() {
  closed_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
  timer_.cancel();
}

template <typename Work>
Session::Awaitable<bool> Session::OnPool(asio::thread_pool& pool, Work work) {
  bool done = false;
  auto run = [&pool, &work, &done](auto handler) {
    auto executor = asio::get_associated_executor(handler);
    auto guard = asio::make_work_guard(executor);
    asio::post(pool, [handler = std::move(handler), guard = std::move(guard), &work, &done]() mutable {
      LowerPriority();
      try {
        work();
        done = true;
      } catch (...) {  // no memory, or an unexpected exception of a library: only this client's connection ends
      }
      asio::post(guard.get_executor(), std::move(handler));
    });
  };
  co_await asio::async_initiate<decltype(asio::use_awaitable), void()>(std::move(run), asio::use_awaitable);
  co_return done;
}

Session::Awaitable<bool> Session::FillInput() {
  if (in_at_ == in_.size()) {
    if (in_.capacity() > 64 * 1024) in_ = std::string();
    in_.clear();
    in_at_ = 0;
  } else if (in_at_ > 64 * 1024) {
    in_.erase(0, in_at_);
    in_at_ = 0;
  }
  char bytes[16 * 1024];
  for (;;) {
    if (closed_) co_return false;
    const ssize_t got = ::recv(socket_.native_handle(), bytes, sizeof(bytes), MSG_DONTWAIT);
    if (got > 0) {
      in_.append(bytes, static_cast<std::size_t>(got));
      co_return true;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) co_return false;
    boost::system::error_code error;
    co_await socket_.async_wait(Socket::wait_read, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return false;
  }
}

Session::Awaitable<bool> Session::ReadLine(std::string* line) {
  std::size_t looked = 0;  // bytes behind in_at_ that hold no newline
  for (;;) {
    const std::size_t end = in_.find('\n', in_at_ + looked);
    if (end != std::string::npos && end - in_at_ <= kMaxRequestBytes) {
      line->assign(in_, in_at_, end - in_at_);
      if (!line->empty() && line->back() == '\r') line->pop_back();
      in_at_ = end + 1;
      co_return true;
    }
    looked = in_.size() - in_at_;
    if (looked > kMaxRequestBytes) {
      co_await AnswerError("null", Status(Code::kInvalid, "the request is longer than 1 MiB"));
      co_return false;
    }
    const bool filled = co_await FillInput();
    if (!filled) co_return false;
  }
}

Session::Awaitable<bool> Session::ReadBytes(std::size_t count, std::string* bytes) {
  while (in_.size() - in_at_ < count) {
    const bool filled = co_await FillInput();
    if (!filled) co_return false;
  }
  bytes->assign(in_, in_at_, count);
  in_at_ += count;
  co_return true;
}

Session::Awaitable<bool> Session::Write(const std::string& bytes) {
  if (closed_) co_return false;
  if (bytes.empty()) co_return true;
  boost::system::error_code error;
  co_await asio::async_write(socket_, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
  co_return !error;
}

Session::Awaitable<bool> Session::AnswerError(const std::string& id_json, const Status& status) {
  const std::string line = ErrorLine(id_json, status);
  const bool written = co_await Write(line);
  co_return written;
}

Session::Awaitable<void> Session::Run() {
  std::string line;
  for (;;) {
    const bool read = co_await ReadLine(&line);
    if (!read) break;
    if (line.empty()) continue;
    const bool usable = co_await Handle(line);
    if (!usable) break;
  }
}

// Each co_await is a statement of its own: GCC 12 miscompiles some of those within conditions.
Session::Awaitable<bool> Session::Handle(const std::string& line) {
  bool broken = false;
  auto parsed = parser_.Parse(line, &broken);
  if (!parsed) {
    const bool written = co_await AnswerError("null", parsed.status());
    co_return written && !broken;
  }
  const Request& request = *parsed;
  const RequestRow* row = FindRequest(request.op);
  if (row == nullptr) {
    const Reply refused = AnswerRequest(host_->services, request, {});
    const bool usable = co_await AnswerError(request.id_json, refused.status);
    co_return usable;
  }
  if (remote_ && row->reach == Reach::kLocal) {
    const bool usable = co_await AnswerError(
        request.id_json,
        Status(Code::kPermission, "'" + request.op + "' concerns the programs of that machine: run smiley there"));
    co_return usable;
  }
  bool usable = false;
  switch (row->lead) {
    case Lead::kHandler:
      usable = co_await Answer(request, *row);
      break;
    case Lead::kFinish:
      usable = co_await Finish(request);
      break;
    case Lead::kImport:
      usable = co_await Import(request);
      break;
    case Lead::kWeb:
      usable = co_await Web(request);
      break;
    case Lead::kStop:
      usable = co_await StopDaemon(request);
      break;
  }
  co_return usable;
}

Session::Awaitable<bool> Session::Answer(const Request& request, const RequestRow& row) {
  const bool quick = row.pace == Pace::kQuick;
  Reply reply;
  auto wake = MakeWake();
  const auto answer = [&] { reply = row.handler(host_->services, request, wake); };
  const bool answered = co_await OnPool(quick ? host_->quick : host_->bulk, answer);
  if (!answered) {
    reply = Reply();
    reply.status = MakeNoMemory();
  }
  if (!reply.status) {
    const bool usable = co_await AnswerError(request.id_json, reply.status);
    co_return usable;
  }
  if (reply.stream != nullptr) {
    const bool usable = co_await Stream(request, std::move(reply.stream), reply.binary, quick);
    co_return usable;
  }
  const std::string text = AnswerLine(request.id_json, reply.members);
  const bool written = co_await Write(text);
  co_return written;
}

Session::Awaitable<bool> Session::StopDaemon(const Request& request) {
  const std::string text = AnswerLine(request.id_json, {});
  const bool written = co_await Write(text);
  if (host_->request_stop) host_->request_stop();
  co_return written;
}

Session::Awaitable<bool> Session::Stream(const Request& request, std::unique_ptr<Producer> producer, bool binary,
                                         bool quick) {
  auto& pool = quick ? host_->quick : host_->bulk;
  std::string out = AnswerLine(request.id_json, binary ? "\"stream\":\"binary\"" : "\"stream\":\"lines\"");
  Status status;
  bool done = false;
  while (!done) {
    if (closed_ || ClientGone()) co_return false;
    std::string made;
    auto next = Result<Producer::Next>(Producer::Next::kDone);
    const auto step = [&] { next = producer->Step(&made); };
    const bool stepped = co_await OnPool(pool, step);
    if (!stepped) {
      next = MakeNoMemory();
    }
    if (binary) {
      AppendFrames(&out, made);
    } else {
      out += made;
    }
    if (!next) {
      status = next.status();
      done = true;
    } else if (*next == Producer::Next::kDone) {
      done = true;
    } else {
      SMILEY_TEST_POINT("answer.step");
      const bool written = co_await Write(out);
      if (!written) co_return false;
      out.clear();
      if (*next == Producer::Next::kWait) {
        // A request of the client ends a waiting stream, and is answered next.
        WatchClient();
        co_await WaitForWake(producer->WaitUntil().value_or(SteadyClock::now() + std::chrono::hours(24)), true);
        if (client_spoke_) done = true;
      }
    }
  }
  if (binary) {
    const std::size_t at = out.size();
    out.append(4, '\0');
    PutLength(&out, at, status ? 0u : 0xFFFFFFFFu);
  }
  out += EndLine(request.id_json, status, status ? producer->EndMembers() : std::string());
  SMILEY_TEST_POINT("answer.ended");
  // The readers of the store and the live feed are closed now, not after the client has read the rest.
  const auto drop = [&] {
    producer.reset();
    if (!quick) GiveBackHeap();
  };
  const bool dropped = co_await OnPool(pool, drop);
  if (!dropped) co_return false;
  const bool written = co_await Write(out);
  co_return written;
}

Session::Awaitable<bool> Session::Finish(const Request& request) {
  auto& runs = host_->services.runs;
  const auto run = request.NeedText("run");
  const auto exit_code = request.Integer("exit_code", -2147483648LL, 2147483647LL);
  const auto signal = request.Integer("signal", 1, 128);
  const auto wait_ms = request.Integer("wait_ms", 0, 3'600'000);
  Status wrong;
  if (!run) wrong = run.status();
  if (!exit_code) wrong = exit_code.status();
  if (!signal) wrong = signal.status();
  if (!wait_ms) wrong = wait_ms.status();
  if (wrong.ok() && exit_code->has_value() == signal->has_value()) {
    wrong = Status(Code::kInvalid, "'finish' needs one of 'exit_code' and 'signal'");
  }
  if (!wrong) {
    const bool usable = co_await AnswerError(request.id_json, wrong);
    co_return usable;
  }
  std::optional<int> code_value, signal_value;
  if (exit_code->has_value()) code_value = static_cast<int>(**exit_code);
  if (signal->has_value()) signal_value = static_cast<int>(**signal);
  Status finished;
  const auto finish = [&] { finished = runs.Finish(*run, code_value, signal_value); };
  const bool done = co_await OnPool(host_->quick, finish);
  if (!done) finished = MakeNoMemory();
  if (!finished) {
    const bool usable = co_await AnswerError(request.id_json, finished);
    co_return usable;
  }

  // The callback may come from another thread, and after the session's end: it owns the data that it writes.
  struct Arrived {
    std::atomic<bool> set{false};
    Drained drained;
  };
  const auto arrived = std::make_shared<Arrived>();
  const std::chrono::milliseconds timeout(wait_ms->value_or(0));
  auto wake = MakeWake();
  runs.WhenDrained(*run, timeout, [arrived, wake](Drained drained) {
    arrived->drained = std::move(drained);
    arrived->set.store(true, std::memory_order_release);
    wake();
  });
  const auto deadline = SteadyClock::now() + timeout + std::chrono::seconds(2);
  while (!arrived->set.load(std::memory_order_acquire) && SteadyClock::now() < deadline) {
    if (closed_ || ClientGone()) co_return false;
    co_await WaitForWake(deadline, false);
  }
  Drained drained;
  if (arrived->set.load(std::memory_order_acquire)) {
    drained = arrived->drained;
  } else {
    auto info = host_->services.archive.FindRun(*run);
    if (info) drained.run = *info;
  }
  std::string about, alive = "[";
  AppendRun(&about, drained.run);
  for (const std::uint32_t pid : drained.alive) {
    if (alive.size() > 1) alive += ',';
    alive += std::to_string(pid);
  }
  const std::string answer =
      AnswerLine(request.id_json, "\"run\":" + about + ",\"drained\":" + (drained.drained ? "true" : "false") +
                                      ",\"alive\":" + alive + "]");
  const bool written = co_await Write(answer);
  co_return written;
}

Session::Awaitable<bool> Session::Import(const Request& request) {
  auto importer =
      std::make_unique<Importer>(host_->services.archive, host_->services.store, host_->services.home.dir);
  Status status;
  std::string bytes;
  bool whole = false;  // all frames were read, so the connection stays usable
  bool gone = false;
  while (status.ok() && !whole) {
    const bool head = co_await ReadBytes(4, &bytes);
    if (!head) {
      gone = true;
      break;
    }
    std::uint32_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      length |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    }
    if (length == 0) {
      whole = true;
    } else if (length == 0xFFFFFFFFu) {
      whole = true;
      status = Status(Code::kInterrupted, "the source of the import failed; nothing was kept: try again");
    } else if (length > Client::kMaxFrameBytes) {
      status = Status(Code::kInvalid, "a frame of the import is longer than 1 MiB");
    } else {
      const bool read = co_await ReadBytes(length, &bytes);
      if (!read) {
        gone = true;
        break;
      }
      const auto feed = [&] { status = importer->Feed(bytes); };
      const bool fed = co_await OnPool(host_->bulk, feed);
      if (!fed) status = MakeNoMemory();
    }
  }
  Result<Importer::Outcome> outcome = Status(Code::kGone, "the client went away");
  const auto end = [&] {
    if (whole && status.ok()) outcome = importer->Finish();
    importer.reset();  // removes an incomplete run
  };
  const bool ended = co_await OnPool(host_->bulk, end);
  if (!ended) status = MakeNoMemory();
  if (gone) co_return false;
  if (status.ok() && !outcome) status = outcome.status();
  if (!status) {
    const bool written = co_await AnswerError(request.id_json, status);
    co_return written&& whole;
  }
  std::string about;
  AppendRun(&about, outcome->run);
  const std::string answer =
      AnswerLine(request.id_json, "\"run\":" + about + ",\"already\":" + (outcome->already ? "true" : "false"));
  const bool written = co_await Write(answer);
  co_return written;
}

Session::Awaitable<bool> Session::Web(const Request& request) {
  const auto path = request.Text("path");
  auto invitation = Result<WebInvitation>(path.status());
  if (path) {
    invitation = host_->invite ? host_->invite(path->value_or(""))
                               : Result<WebInvitation>(Status(
                                     Code::kInvalid, "this server serves no page: smiley-daemon restart serves it"));
  }
  if (!invitation) {
    const bool usable = co_await AnswerError(request.id_json, invitation.status());
    co_return usable;
  }
  std::string object;
  JsonObject o(&object);
  o.Text("url", invitation->url).Text("file", invitation->file);
  o.Number("seconds", static_cast<std::uint64_t>(invitation->lifetime.count()));
  const std::string answer = AnswerLine(request.id_json, object.substr(1));
  const bool written = co_await Write(answer);
  co_return written;
}

std::function<void()> Session::MakeWake() {
  std::weak_ptr<SessionHost> weak_host = host_;
  std::weak_ptr<Session> weak_self = weak_from_this();
  return [weak_host, weak_self] {
    const auto host = weak_host.lock();
    if (host == nullptr) return;
    asio::post(host->io, [weak_self] {
      if (const auto self = weak_self.lock()) self->Wake();
    });
  };
}

void Session::Wake() {
  woken_ = true;
  timer_.cancel();
}

Session::Awaitable<void> Session::WaitForWake(TimePoint until, bool heed_client) {
  while (!woken_ && !closed_ && !(heed_client && client_spoke_) && SteadyClock::now() < until) {
    TimePoint end = until;
    // The kernel does not report when a client that has closed one direction closes the other: check once a second.
    if (half_closed_) {
      if (ClientGone()) break;
      end = std::min(end, SteadyClock::now() + std::chrono::seconds(1));
    }
    timer_.expires_at(end);
    boost::system::error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (ClientGone()) break;
  }
  woken_ = false;
}

void Session::WatchClient() {
  client_spoke_ = in_at_ < in_.size();
  if (watching_ || half_closed_ || closed_ || client_spoke_) return;
  watching_ = true;
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const boost::system::error_code& error) {
    self->watching_ = false;
    if (!error && !self->closed_) {
      char byte;
      const ssize_t got = ::recv(self->socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
      if (got > 0) self->client_spoke_ = true;
      if (got == 0) self->half_closed_ = true;
    }
    self->timer_.cancel();
  });
}

bool Session::ClientGone() {
  if (closed_) return true;
  pollfd state{socket_.native_handle(), 0, 0};
  return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

}  // namespace smiley::daemon
