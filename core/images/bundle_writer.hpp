// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "banger/sdk/host.hpp"

namespace banger::images {

inline constexpr const char* bundle_suffix = ".tar.zst";

/// A tar archive (pax, holes as such), compressed with zstd, under a name of its own that nobody looks for until it is
/// published by one rename; removed unless it is. The same members in the same order give the same file, whoever adds them
/// and when.
class BundleWriter {
public:
    /// In a directory that is there.
    static sdk::Result<BundleWriter> create(const std::string& directory, sdk::Call& call);
    BundleWriter(BundleWriter&& other) noexcept;
    BundleWriter& operator=(BundleWriter&&) = delete;
    ~BundleWriter();

    sdk::Result<void> add_text(const std::string& name, const std::string& text);
    /// A file that nobody changes meanwhile; a link is refused.
    sdk::Result<void> add_file(const std::string& name, const std::string& path);

    struct Published {
        std::string file;    ///< STEM-DIGEST.tar.zst
        std::string digest;  ///< sha256:…
        std::uint64_t bytes = 0;
    };
    /// Ends the archive and makes it a file for everybody to read, durably.
    sdk::Result<Published> publish(const std::string& stem);

private:
    struct State;
    explicit BundleWriter(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace banger::images
