// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "cli/commands/catalogue.hpp"
#include "cli/commands/image_choices.hpp"
#include "cli/temporary_directory.hpp"

namespace banger::cli {
namespace {

namespace os = sdk::os;
using Words = std::vector<std::string>;

/// How a builder of this host makes an image of a directory, and an archive of the image.
struct Builder {
    std::string program;
    Words (*build)(const ImageBuild& verb, const std::string& id_file);
    Words (*save)(const std::string& id, const std::string& archive);
};

Words build_words(const ImageBuild& verb, const std::string& id_file)
{
    Words words{"build", "--iidfile", id_file};
    if (!verb.dockerfile.empty())
        words.insert(words.end(), {"-f", verb.dockerfile});
    words.push_back(verb.directory);
    return words;
}

const std::array<Builder, 2>& builders()
{
    static const std::array<Builder, 2> all{
        {{"buildah", build_words,
          [](const std::string& id, const std::string& archive) {
              return Words{"push", "--quiet", id, "oci-archive:" + archive};
          }},
         {"docker", build_words,
          [](const std::string& id, const std::string& archive) {
              return Words{"save", "--output", archive, id};
          }}}};
    return all;
}

sdk::Result<Builder> find_builder()
{
    for (const auto& builder : builders())
        if (os::find_program(builder.program))
            return builder;
    return sdk::make_error(sdk::Code::not_found, "there is no program on this host that builds container images",
                           "install buildah or docker, or import what was built elsewhere with `banger image import`");
}

/// In the foreground, with its output where ours for the person goes. Ctrl-C reaches it too, and is ours when it has ended.
sdk::Result<void> run_builder(const Builder& builder, Words words, Signals& signals)
{
    os::Command command;
    words.insert(words.begin(), builder.program);
    command.argv = std::move(words);
    command.out = command.err = STDERR_FILENO;
    command.new_session = false;
    command.die_with_parent = true;
    auto child = os::spawn(command);
    if (!child)
        return std::move(child).error();
    for (;;) {
        std::array<pollfd, 2> watch{{{child->pidfd(), POLLIN, 0}, {signals.descriptor(), POLLIN, 0}}};
        if (::poll(watch.data(), watch.size(), -1) < 0 && errno != EINTR)
            return sdk::os_error("poll");
        if (watch[1].revents != 0)
            for (const int signal : signals.read())
                if (Signals::asks_to_stop(signal))
                    (void)os::send_signal(child->id(), SIGTERM);
        if (watch[0].revents == 0)
            continue;
        const auto status = child->wait();
        if (!status)
            return status.error();
        if (*status != 0)
            return sdk::make_error(sdk::Code::unavailable, builder.program + " ends with status " + std::to_string(*status));
        return {};
    }
}

sdk::Result<void> build(const ImageBuild& verb, const TemporaryDirectory& scratch)
{
    auto builder = find_builder();
    if (!builder)
        return std::move(builder).error();
    auto signals = Signals::take();
    if (!signals)
        return std::move(signals).error();
    if (auto built = run_builder(*builder, builder->build(verb, scratch.path() + "/id"), *signals); !built)
        return std::move(built).error().while_doing("build " + verb.directory);
    const auto id = os::read_file(scratch.path() + "/id");
    if (!id)
        return id.error();
    if (auto saved = run_builder(*builder, builder->save(id->substr(0, id->find('\n')), scratch.path() + "/image.tar"), *signals);
        !saved)
        return std::move(saved).error().while_doing("save the image");
    return {};
}

}  // namespace

Syntax ImageBuild::syntax()
{
    Syntax syntax;
    syntax.path = "image build";
    syntax.summary = "make an image of a Dockerfile, by the builder of this host";
    syntax.description = "buildah builds it, or else docker; banger imports what comes out.";
    syntax.operands = {{"PATH"}};
    syntax.options = {{"file", 'f', "FILE", "the Dockerfile (default: PATH/Dockerfile, or what the builder looks for)", {}, false},
                      {"name", 0, "NAME", "what to call it (default: local/ and the directory's name)", {}, false}};
    for (auto& option : image_choice_options())
        if (option.name != "platform")
            syntax.options.push_back(std::move(option));
    syntax.examples = {{"banger image build . --name local/web:1", "then `banger vm run --image local/web:1`"}};
    return syntax;
}

sdk::Result<ImageBuild> ImageBuild::parse(const Arguments& arguments)
{
    ImageBuild verb;
    verb.directory = std::filesystem::absolute(arguments.operand(0)).lexically_normal();
    if (verb.directory.size() > 1 && verb.directory.back() == '/')
        verb.directory.pop_back();
    if (const auto file = arguments.value("file"))
        verb.dockerfile = std::filesystem::absolute(*file).lexically_normal();
    const auto name = arguments.value("name").value_or("local/" + std::filesystem::path(verb.directory).filename().string());
    if (auto legal = check_own_name(name); !legal)
        return std::move(legal).error();
    verb.image.set("name", name);
    if (auto set = set_image_choices(arguments, verb.image); !set)
        return std::move(set).error();
    return verb;
}

sdk::Result<Exit> run(const ImageBuild& verb, Context& context)
{
    auto scratch = TemporaryDirectory::make_in(large_temporary_place());
    if (!scratch)
        return std::move(scratch).error();
    if (auto built = build(verb, *scratch); !built)
        return std::move(built).error();
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    json::Object params;
    params.set_all(verb.image.value()).set("path", scratch->path() + "/image.tar");
    auto entry = (*session)->call("image.import", params);
    if (!entry)
        return std::move(entry).error();
    return context.show(entry->result, [&] { return json::string_or(entry->result, "name") + " is here\n"; });
}

}  // namespace banger::cli
