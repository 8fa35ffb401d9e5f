// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"
#include "file_id.hpp"

namespace banger::dm {

/// A loop device, a block device that is a file (loop(4)), held open. It detaches itself from its file (autoclear) once
/// nobody holds it: neither this object nor a table of device-mapper's. So nothing is left of it, also after a kill.
class LoopDevice {
public:
    enum class Access { read_write, read_only };

    /// One over this whole file: that which is there already, whoever made it, or a new one. `busy` if the host has no
    /// loop device left; `corrupt` if the file became shorter under the one that is there; `permission` for whoever may
    /// not open the file so.
    static sdk::Result<LoopDevice> over(const std::string& path, Access access);
    /// Which file is behind the loop device of that number ("7:3"). `not_found` if it is none, or has no file.
    static sdk::Result<FileId> file_of(const std::string& number);

    [[nodiscard]] std::string number() const;  ///< "7:3"
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    LoopDevice(std::string path, sdk::os::UniqueFd held) : path_(std::move(path)), held_(std::move(held)) {}
    static sdk::Result<LoopDevice> make(const std::string& path, int backing, Access access);

    std::string path_;
    sdk::os::UniqueFd held_;
};

/// "/dev/loop3" for "7:3".
std::string loop_path_of(const std::string& number);

}  // namespace banger::dm
