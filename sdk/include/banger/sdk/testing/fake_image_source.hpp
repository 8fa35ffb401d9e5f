// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdio>
#include <map>
#include <string>
#include <utility>

#include "banger/sdk/image_source.hpp"
#include "banger/sdk/os/file.hpp"

namespace banger::sdk::testing {

/// image/0 that writes the files it was given, in the format of POSIX (ustar, tar(5)). It counts its fetches.
class FakeImageSource : public ImageSource {
public:
    static constexpr const char* recipe = R"({"fake":"image"})";  ///< the only one it understands

    explicit FakeImageSource(std::map<std::string, std::string> files = {{"etc/os-release", "ID=fake\n"},
                                                                         {"bin/sh", "#!fake\n"}})
        : files_(std::move(files))
    {
    }

    Result<Probe> probe(Call& /*call*/) override
    {
        Probe probe;
        probe.usable = true;
        probe.reason = "it makes images of nothing but its own files";
        return probe;
    }

    Result<ImageStream> fetch(const ImageRequest& request, Call& call) override
    {
        if (request.recipe != recipe)
            return make_error(Code::invalid, "the recipe of image '" + request.name + "' is not a fake one");
        ++fetches_;
        call.progress({"pretend", 0, files_.size(), "files"});
        std::uint64_t done = 0;
        for (const auto& [path, content] : files_) {
            if (call.cancelled())
                return make_error(Code::cancelled, "cancelled");
            if (auto written = os::write_all(request.output, entry(path, content)); !written)
                return std::move(written).error();
            call.progress({"pretend", ++done, files_.size(), "files"});
        }
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        if (auto written = os::write_all(request.output, std::string(2 * block, '\0')); !written)
            return std::move(written).error();
        return ImageStream{"tar", {{"packages", "0"}}};
    }

    [[nodiscard]] int fetches() const { return fetches_; }

private:
    static constexpr std::size_t block = 512;

    static void put(std::string& header, std::size_t at, const std::string& field)
    {
        header.replace(at, field.size(), field);
    }
    static std::string octal(std::size_t value, int digits)
    {
        std::string text(static_cast<std::size_t>(digits) + 1, '\0');
        std::snprintf(text.data(), text.size(), "%0*zo", digits, value);
        return text;
    }
    static std::string entry(const std::string& path, const std::string& content)
    {
        std::string header(block, '\0');
        put(header, 0, path);
        put(header, 100, octal(0755, 7));
        put(header, 108, octal(0, 7));
        put(header, 116, octal(0, 7));
        put(header, 124, octal(content.size(), 11));
        put(header, 136, octal(0, 11));
        put(header, 148, "        ");
        put(header, 156, "0");
        put(header, 257, std::string("ustar\00000", 8));
        std::size_t sum = 0;
        for (const char byte : header)
            sum += static_cast<unsigned char>(byte);
        put(header, 148, octal(sum, 6));
        std::string text = header + content;
        text.resize((text.size() + block - 1) / block * block, '\0');
        return text;
    }

    std::map<std::string, std::string> files_;
    std::atomic<int> fetches_ = 0;
};

}  // namespace banger::sdk::testing
