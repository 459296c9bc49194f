#include "daemon/value/forms.h"

#include <algorithm>
#include <array>

#include "daemon/value/text_codec.h"

namespace smiley::daemon {
namespace {

constexpr std::array<std::string_view, 10> kContainers = {"",      "list", "tuple",       "set",     "frozenset",
                                                          "deque", "dict", "defaultdict", "Counter", "OrderedDict"};
constexpr std::array<std::string_view, 13> kReserved = {"ref",      "object",  "str",    "bytes", "bytearray",
                                                        "int",      "complex", "float",  "bool",  "exception",
                                                        "redacted", "lost",    "unbound"};

}  // namespace

std::string_view ContainerName(std::uint8_t form) {
  return form < kContainers.size() ? kContainers[form] : std::string_view{};
}

std::uint8_t ContainerForm(std::string_view name) {
  for (std::size_t i = 1; i < kContainers.size(); ++i) {
    if (kContainers[i] == name) return static_cast<std::uint8_t>(i);
  }
  return 0;
}

bool IsTextType(std::string_view name) {
  return !name.empty() && ContainerForm(name) == 0 &&
         std::find(kReserved.begin(), kReserved.end(), name) == kReserved.end() && IsUtf8(name);
}

bool CanBeInner(const Value& value) {
  switch (value.type) {
    case Value::Type::kNone:
    case Value::Type::kBool:
      return false;
    case Value::Type::kForm:
      return ContainerForm(ContainerName(value.form)) != 0 ||
             (value.form >= kFormStrCut && value.form <= kFormException) || value.form == kFormRedacted;
    default:
      return true;
  }
}

bool IsDecimal(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return false;
  return text[0] != '0' || (text.size() == 1 && !negative);
}

bool IsBigIntCut(const Value& value) {
  std::string_view digits = value.text;
  if (digits.starts_with('-')) digits.remove_prefix(1);
  // 2^850 has 256 digits and begins with 7; 10^256 has 851 bits as well and one digit more.
  return digits.size() >= 256 && (value.integer > 851 || (value.integer == 851 && digits[0] < '7'));
}

bool ShowsReadAt(const Value& value) {
  if (value.type != Value::Type::kForm) return false;
  if (value.form == kFormSubclass) {
    return !value.attributes.empty() || (!value.items.empty() && ShowsReadAt(*value.items[0]));
  }
  return !ContainerName(value.form).empty() || value.form == kFormObject || value.form == kFormBytearray ||
         value.form == kFormException;
}

}  // namespace smiley::daemon
