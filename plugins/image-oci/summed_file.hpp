// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/host.hpp"
#include "banger/sdk/os/fd.hpp"
#include "blobs/digest.hpp"

namespace banger::oci {

/// A file that is read from front to back and added up on the way, so that its digest is that of the bytes that were used, whoever
/// changes it meanwhile.
class SummedFile {
public:
    static sdk::Result<SummedFile> open(const std::string& path);

    /// Its next bytes, valid until the next call; none at its end. Errors: cancelled; those of reading.
    sdk::Result<std::string_view> next(sdk::Call& call);
    /// Reads on to the end and gives the digest of all. Only once.
    sdk::Result<std::string> rest(sdk::Call& call);

private:
    SummedFile(sdk::os::UniqueFd file, std::string path);
    sdk::os::UniqueFd file_;
    std::string path_;
    std::vector<char> buffer_;
    blobs::Sha256 sum_;
};

}  // namespace banger::oci
