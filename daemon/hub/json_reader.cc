#include "daemon/hub/json_reader.h"

#include <utility>

#include <fmt/core.h>

#include "common/status/status.h"
#include "daemon/hub/wire_time.h"

namespace batuta::hub {
namespace {

using nlohmann::json;

absl::Status ShapeError(std::string_view message) {
  return MakeError(absl::StatusCode::kInternal, reason::kHubProtocol, message);
}

// Builds values from the parser's events, and stops the parser where a bound is passed.
class BoundedBuilder final : public nlohmann::json_sax<json> {
 public:
  using RecordSink = absl::FunctionRef<absl::Status(const json&)>;

  // With a sink the top level must be an array, whose elements go to the sink; without one it must be an
  // object.
  BoundedBuilder(const JsonBounds& bounds, const RecordSink* sink) : bounds_(bounds), sink_(sink) {}

  bool null() override { return Scalar(json()); }

  bool boolean(bool value) override { return Scalar(json(value)); }

  bool number_integer(number_integer_t value) override { return Scalar(json(value)); }

  bool number_unsigned(number_unsigned_t value) override { return Scalar(json(value)); }

  bool number_float(number_float_t value, const string_t&) override { return Scalar(json(value)); }

  bool string(string_t& value) override { return Scalar(json(std::move(value))); }

  bool binary(binary_t&) override { return Fail(ShapeError("the answer holds binary data")); }

  bool start_object(size_t) override { return Open(json::object()); }

  bool key(string_t& value) override {
    key_ = std::move(value);
    return true;
  }

  bool end_object() override { return Close(); }

  bool start_array(size_t) override { return Open(json::array()); }

  bool end_array() override { return Close(); }

  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return Fail(ShapeError(fmt::format("the answer is not JSON (byte {})", position)));
  }

  const absl::Status& status() const { return status_; }

  json TakeRoot() { return std::move(root_); }

 private:
  bool Fail(absl::Status status) {
    status_ = std::move(status);
    return false;
  }

  // The nesting level at which the values that we build begin.
  size_t base_depth() const { return sink_ == nullptr ? 0 : 1; }

  bool Count() {
    if (++values_ <= bounds_.max_values) return true;
    return Fail(MakeError(absl::StatusCode::kOutOfRange, reason::kAnswerTooLarge,
                          fmt::format("the answer holds more than {} values", bounds_.max_values)));
  }

  // Where the next value belongs.
  json& Place(json value) {
    if (open_.empty()) return root_ = std::move(value);
    json& parent = *open_.back();
    if (parent.is_object()) return parent[key_] = std::move(value);
    parent.push_back(std::move(value));
    return parent.back();
  }

  bool Scalar(json value) {
    if (depth_ == 0) return Fail(ShapeError("the answer is JSON, but a single value"));
    if (counting_from_ != 0) {
      if (depth_ == counting_from_) ++counted_;
      return true;
    }
    if (!Count()) return false;
    Place(std::move(value));
    return depth_ != base_depth() || HandOver();
  }

  bool Open(json empty) {
    if (depth_ >= bounds_.max_depth) {
      return Fail(ShapeError(fmt::format("the answer nests deeper than {} levels", bounds_.max_depth)));
    }
    ++depth_;
    if (counting_from_ != 0) {
      if (depth_ == counting_from_ + 1) ++counted_;
      return true;
    }
    if (depth_ == 1 && empty.is_array() != (sink_ != nullptr)) {
      return Fail(ShapeError(sink_ != nullptr ? "the answer is JSON, but no list"
                                              : "the answer is JSON, but no object"));
    }
    if (depth_ <= base_depth()) return true;
    if (depth_ == 2 && sink_ == nullptr && empty.is_array() && key_ == bounds_.count_only) {
      counting_from_ = depth_;
      counted_key_ = key_;
      return true;
    }
    if (!Count()) return false;
    open_.push_back(&Place(std::move(empty)));
    return true;
  }

  bool Close() {
    const size_t closed = depth_--;
    if (counting_from_ != 0) {
      if (closed != counting_from_) return true;
      counting_from_ = 0;
      root_[counted_key_] = counted_;
      return true;
    }
    if (closed <= base_depth()) return true;
    open_.pop_back();
    return sink_ == nullptr || !open_.empty() || HandOver();
  }

  bool HandOver() {
    values_ = 0;
    absl::Status status = (*sink_)(root_);
    root_ = json();
    return status.ok() || Fail(std::move(status));
  }

  const JsonBounds& bounds_;
  const RecordSink* sink_;
  json root_;
  std::vector<json*> open_;
  std::string key_;
  size_t depth_ = 0;
  size_t values_ = 0;
  size_t counting_from_ = 0;  // depth of the array whose elements are only counted; 0 = none
  uint64_t counted_ = 0;
  std::string counted_key_;
  absl::Status status_;
};

absl::Status Parse(std::string_view text, BoundedBuilder& builder) {
  if (json::sax_parse(text.begin(), text.end(), &builder)) return absl::OkStatus();
  return builder.status();
}

}  // namespace

absl::StatusOr<json> ReadObject(std::string_view text, const JsonBounds& bounds) {
  BoundedBuilder builder(bounds, nullptr);
  RETURN_IF_ERROR(Parse(text, builder));
  return builder.TakeRoot();
}

absl::Status ReadRecords(std::string_view text, const JsonBounds& bounds,
                         absl::FunctionRef<absl::Status(const json&)> on_record) {
  BoundedBuilder builder(bounds, &on_record);
  return Parse(text, builder);
}

const json& Member(const json& object, std::string_view name) {
  static const json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(name);
  return found == object.end() ? nothing : *found;
}

std::string StringMember(const json& object, std::string_view name) {
  const json& value = Member(object, name);
  return value.is_string() ? value.get_ref<const std::string&>() : std::string();
}

std::optional<uint64_t> UnsignedMember(const json& object, std::string_view name) {
  const json& value = Member(object, name);
  if (!value.is_number_unsigned()) return std::nullopt;
  return value.get<uint64_t>();
}

bool BoolMember(const json& object, std::string_view name) {
  const json& value = Member(object, name);
  return value.is_boolean() && value.get<bool>();
}

std::optional<WallTime> TimeMember(const json& object, std::string_view name) {
  const json& value = Member(object, name);
  if (!value.is_string()) return std::nullopt;
  return ParseRfc3339(value.get_ref<const std::string&>());
}

std::vector<std::string> StringsMember(const json& object, std::string_view name, size_t limit) {
  const json& value = Member(object, name);
  std::vector<std::string> strings;
  if (value.is_string() && limit > 0) strings.push_back(value.get<std::string>());
  if (!value.is_array()) return strings;
  for (const json& element : value) {
    if (strings.size() >= limit) break;
    if (element.is_string()) strings.push_back(element.get<std::string>());
  }
  return strings;
}

}  // namespace batuta::hub
