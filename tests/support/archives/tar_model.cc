#include "tests/support/archives/tar_model.h"

#include <array>
#include <cstdio>

namespace batuta::test {
namespace {

constexpr size_t kBlock = 512;

std::string Octal(uint64_t number, size_t digits) {
  std::string text(digits, '0');
  for (size_t i = digits; i-- > 0; number /= 8) text[i] = static_cast<char>('0' + number % 8);
  return text + '\0';
}

void Put(std::string& block, size_t at, std::string_view bytes) {
  block.replace(at, bytes.size(), bytes);
}

std::string Header(const TarMember& member) {
  std::string block(kBlock, '\0');
  Put(block, 0, member.name);
  Put(block, 100, Octal(member.mode, 7));
  Put(block, 108, Octal(1000, 7));
  Put(block, 116, Octal(1000, 7));
  Put(block, 124, member.size_field.value_or(Octal(member.content.size(), 11)));
  Put(block, 136, member.time_field);
  block[156] = member.type;
  Put(block, 157, member.link);
  Put(block, 257, member.magic);
  Put(block, 345, member.prefix);
  Put(block, 148, std::string(8, ' '));
  uint64_t sum = member.checksum_is_right ? 0 : 1;
  for (const char byte : block) sum += static_cast<uint8_t>(byte);
  Put(block, 148, Octal(sum, 6));
  return block;
}

}  // namespace

TarMember TarFile(std::string_view name, std::string_view content) {
  TarMember member;
  member.name = name;
  member.content = content;
  return member;
}

std::string PaxRecord(std::string_view key, std::string_view value) {
  const std::string rest = " " + std::string(key) + "=" + std::string(value) + "\n";
  size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() != length) ++length;
  return std::to_string(length) + rest;
}

std::string WriteTar(const TarModel& model) {
  std::string out;
  for (const TarMember& member : model.members) {
    out += Header(member) + member.content;
    std::string padding((kBlock - member.content.size() % kBlock) % kBlock, '\0');
    Put(padding, 0, std::string_view(member.padding).substr(0, padding.size()));
    out += padding;
  }
  return out + model.end;
}

}  // namespace batuta::test
