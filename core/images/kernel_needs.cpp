// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/kernel_needs.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <map>
#include <memory>
#include <sstream>
#include <string_view>

#include "banger/sdk/os/file.hpp"

namespace banger::images {
namespace {

constexpr std::size_t most_kernel_bytes = 256U << 20;
constexpr std::size_t most_configuration_bytes = 4U << 20;
// Around gzip data: MAGIC_START and MAGIC_END in kernel/configs.c.
constexpr std::string_view embedded_start = "IKCFG_ST";
constexpr std::string_view embedded_end = "IKCFG_ED";

struct Need {
    const char* what;
    std::vector<const char*> options;  // one of them
    bool in_kernel;                    // before any module is loaded
};

const std::vector<Need>& needs()
{
    static const std::vector<Need> all{
        {"an initial RAM disk", {"CONFIG_BLK_DEV_INITRD"}, true},
        {"programs (ELF)", {"CONFIG_BINFMT_ELF"}, true},
        {"a file system in memory", {"CONFIG_TMPFS"}, true},
        {"device nodes", {"CONFIG_DEVTMPFS"}, true},
        {"ACPI", {"CONFIG_ACPI"}, true},
        {"a serial console", {"CONFIG_SERIAL_8250_CONSOLE"}, true},
        {"ext4", {"CONFIG_EXT4_FS"}, false},
        {"virtio over PCI", {"CONFIG_VIRTIO_PCI"}, false},
        {"virtio disks", {"CONFIG_VIRTIO_BLK"}, false},
        {"virtio networks", {"CONFIG_VIRTIO_NET"}, false},
        {"a virtio console or socket, for the agent", {"CONFIG_VIRTIO_CONSOLE", "CONFIG_VIRTIO_VSOCKETS"}, false},
    };
    return all;
}

std::map<std::string, std::string> read_options(const std::string& configuration)
{
    std::map<std::string, std::string> options;
    std::istringstream lines(configuration);
    for (std::string line; std::getline(lines, line);)
        if (const auto equals = line.find('='); line.starts_with("CONFIG_") && equals != std::string::npos)
            options[line.substr(0, equals)] = line.substr(equals + 1);
    return options;
}

struct Free {
    void operator()(archive* open) const { (void)archive_read_free(open); }
};

}  // namespace

std::vector<std::string> missing_in(const std::string& configuration, bool has_modules)
{
    const auto options = read_options(configuration);
    std::vector<std::string> missing;
    for (const auto& need : needs()) {
        const bool there = std::any_of(need.options.begin(), need.options.end(), [&](const char* option) {
            const auto found = options.find(option);
            return found != options.end() &&
                   (found->second == "y" || (found->second == "m" && has_modules && !need.in_kernel));
        });
        if (there)
            continue;
        std::string words = std::string(need.what) + " (";
        for (const char* option : need.options)
            words += std::string(option == need.options.front() ? "" : " or ") + option;
        missing.push_back(words + ")");
    }
    return missing;
}

sdk::Result<std::string> configuration_in(const std::string& vmlinux)
{
    const auto kernel = sdk::os::read_file(vmlinux, most_kernel_bytes);
    if (!kernel)
        return kernel.error();
    const auto start = kernel->find(embedded_start);
    const auto end = start == std::string::npos ? start : kernel->find(embedded_end, start);
    if (end == std::string::npos)
        return std::string();
    const auto packed = std::string_view(*kernel).substr(start + embedded_start.size(), end - start - embedded_start.size());
    const std::unique_ptr<archive, Free> reader(archive_read_new());
    archive_read_support_filter_gzip(reader.get());
    archive_read_support_format_raw(reader.get());
    archive_entry* entry = nullptr;
    std::string text(most_configuration_bytes, '\0');
    la_ssize_t length = -1;
    if (archive_read_open_memory(reader.get(), packed.data(), packed.size()) == ARCHIVE_OK &&
        archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK)
        length = archive_read_data(reader.get(), text.data(), text.size());
    if (length < 0)
        return sdk::make_error(sdk::Code::corrupt, "the configuration in " + vmlinux + " cannot be unpacked");
    text.resize(static_cast<std::size_t>(length));
    return text;
}

}  // namespace banger::images
