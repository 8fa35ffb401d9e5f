// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/images/page_cache.hpp"

namespace banger::images {

/// A growing array in the pages of a cache. Elements come and go as values: a reference would not outlive the next call.
template <typename T>
class PagedArray {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= PageCache::page_bytes);

public:
    explicit PagedArray(PageCache& cache) : cache_(cache) {}

    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] T get(std::uint64_t index) const
    {
        T value;
        std::memcpy(&value, cache_.read(pages_[index / per_page]) + index % per_page * sizeof(T), sizeof(T));
        return value;
    }
    void set(std::uint64_t index, const T& value)
    {
        std::memcpy(cache_.write(pages_[index / per_page]) + index % per_page * sizeof(T), &value, sizeof(T));
    }
    std::uint64_t push(const T& value)
    {
        const auto index = extend(1);
        set(index, value);
        return index;
    }
    /// Adds so many elements of zeros; the index of the first.
    std::uint64_t extend(std::uint64_t count)
    {
        const auto first = size_;
        size_ += count;
        while (pages_.size() * per_page < size_)
            pages_.push_back(cache_.add());
        return first;
    }

private:
    static constexpr std::size_t per_page = PageCache::page_bytes / sizeof(T);

    PageCache& cache_;
    std::vector<std::uint32_t> pages_;
    std::uint64_t size_ = 0;
};

/// Byte strings one behind the other in the pages of a cache.
class PagedBytes {
public:
    explicit PagedBytes(PageCache& cache) : cache_(cache) {}

    /// Where the bytes begin.
    std::uint64_t append(std::string_view bytes);
    [[nodiscard]] std::string read(std::uint64_t at, std::size_t length) const;
    /// The same into a buffer that is there already.
    void read(std::uint64_t at, char* into, std::size_t length) const;
    [[nodiscard]] bool equals(std::uint64_t at, std::string_view bytes) const;

private:
    PageCache& cache_;
    std::vector<std::uint32_t> pages_;
    std::uint64_t size_ = 0;
};

}  // namespace banger::images
