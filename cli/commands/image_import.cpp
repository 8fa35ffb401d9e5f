// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "cli/commands/catalogue.hpp"
#include "cli/commands/image_choices.hpp"
#include "cli/temporary_directory.hpp"

namespace banger::cli {
namespace {

constexpr const char* standard_input = "-";
constexpr std::size_t read_bytes = 256U << 10;

/// Standard input in a file that has no name and goes away with this process.
sdk::Result<sdk::os::UniqueFd> keep_input()
{
    std::string path = large_temporary_place() + "/banger-import-XXXXXX";
    sdk::os::UniqueFd file(::mkostemp(path.data(), O_CLOEXEC));
    if (!file)
        return sdk::os_error("make a file like " + path);
    if (::unlink(path.c_str()) != 0)
        return sdk::os_error("remove " + path);
    std::vector<char> buffer(read_bytes);
    for (;;) {
        const auto count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
        if (count < 0)
            return sdk::os_error("read standard input");
        if (count == 0)
            return file;
        if (auto kept = sdk::os::write_all(file.get(), {buffer.data(), static_cast<std::size_t>(count)}); !kept)
            return std::move(kept).error();
    }
}

}  // namespace

Syntax ImageImport::syntax()
{
    Syntax syntax;
    syntax.path = "image import";
    syntax.summary = "make an image of an OCI layout, of what `docker save` wrote, of a bundle, or of a root file system";
    syntax.description =
        "Layouts and root file systems are directories or tar archives, compressed or not; a bundle is what `banger image "
        "bundle` wrote. Importing a layout or archive that has not changed does nothing. With - the archive comes from "
        "standard input.";
    syntax.operands = {{"PATH"}};
    syntax.options = image_choice_options();
    syntax.options.insert(syntax.options.begin(),
                          {"name", 0, "NAME", "what to call it (default: local/ and the file's name)", {}, false});
    syntax.examples = {{"banger image import ./layout --name local/web:1", "then `banger vm run --image local/web:1`"},
                       {"docker save web -o web.tar && banger image import web.tar", "it is called local/web.tar"},
                       {"docker save web | banger image import - --name local/web:1", "without a file between them"}};
    return syntax;
}

sdk::Result<ImageImport> ImageImport::parse(const Arguments& arguments)
{
    ImageImport verb;
    if (arguments.operand(0) == standard_input && !arguments.has("name"))
        return sdk::make_error(sdk::Code::invalid, "what comes from standard input has no name",
                               "give one, such as --name local/web:1");
    verb.path = std::filesystem::absolute(arguments.operand(0)).lexically_normal();
    if (arguments.operand(0) == standard_input)
        verb.path = standard_input;
    if (verb.path.size() > 1 && verb.path.back() == '/')
        verb.path.pop_back();
    const auto name = arguments.value("name").value_or("local/" + without_digest(std::filesystem::path(verb.path).filename().string()));
    if (auto legal = check_own_name(name); !legal)
        return std::move(legal).error();
    verb.params.set("name", name);
    if (auto set = set_image_choices(arguments, verb.params); !set)
        return std::move(set).error();
    return verb;
}

sdk::Result<Exit> run(const ImageImport& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    std::string path = verb.path;
    sdk::os::UniqueFd kept;
    if (path == standard_input) {
        auto input = keep_input();
        if (!input)
            return std::move(input).error();
        kept = std::move(*input);
        path = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(kept.get());  // proc(5)
    }
    json::Object params;
    params.set_all(verb.params.value()).set("path", path);
    auto entry = (*session)->call("image.import", params);
    if (!entry)
        return std::move(entry).error();
    return context.show(entry->result, [&] { return json::string_or(entry->result, "name") + " is here\n"; });
}

}  // namespace banger::cli
