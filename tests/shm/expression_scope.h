// Thread rule: belongs to one test.
//
// A scope for expression tests: variables and fields as small trees in maps.
#pragma once

#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shm/expression/expression.h"

namespace smiley::shm::test {

struct Thing {
  Operand plain;
  std::string text;
  std::map<std::string, Thing, std::less<>> attributes;
  std::vector<std::pair<Thing, Thing>> items;
  std::vector<Thing> list;

  Thing() = default;
  Thing(int v) : plain(Operand::Int(v)) {}                     // NOLINT(google-explicit-constructor)
  Thing(long v) : plain(Operand::Int(v)) {}                    // NOLINT(google-explicit-constructor)
  Thing(double v) : plain(Operand::Float(v)) {}                // NOLINT(google-explicit-constructor)
  Thing(bool v) : plain(Operand::Bool(v)) {}                   // NOLINT(google-explicit-constructor)
  Thing(const char* v) : plain(Operand::Text("")), text(v) {}  // NOLINT(google-explicit-constructor)
  static Thing None() {
    Thing t;
    t.plain = Operand::None();
    return t;
  }
  static Thing Object(std::map<std::string, Thing, std::less<>> attributes) {
    Thing t;
    t.plain.type = Operand::Type::kObject;
    t.attributes = std::move(attributes);
    return t;
  }
  static Thing Dict(std::vector<std::pair<Thing, Thing>> items) {
    Thing t = Object({});
    t.items = std::move(items);
    return t;
  }
  static Thing List(std::vector<Thing> list) {
    Thing t = Object({});
    t.list = std::move(list);
    return t;
  }
  Operand ToOperand() const {
    if (plain.type == Operand::Type::kText) return Operand::Text(text);
    if (plain.type == Operand::Type::kObject) return Operand::Object(this);
    return plain;
  }
};

class TestScope : public Scope {
 public:
  std::map<std::string, Thing, std::less<>> variables, before;
  std::map<std::string, bool, std::less<>> changed;
  std::map<Field, std::vector<Thing>> fields;

  Operand FieldValue(Field field, int alternative) const override {
    const auto found = fields.find(field);
    if (found == fields.end() || alternative >= static_cast<int>(found->second.size())) return {};
    return found->second[static_cast<std::size_t>(alternative)].ToOperand();
  }
  Operand Variable(std::string_view name) const override { return In(variables, name); }
  Operand Before(std::string_view name) const override { return In(before, name); }
  bool Changed(std::string_view name) const override { return changed.find(name) != changed.end(); }
  Operand Attribute(const Operand& object, std::string_view name) const override {
    return In(ThingOf(object).attributes, name);
  }
  Operand Item(const Operand& object, const Operand& key) const override {
    const Thing& thing = ThingOf(object);
    for (const auto& [k, v] : thing.items) {
      if (SameValue(k.ToOperand(), key)) return v.ToOperand();
    }
    if (key.type != Operand::Type::kInt) return {};
    const auto size = static_cast<std::int64_t>(thing.list.size());
    const std::int64_t i = key.integer < 0 ? key.integer + size : key.integer;
    return i >= 0 && i < size ? thing.list[static_cast<std::size_t>(i)].ToOperand() : Operand();
  }
  bool Contains(const Operand& object, const Operand& needle) const override {
    for (const auto& [k, v] : ThingOf(object).items) {
      if (SameValue(k.ToOperand(), needle)) return true;
    }
    for (const Thing& t : ThingOf(object).list) {
      if (SameValue(t.ToOperand(), needle)) return true;
    }
    return false;
  }
  bool Equal(const Operand& a, const Operand& b) const override { return a.object == b.object; }
  bool Truthy(const Operand& object) const override {
    const Thing& t = ThingOf(object);
    return !t.attributes.empty() || !t.items.empty() || !t.list.empty();
  }

 private:
  static const Thing& ThingOf(const Operand& o) { return *static_cast<const Thing*>(o.object); }
  static Operand In(const std::map<std::string, Thing, std::less<>>& map, std::string_view name) {
    const auto found = map.find(name);
    return found == map.end() ? Operand() : found->second.ToOperand();
  }
};

}  // namespace smiley::shm::test
