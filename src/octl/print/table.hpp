// SPDX-License-Identifier: MIT
// A table for people: columns as wide as their cells, a head, and lines below it.
#pragma once
#include <string>
#include <vector>

namespace octo::octl {

enum class Colour { off, on };

struct Table {
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> foot;
};
// Cells are made visible; states are painted where colour is on. Without rows only the foot is printed.
std::string print(const Table& table, Colour colour);

// The n-th of a few well-distinguished colours, round and round.
std::string paint(std::string_view text, std::size_t n, Colour colour);
enum class Mood { good, bad, middling, quiet };
std::string paint(std::string_view text, Mood mood, Colour colour);

std::string print_bytes(std::uint64_t bytes);  // "1.5 GiB"

}  // namespace octo::octl
