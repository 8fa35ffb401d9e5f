// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "summed_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "banger/sdk/os/file.hpp"

namespace banger::oci {
namespace {

constexpr std::size_t piece_bytes = 256U << 10;

}  // namespace

SummedFile::SummedFile(sdk::os::UniqueFd file, std::string path)
    : file_(std::move(file)), path_(std::move(path)), buffer_(piece_bytes)
{
}

sdk::Result<SummedFile> SummedFile::open(const std::string& path)
{
    auto file = sdk::os::open_file(path, O_RDONLY);
    if (!file)
        return std::move(file).error();
    return SummedFile(std::move(*file), path);
}

sdk::Result<std::string_view> SummedFile::next(sdk::Call& call)
{
    for (;;) {
        if (call.cancelled())
            return sdk::make_error(sdk::Code::cancelled, "cancelled");
        const auto got = ::read(file_.get(), buffer_.data(), buffer_.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return sdk::os_error("read " + path_);
        const std::string_view bytes(buffer_.data(), static_cast<std::size_t>(got));
        sum_.add(bytes);
        return bytes;
    }
}

sdk::Result<std::string> SummedFile::rest(sdk::Call& call)
{
    for (;;) {
        auto bytes = next(call);
        if (!bytes)
            return std::move(bytes).error();
        if (bytes->empty())
            return sum_.digest();
    }
}

}  // namespace banger::oci
