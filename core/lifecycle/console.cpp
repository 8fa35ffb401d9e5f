// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/console.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdio>
#include <vector>

#include "banger/sdk/os/file.hpp"

namespace banger::lifecycle {
namespace {

constexpr std::size_t most_lines = 24;
constexpr std::size_t most_bytes_of_line = 200;
constexpr off_t window = 16384;

std::string path_of(const std::string& directory)
{
    return directory + "/" + console_log;
}

// A guest may write anything to its console; only text goes to a person's terminal.
std::string printable(const std::string& line)
{
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const auto byte = static_cast<unsigned char>(line[i]);
        if (byte == 0x1b) {  // an escape sequence ends with a letter (ECMA-48)
            while (i + 1 < line.size() && std::isalpha(static_cast<unsigned char>(line[i + 1])) == 0)
                ++i;
            ++i;
        } else if (byte >= 0x20 && byte != 0x7f) {
            text += line[i];
        }
    }
    return text.substr(0, most_bytes_of_line);
}

}  // namespace

sdk::Result<void> keep_last_console(const std::string& vm_directory)
{
    const std::string path = path_of(vm_directory);
    if (::rename(path.c_str(), (path + ".1").c_str()) != 0 && errno != ENOENT)
        return sdk::os_error("keep the last console log " + path);
    return {};
}

std::string console_tail(const std::string& vm_directory)
{
    const sdk::os::UniqueFd fd(::open(path_of(vm_directory).c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0)
        return {};
    const off_t from = status.st_size > window ? status.st_size - window : 0;
    std::string text(static_cast<std::size_t>(status.st_size - from), '\0');
    const ssize_t got = ::pread(fd.get(), text.data(), text.size(), from);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);

    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        if (auto line = printable(text.substr(at, end - at)); line.find_first_not_of(' ') != std::string::npos)
            lines.push_back(std::move(line));
        at = end + 1;
    }
    std::string tail;
    for (std::size_t i = lines.size() > most_lines ? lines.size() - most_lines : 0; i < lines.size(); ++i)
        tail += "  | " + lines[i] + (i + 1 < lines.size() ? "\n" : "");
    return tail;
}

}  // namespace banger::lifecycle
