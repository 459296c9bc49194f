// Thread rule: plain functions of one thread.
//
// Stores runs of given pieces, and returns the daemon's answer to a request about them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "daemon/protocol/request.h"
#include "daemon/query/answer.h"
#include "tests/daemon/served_home.h"

namespace smiley::daemon {

// Stores an ended run of these pieces (codes 1 "f", 2 "g", 3 "gen"; string 8 "len"); its threads have ended.
inline void StorePieces(Store& store, const std::string& id, const std::vector<Piece>& pieces, bool ended = true) {
  Batch batch;
  batch.runs.push_back(MakeRunInfo(id));
  std::map<std::uint32_t, std::uint32_t> threads;  // by number: their process
  for (const Piece& piece : pieces) threads[piece.thread] = piece.process;
  std::map<std::uint32_t, bool> processes;
  for (const auto& [number, process_number] : threads) {
    ThreadInfo thread;
    thread.process = process_number;
    thread.thread = number;
    thread.name = "T" + std::to_string(number);
    thread.ended = ended;
    batch.threads.emplace_back(id, thread);
    if (!processes.emplace(process_number, true).second) continue;
    ProcessInfo process;
    process.process = process_number;
    process.pid = 4710 + process_number;
    batch.processes.emplace_back(id, process);
    AddNames(&batch, id, process_number);
    for (std::uint32_t task = 1; task <= 2; ++task) {
      batch.tasks.emplace_back(id, TaskInfo{process_number, task, "task" + std::to_string(task)});
    }
  }
  SourceInfo source;
  source.source = 1;
  source.file = "/abs/app.py";
  batch.sources.emplace_back(id, source);
  for (Piece piece : pieces) {
    piece.run = id;
    batch.pieces.push_back(Summed(std::move(piece)));
  }
  const Status status = store.Commit(batch);
  BOOST_REQUIRE_MESSAGE(status.ok(), status.message());
}

// The lines of the answer, and its end members as the last one ("end: …"); "error: …" when it is refused.
inline std::vector<std::string> Answered(const Services& services, const std::string& line) {
  RequestParser parser;
  bool broken = false;
  const auto request = parser.Parse(line, &broken);
  BOOST_REQUIRE_MESSAGE(request.ok(), request.status().message());
  Reply reply = AnswerRequest(services, *request, [] {});
  if (!reply.status) return {"error: " + reply.status.message()};
  if (reply.stream == nullptr) return {reply.members};
  const std::string text = Produce(*reply.stream);
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end == std::string::npos ? text.size() : end + 1;
  }
  lines.push_back("end: " + reply.stream->EndMembers());
  return lines;
}

// The text between `"key":` and the next comma, bracket or brace.
inline std::string Member(const std::string& line, const std::string& key) {
  const std::string begin = "\"" + key + "\":";
  const std::size_t at = line.find(begin);
  if (at == std::string::npos) return "absent";
  const std::size_t from = at + begin.size();
  const bool text = line[from] == '"';
  const std::size_t end = text ? line.find('"', from + 1) : line.find_first_of(",}]", from);
  return text ? line.substr(from + 1, end - from - 1) : line.substr(from, end - from);
}
// The line of this function.
inline std::string LineOf(const std::vector<std::string>& lines, const std::string& function) {
  for (const std::string& line : lines) {
    if (Member(line, "function") == function) return line;
  }
  return "none";
}

}  // namespace smiley::daemon
