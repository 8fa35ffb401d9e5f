// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/paged_array.hpp"

#include <algorithm>

namespace banger::images {
namespace {

constexpr std::size_t page_bytes = PageCache::page_bytes;

// How many of `length` bytes from `at` on lie in one page.
std::size_t in_one_page(std::uint64_t at, std::size_t length)
{
    return std::min<std::size_t>(length, page_bytes - at % page_bytes);
}

}  // namespace

std::uint64_t PagedBytes::append(std::string_view bytes)
{
    const auto first = size_;
    while (!bytes.empty()) {
        if (size_ % page_bytes == 0)
            pages_.push_back(cache_.add());
        const auto part = bytes.substr(0, in_one_page(size_, bytes.size()));
        std::copy(part.begin(), part.end(), cache_.write(pages_.back()) + size_ % page_bytes);
        size_ += part.size();
        bytes.remove_prefix(part.size());
    }
    return first;
}

void PagedBytes::read(std::uint64_t at, char* into, std::size_t length) const
{
    while (length > 0) {
        const auto count = in_one_page(at, length);
        std::copy_n(cache_.read(pages_[at / page_bytes]) + at % page_bytes, count, into);
        at += count;
        into += count;
        length -= count;
    }
}

std::string PagedBytes::read(std::uint64_t at, std::size_t length) const
{
    std::string bytes(length, '\0');
    read(at, bytes.data(), length);
    return bytes;
}

bool PagedBytes::equals(std::uint64_t at, std::string_view bytes) const
{
    while (!bytes.empty()) {
        const auto part = bytes.substr(0, in_one_page(at, bytes.size()));
        if (std::string_view(cache_.read(pages_[at / page_bytes]) + at % page_bytes, part.size()) != part)
            return false;
        at += part.size();
        bytes.remove_prefix(part.size());
    }
    return true;
}

}  // namespace banger::images
